/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Memory of a process, from /proc/PID/status. */
final class Resident {
    private static final String PEAK = "VmHWM:";
    private static final String NOW = "VmRSS:";
    private static final double KIBIBYTES_PER_MEBIBYTE = 1024;

    private Resident() {}

    /** The most that a process has had in memory. */
    static double peakMebibytes(final long pid) throws IOException {
        return mebibytes(pid, PEAK);
    }

    /** What it has there now. */
    static double mebibytes(final long pid) throws IOException {
        return mebibytes(pid, NOW);
    }

    private static double mebibytes(final long pid, final String name) throws IOException {
        return Files.readAllLines(Path.of("/proc", String.valueOf(pid), "status")).stream()
                        .filter(line -> line.startsWith(name))
                        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                        .findFirst()
                        .orElseThrow(() -> new IOException("process " + pid + " has ended"))
                / KIBIBYTES_PER_MEBIBYTE;
    }
}
