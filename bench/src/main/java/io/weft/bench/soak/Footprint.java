/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.soak;

import io.weft.bench.lab.Command;
import io.weft.bench.stats.Heap;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What a JVM holds of the machine.
 *
 * @param residentMebibytes of all its memory, what is in the machine's at present.
 * @param heapMebibytes that were used right after a collection.
 * @param directMebibytes of buffers outside of the heap.
 * @param descriptors that are open.
 * @param threads of all kinds.
 */
record Footprint(double residentMebibytes, double heapMebibytes, double directMebibytes, int descriptors, int threads) {
    /** What the JVM has to be started with, so that it can tell of its direct buffers. */
    static final String JAVA_OPTION = "-XX:NativeMemoryTracking=summary";

    private static final double KIBIBYTES_PER_MEBIBYTE = 1024;
    private static final Path JAVA_HOME = Path.of(System.getProperty("java.home"));
    private static final Pattern RESIDENT = Pattern.compile("^VmRSS:\\s+(\\d+) kB$", Pattern.MULTILINE);
    private static final Pattern THREADS = Pattern.compile("^Threads:\\s+(\\d+)$", Pattern.MULTILINE);
    /** Of {@code jcmd VM.native_memory}: what no part of the JVM itself has allocated. */
    private static final Pattern DIRECT = Pattern.compile("Other \\(reserved=\\d+KB, committed=(\\d+)KB");

    /** That of a process which runs with {@link #JAVA_OPTION}. It is made to collect its heap. */
    static Footprint of(final long pid) throws IOException {
        final String process = String.valueOf(pid);
        final double heapBytes = Heap.collectedBytes(JAVA_HOME, pid);
        final String memory =
                Command.run(JAVA_HOME.resolve("bin/jcmd").toString(), process, "VM.native_memory", "summary");
        final String status = Files.readString(Path.of("/proc", process, "status"));
        return new Footprint(
                number(RESIDENT, status) / KIBIBYTES_PER_MEBIBYTE,
                heapBytes / KIBIBYTES_PER_MEBIBYTE / KIBIBYTES_PER_MEBIBYTE,
                number(DIRECT, memory) / KIBIBYTES_PER_MEBIBYTE,
                descriptors(process),
                (int) number(THREADS, status));
    }

    private static long number(final Pattern pattern, final String text) throws IOException {
        final Matcher matcher = pattern.matcher(text);
        if (!matcher.find()) {
            throw new IOException("no " + pattern + " in: " + text);
        }
        return Long.parseLong(matcher.group(1));
    }

    private static int descriptors(final String process) throws IOException {
        try (Stream<Path> open = Files.list(Path.of("/proc", process, "fd"))) {
            return (int) open.count();
        }
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "%.0f MiB resident, heap %.1f, direct %.1f, %d descriptors, %d threads",
                residentMebibytes,
                heapMebibytes,
                directMebibytes,
                descriptors,
                threads);
    }
}
