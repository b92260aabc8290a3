/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Whether the JVM's threads that optimise hot code have something to do, by the time that the kernel has had them run or wait for a
 * processor; a wait counts when it has ended. The JVM's own account of it is kept with {@code -XX:+UsePerfData} only, and asking for it needs a module of its own.
 *
 * <pre>
 * /proc/self/task/TID/comm        the thread's name, 15 bytes of it
 * /proc/self/task/TID/schedstat   ns on a processor, ns waiting for one, ...   (Documentation/scheduler/sched-stats.rst)
 * </pre>
 *
 * Where that cannot be read, or the JVM's threads have other names, they seem to do nothing. Not thread-safe.
 */
final class CompilerThreads {
    /** HotSpot's C2 (CompileBroker::possibly_add_compiler_threads). */
    static final String NAME = "C2 CompilerThre";

    /** So long they are looked at: longer than one method takes, mostly. */
    private static final long INTERVAL_NS = 40_000_000;

    /** Of that, what is no work: now and then a method of other threads. */
    private static final int QUIET_SHARE = 10;

    /** Between two methods they may have nothing to do: the next one is not yet called often enough. */
    private static final int QUIET_INTERVALS = 4;

    private final Path tasks;
    private long lookedAtNs;
    private long busyNs;
    private int quietIntervals;

    /**
     * @param tasks directory of a process's threads.
     * @param nowNs of {@link System#nanoTime}.
     */
    CompilerThreads(final Path tasks, final long nowNs) {
        this.tasks = tasks;
        lookedAtNs = nowNs;
        busyNs = totalBusyNs();
    }

    /** Those of this JVM. */
    static CompilerThreads ofThisJvm() {
        return new CompilerThreads(Path.of("/proc/self/task"), System.nanoTime());
    }

    /** Whether they have done nothing of late; asked often. */
    boolean areQuiet(final long nowNs) {
        final long elapsedNs = nowNs - lookedAtNs;
        if (elapsedNs >= INTERVAL_NS) {
            final long before = busyNs;
            lookedAtNs = nowNs;
            busyNs = totalBusyNs();
            final boolean isQuiet =
                    busyNs >= before && busyNs - before < elapsedNs / QUIET_SHARE; // less: one has ended
            quietIntervals = isQuiet ? quietIntervals + 1 : 0;
        }
        return quietIntervals >= QUIET_INTERVALS;
    }

    private long totalBusyNs() {
        long total = 0;
        try (DirectoryStream<Path> threads = Files.newDirectoryStream(tasks)) {
            for (final Path thread : threads) {
                total += busyNs(thread);
            }
        } catch (final IOException | DirectoryIteratorException unreadable) {
            return 0;
        }
        return total;
    }

    /** What one of them has run and waited; 0 of other threads, and of one that has ended meanwhile. */
    private static long busyNs(final Path thread) {
        try {
            if (!NAME.equals(read(thread.resolve("comm")))) {
                return 0;
            }
            final String[] values = read(thread.resolve("schedstat")).split(" ", -1);
            return values.length < 2 ? 0 : Long.parseLong(values[0]) + Long.parseLong(values[1]);
        } catch (final IOException | NumberFormatException unreadable) {
            return 0;
        }
    }

    private static String read(final Path file) throws IOException {
        return Files.readString(file, StandardCharsets.US_ASCII).strip();
    }
}
