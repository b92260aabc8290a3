/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.stats;

import io.weft.bench.lab.Command;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Times in seconds. */
public final class Stopwatch {
    private static final long POLL_NS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final long LIMIT_NS = TimeUnit.MINUTES.toNanos(2);

    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private Stopwatch() {}

    /**
     * The time since then.
     *
     * @param startNs by {@link System#nanoTime}.
     */
    public static double secondsSince(final long startNs) {
        return (System.nanoTime() - startNs) / 1e9;
    }

    /**
     * What this thread has worked, in ns: for what it does alone and without waiting, so that neither other work on the machine
     * nor the collector counts.
     */
    public static long workedNs() {
        return THREADS.getCurrentThreadCpuTime();
    }

    /**
     * What this thread has worked since then.
     *
     * @param startNs by {@link #workedNs}.
     */
    public static double workedSecondsSince(final long startNs) {
        return (workedNs() - startNs) / 1e9;
    }

    /** How long a program runs. */
    public static double seconds(final List<String> words) {
        final long startNs = System.nanoTime();
        Command.run(words);
        return secondsSince(startNs);
    }

    /**
     * Asks once in a millisecond until the answer is yes.
     *
     * @param startNs by {@link System#nanoTime}.
     * @return seconds from the start.
     * @throws Command.CommandException with what is missing after two minutes.
     */
    public static double secondsUntil(
            final long startNs, final Supplier<String> missing, final BooleanSupplier condition) {
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - startNs > LIMIT_NS) {
                throw new Command.CommandException("not within two minutes: " + missing.get());
            }
            LockSupport.parkNanos(POLL_NS);
        }
        return secondsSince(startNs);
    }
}
