/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.bench.BenchMain;
import io.weft.bench.lab.Jvm;
import io.weft.linux.SystemCallFilter;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.ObjectMapper;

/** Filters stay for as long as a process lives, so each is in one of its own. */
@RequiresRoot
class DearCallsTest {
    private static final int TIMES_AS_DEAR = 4;

    /** Four times what one costs here, whatever that is. */
    static int dearNs(final double asItIsNs) {
        return (int) Math.max(DearCalls.MIN_NS, Math.min(TIMES_AS_DEAR * asItIsNs, DearCalls.MAX_NS));
    }

    /** Where calls are as dear as can be asked for there is nothing to be tried. */
    private static double asItIsNs() {
        final double asItIsNs = MachineCosts.leastSystemCallNs();
        assumeTrue(2 * asItIsNs < DearCalls.MAX_NS, () -> "a system call costs " + asItIsNs + " ns here");
        return asItIsNs;
    }

    /** Makes calls dear for itself, and says what a child pays: before and after, started by a thread that was there before. */
    static final class Imitation {
        private static final int STARTS = 5;
        private static final List<String> READS_AND_WRITES = List.of(
                "bash",
                "-c",
                "export LC_ALL=C TIMEFORMAT='%U %S'; time dd if=/dev/zero of=/dev/null bs=1 count=50000 2>/dev/null");

        private Imitation() {}

        public static void main(final String[] args) throws Exception {
            final ExecutorService older = Executors.newSingleThreadExecutor();
            try {
                final double before = older.submit(Imitation::leastOfChild).get();
                final int askedNs = Integer.parseInt(args[0]);
                final double madeNs = DearCalls.imitate(askedNs, SystemCallFilter::applyToProcess);
                final double after = older.submit(Imitation::leastOfChild).get();
                System.out.printf(
                        Locale.ROOT,
                        "asked %d made %.3f before %.3f after %.3f%n%s",
                        askedNs,
                        madeNs,
                        before,
                        after,
                        older.submit(Imitation::status).get());
            } finally {
                older.shutdown();
            }
        }

        /** Seconds of a processor, in the best of several starts. */
        private static double leastOfChild() {
            double least = Double.MAX_VALUE;
            for (int i = 0; i < STARTS; i++) {
                final String[] seconds =
                        Command.tryRun(READS_AND_WRITES).errors().strip().split(" ", -1);
                least = Math.min(least, Double.parseDouble(seconds[0]) + Double.parseDouble(seconds[1]));
            }
            return least;
        }

        private static String status() {
            return Command.run(List.of("grep", "^Seccomp:", "/proc/self/status"));
        }
    }

    @Test
    void shouldMakeCallsDearForAllThreadsAndWhatTheyStart() {
        final double asItIsNs = asItIsNs();
        final int dearNs = dearNs(asItIsNs);
        final String said = Command.run(Jvm.words(Imitation.class, String.valueOf(dearNs)));
        final Matcher figures = Pattern.compile("asked (\\d+) made ([0-9.]+) before ([0-9.]+) after ([0-9.]+)\n")
                .matcher(said);
        assertTrue(figures.find(), said);
        assertTrue(Double.parseDouble(figures.group(2)) >= Integer.parseInt(figures.group(1)), said);
        // A child has more to do than calls: a quarter of what they cost more is plenty.
        final double dearer = 1 + (dearNs / asItIsNs - 1) / 4;
        assertTrue(Double.parseDouble(figures.group(4)) > dearer * Double.parseDouble(figures.group(3)), said);
        assertTrue(said.endsWith("Seccomp:\t2\n"), said);
    }

    @Test
    void shouldNotMakeCallsCheaper() {
        final String refusal = String.valueOf(assertThrows(
                        IllegalArgumentException.class, () -> DearCalls.imitate(1, SystemCallFilter::applyToThread))
                .getMessage());
        assertTrue(refusal.matches("a system call costs \\d+ ns here already, and can only be made dearer"), refusal);
    }

    /** A run of the kernel's row, as a user starts it. */
    @Test
    void shouldSayInTheReportThatCallsWereDear(@TempDir final Path directory) throws IOException {
        final List<String> words = Jvm.words(
                BenchMain.class,
                "--call-cost=" + dearNs(asItIsNs()),
                "--only=latency",
                "--pairings=kernel",
                "--offload=passthrough",
                "--rounds=1",
                "--seconds=1",
                "--out=" + directory);
        words.add(
                words.indexOf("-cp"),
                "-Xmx512m"); // what copies are measured with is larger than a small program's memory

        final Command.Result run = Command.tryRun(words);

        assertEquals(0, run.exitCode(), run::errors);
        final String systemCall = new ObjectMapper()
                .readTree(Files.readString(directory.resolve("results.json")))
                .path("machine")
                .path("system call")
                .asString();
        assertTrue(
                systemCall.matches("\\d+\\.\\d\\d µs; imitated: \\d+\\.\\d\\d µs \\(wake-ups are not imitated\\)"),
                systemCall);
        assertTrue(run.output().contains("  system call: " + systemCall + "\n"), run::output);
        assertTrue(Files.readString(directory.resolve("report.html")).contains(systemCall));
    }
}
