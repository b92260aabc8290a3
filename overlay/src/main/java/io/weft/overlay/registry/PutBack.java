/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import java.util.concurrent.TimeUnit;

/**
 * How often what is this node's in the registry is put back after somebody else has changed it: the first time at once, then after
 * pauses that grow up to a minute, so that two that claim the same do not write against each other without end. Times are those of
 * {@link System#nanoTime}. One thread.
 */
public final class PutBack {
    private static final long QUIET_NS = TimeUnit.MINUTES.toNanos(10);

    private final Backoff backoff = new Backoff(1_000, 60_000);
    private boolean isFirst = true;
    private long lastNs;
    private long allowedNs;

    /** Whether the pause is over. */
    public boolean isDue(final long nowNs) {
        return isFirst || nowNs - allowedNs >= 0;
    }

    /** Whether it may be put back now; if so, it counts as done. */
    public boolean isAllowed(final long nowNs) {
        if (!isDue(nowNs)) {
            return false;
        }
        if (isFirst || nowNs - lastNs > QUIET_NS) {
            backoff.reset();
        }
        isFirst = false;
        lastNs = nowNs;
        allowedNs = nowNs + backoff.nextNs();
        return true;
    }
}
