/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.stats;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Processor time that the machine or a process has used, from /proc. */
public final class CpuTime {
    /** Ticks per second of the times in /proc: USER_HZ, 100 on every platform of weft (include/asm-generic/param.h). */
    private static final double TICKS_PER_SECOND = 100;

    /** Columns of /proc/stat that are work: user nice system irq softirq steal; idle and iowait are not (proc(5)). */
    private static final List<Integer> BUSY_COLUMNS = List.of(1, 2, 3, 6, 7, 8);

    /** Columns of /proc/PID/stat after the name in parentheses: utime and stime, 14 and 15 counted from 1 (proc(5)). */
    private static final int UTIME = 14 - 3;

    private static final int STIME = UTIME + 1;

    private CpuTime() {}

    /** Seconds that all cores together have worked since the machine started. */
    public static double machineSeconds() throws IOException {
        return machineSeconds(Files.readString(Path.of("/proc/stat"), UTF_8));
    }

    static double machineSeconds(final String stat) {
        final String[] columns = stat.lines().findFirst().orElseThrow().split(" +", -1);
        return BUSY_COLUMNS.stream()
                        .mapToLong(column -> Long.parseLong(columns[column]))
                        .sum()
                / TICKS_PER_SECOND;
    }

    /** Seconds that a process has worked, in user and kernel mode, all threads together. */
    public static double processSeconds(final long pid) throws IOException {
        return processSeconds(Files.readString(Path.of("/proc", String.valueOf(pid), "stat"), UTF_8));
    }

    static double processSeconds(final String stat) {
        final String[] columns = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
        return (Long.parseLong(columns[UTIME]) + Long.parseLong(columns[STIME])) / TICKS_PER_SECOND;
    }
}
