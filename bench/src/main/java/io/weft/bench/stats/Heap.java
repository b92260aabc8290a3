/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.stats;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.weft.bench.lab.Command;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** What another JVM allocates, by jstat, and how long its collector stops it, by its log. */
public final class Heap {
    /** Of {@code -Xlog:gc}: {@code [1.2s] GC(3) Pause Young (Allocation Failure) 17M->1M(61M) 1.234ms}. */
    private static final Pattern PAUSE = Pattern.compile("Pause .* ([0-9.]+)ms$", Pattern.MULTILINE);

    /**
     * Of {@code -Xlog:safepoint}: {@code [1.2s] Safepoint "G1CollectForAllocation", Time since last: 52943 ns, Reaching safepoint: 3120 ns,
     * At safepoint: 12345 ns, Total: 15465 ns}, and more behind it of newer ones.
     */
    private static final Pattern STOP = Pattern.compile("Safepoint \".* Total: +([0-9]+) ns");

    private static final double NS_PER_MS = 1e6;

    /** What a JVM has to run with for {@code jstat} to see it. */
    public static final String JAVA_OPTION = "-XX:+UsePerfData";

    private Heap() {}

    /**
     * Bytes that a JVM with the serial collector has allocated since its start: full edens collected, and what is used
     * of the one at hand. Large arrays that went straight to the old generation are not in it.
     *
     * @param javaHome of a JDK, for its {@code jstat}.
     */
    public static double allocatedBytes(final Path javaHome, final long pid) {
        final String jstat = javaHome.resolve("bin").resolve("jstat").toString();
        return allocatedBytes(Command.run(jstat, "-gc", String.valueOf(pid)));
    }

    /** As {@link #allocatedBytes(Path, long)}, of what {@code jstat -gc} prints: a line of names, a line of KB. */
    static double allocatedBytes(final String jstat) {
        final double edenCapacity = value(jstat, "EC");
        final double edenUsed = value(jstat, "EU");
        final double youngCollections = value(jstat, "YGC");
        return (youngCollections * edenCapacity + edenUsed) * 1024;
    }

    /**
     * Bytes of a JVM's heap that are in use right after a collection, for which it is asked.
     *
     * @param javaHome of a JDK, for its {@code jcmd} and {@code jstat}.
     */
    public static double collectedBytes(final Path javaHome, final long pid) {
        final Path bin = javaHome.resolve("bin");
        Command.run(bin.resolve("jcmd").toString(), String.valueOf(pid), "GC.run");
        return usedBytes(Command.run(bin.resolve("jstat").toString(), "-gc", String.valueOf(pid)));
    }

    /** What is used of each generation, of what {@code jstat -gc} prints. */
    static double usedBytes(final String jstat) {
        double kilobytes = 0;
        for (final String name : List.of("S0U", "S1U", "EU", "OU")) {
            kilobytes += value(jstat, name);
        }
        return kilobytes * 1024;
    }

    private static double value(final String jstat, final String name) {
        final List<String> lines = jstat.lines().toList();
        final List<String> names = Arrays.asList(lines.get(0).strip().split(" +", -1));
        return Double.parseDouble(lines.get(1).strip().split(" +", -1)[names.indexOf(name)]);
    }

    /** The pauses in a collector's log, in ms. */
    public static List<Double> pausesMs(final Path log) throws IOException {
        return pausesMs(Files.readString(log, UTF_8));
    }

    static List<Double> pausesMs(final String log) {
        return numbers(PAUSE, log).toList();
    }

    /** How long all threads of a JVM stood still each time, for the collector or whatever else, in ms; the way there is in it. */
    public static List<Double> stopsMs(final Path log) throws IOException {
        return stopsMs(Files.readString(log, UTF_8));
    }

    static List<Double> stopsMs(final String log) {
        return numbers(STOP, log).map(ns -> ns / NS_PER_MS).toList();
    }

    private static Stream<Double> numbers(final Pattern pattern, final String log) {
        return pattern.matcher(log).results().map(result -> Double.parseDouble(result.group(1)));
    }
}
