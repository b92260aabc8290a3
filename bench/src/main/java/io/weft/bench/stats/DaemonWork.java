/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.stats;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * What processes have done since they were started, from /proc.
 *
 * @param processorSeconds of all threads, in user and kernel mode.
 * @param deviceCalls reads and writes of devices and files, those that found nothing included; not those of sockets, whose calls
 *     ({@code recvmmsg}, {@code sendmmsg}) come in batches.
 * @param waits how often a thread waited for something, and so had to be woken.
 */
public record DaemonWork(double processorSeconds, long deviceCalls, long waits) {
    private static final Path PROC = Path.of("/proc");

    /** Nothing yet. */
    public static final DaemonWork NONE = new DaemonWork(0, 0, 0);

    /** What a process has done. */
    public static DaemonWork of(final long pid) throws IOException {
        final Path directory = PROC.resolve(String.valueOf(pid));
        final String io = Files.readString(directory.resolve("io"), UTF_8);
        long waits = 0;
        try (DirectoryStream<Path> threads = Files.newDirectoryStream(directory.resolve("task"))) {
            for (final Path thread : threads) {
                waits += waits(thread);
            }
        } catch (final DirectoryIteratorException ex) {
            throw ex.getCause();
        }
        return new DaemonWork(CpuTime.processSeconds(pid), value(io, "syscr:") + value(io, "syscw:"), waits);
    }

    /** A thread may end while it is looked at; then it is not one of those that forward. */
    private static long waits(final Path thread) throws IOException {
        try {
            return value(Files.readString(thread.resolve("status"), UTF_8), "voluntary_ctxt_switches:");
        } catch (final NoSuchFileException ex) {
            return 0;
        }
    }

    static long value(final String text, final String key) {
        return text.lines()
                .filter(line -> line.startsWith(key))
                .mapToLong(line -> Long.parseLong(line.substring(key.length()).strip()))
                .sum();
    }

    /** This and another process together. */
    public DaemonWork plus(final DaemonWork other) {
        return new DaemonWork(
                processorSeconds + other.processorSeconds, deviceCalls + other.deviceCalls, waits + other.waits);
    }

    /** What was done since. */
    public DaemonWork minus(final DaemonWork before) {
        return new DaemonWork(
                processorSeconds - before.processorSeconds, deviceCalls - before.deviceCalls, waits - before.waits);
    }
}
