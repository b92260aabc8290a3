/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** By files like those of the kernel; the names of threads by this JVM's own. Needs no privilege. */
final class CompilerThreadsTest {
    private static final long SECOND_NS = TimeUnit.SECONDS.toNanos(1);

    /** More than it wants to see nothing in. */
    private static final int MANY_LOOKS = 20;

    @TempDir
    private Path tasks;

    private long nowNs;

    /** Looks once a second, each time after so much more has been counted for a thread; returns whether they were quiet at the last. */
    private boolean looksQuiet(final String name, final long ranNs, final long waitedNs) throws IOException {
        write(name, 0, 0);
        final CompilerThreads compilers = new CompilerThreads(tasks, nowNs);
        boolean areQuiet = false;
        for (int look = 1; look <= MANY_LOOKS; look++) {
            write(name, look * ranNs, look * waitedNs);
            nowNs += SECOND_NS;
            areQuiet = compilers.areQuiet(nowNs);
        }
        return areQuiet;
    }

    private void write(final String name, final long ranNs, final long waitedNs) throws IOException {
        final Path thread = Files.createDirectories(tasks.resolve("7"));
        Files.writeString(thread.resolve("comm"), name + "\n");
        Files.writeString(thread.resolve("schedstat"), ranNs + " " + waitedNs + " 3\n");
    }

    @Test
    void shouldBeQuietWhenTheyNeitherRunNorWait() throws IOException {
        assertTrue(looksQuiet(CompilerThreads.NAME, 0, 0));
    }

    @Test
    void shouldNotBeQuietWhileTheyRun() throws IOException {
        assertFalse(looksQuiet(CompilerThreads.NAME, SECOND_NS, 0));
    }

    @Test
    void shouldNotBeQuietWhileTheyWaitForAProcessor() throws IOException {
        assertFalse(looksQuiet(CompilerThreads.NAME, 0, SECOND_NS));
    }

    @Test
    void shouldNotCareForOtherThreads() throws IOException {
        assertTrue(looksQuiet("weft-worker-0", SECOND_NS, SECOND_NS));
    }

    @Test
    void shouldNotBeQuietBeforeTheyWereLookedAtForLong() throws IOException {
        write(CompilerThreads.NAME, 0, 0);
        final CompilerThreads compilers = new CompilerThreads(tasks, nowNs);
        for (int look = 0; look < MANY_LOOKS; look++) {
            assertFalse(compilers.areQuiet(++nowNs));
        }
        assertFalse(compilers.areQuiet(nowNs + SECOND_NS), "after one look of a second");
    }

    @Test
    void shouldBeQuietWhenNothingIsKnownOfThem() throws IOException {
        Files.writeString(Files.createDirectories(tasks.resolve("7")).resolve("comm"), CompilerThreads.NAME + "\n");
        Files.createDirectories(tasks.resolve("8"));
        final CompilerThreads compilers = new CompilerThreads(tasks, nowNs);
        boolean areQuiet = false;
        for (int look = 0; look < MANY_LOOKS; look++) {
            nowNs += SECOND_NS;
            areQuiet = compilers.areQuiet(nowNs);
        }
        assertTrue(areQuiet);
    }

    @Test
    void shouldBeQuietWhenThereIsNoAccountOfThreads() {
        final CompilerThreads compilers = new CompilerThreads(tasks.resolve("none"), nowNs);
        boolean areQuiet = false;
        for (int look = 0; look < MANY_LOOKS; look++) {
            nowNs += SECOND_NS;
            areQuiet = compilers.areQuiet(nowNs);
        }
        assertTrue(areQuiet);
    }

    /** Of several, one that has long run ends at every look, and another begins: less has run in sum than before. */
    @Test
    void shouldNotBeQuietByOneThatHasEnded() throws IOException {
        write(CompilerThreads.NAME, MANY_LOOKS * SECOND_NS, 0);
        final CompilerThreads compilers = new CompilerThreads(tasks, nowNs);
        for (int look = MANY_LOOKS - 1; look > 0; look--) {
            write(CompilerThreads.NAME, look * SECOND_NS, 0);
            nowNs += SECOND_NS;
            assertFalse(compilers.areQuiet(nowNs));
        }
    }

    @Test
    void shouldKnowThemByTheNameThatTheyHaveInThisJvm() throws IOException {
        final List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> threads = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
            for (final Path thread : threads) {
                names.add(nameOf(thread));
            }
        }
        assertTrue(names.contains(CompilerThreads.NAME), names::toString);
    }

    private static String nameOf(final Path thread) {
        try {
            return Files.readString(thread.resolve("comm")).strip();
        } catch (final IOException ended) {
            return "";
        }
    }
}
