/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.testing;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waits for a condition with a deadline. */
public final class Await {
    /**
     * A bound for what comes soon or never. Tests do not measure: a machine that is slow, or busy with other work, is not to
     * miss it. What must be fast is a budget of {@code ./weft bench --only=budgets}.
     */
    public static final int TIMEOUT_MS = 120_000;

    private static final long POLL_INTERVAL_NS = TimeUnit.MILLISECONDS.toNanos(2);

    private Await() {}

    /**
     * Returns as soon as the condition holds.
     *
     * @param what is waited for, for the failure's message.
     * @param timeoutMs after which the wait fails.
     * @param condition asked every 2 ms on the calling thread.
     * @throws AssertionError if the condition does not hold in time.
     */
    public static void until(final String what, final long timeoutMs, final BooleanSupplier condition) {
        until(() -> what, timeoutMs, condition);
    }

    /**
     * As {@link #until(String, long, BooleanSupplier)}, with a message that is made at the time of failure, so that it can
     * tell the last state.
     *
     * @param what is waited for and what was seen instead.
     * @param timeoutMs after which the wait fails.
     * @param condition asked every 2 ms on the calling thread.
     * @throws AssertionError if the condition does not hold in time.
     */
    public static void until(final Supplier<String> what, final long timeoutMs, final BooleanSupplier condition) {
        final long deadlineNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - deadlineNs >= 0) {
                throw new AssertionError("not within " + timeoutMs + " ms: " + what.get());
            }
            if (Thread.currentThread().isInterrupted()) {
                throw new AssertionError("interrupted while waiting: " + what.get());
            }
            LockSupport.parkNanos(POLL_INTERVAL_NS);
        }
    }
}
