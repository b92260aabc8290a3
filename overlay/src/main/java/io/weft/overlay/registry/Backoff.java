/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/** Pauses that grow: each is twice the one before, less a random part of up to a quarter, so that nodes do not ask in step. One thread. */
public final class Backoff {
    private final long minNs;
    private final long maxNs;
    private long nextNs;

    /** From a first pause to a longest one. */
    public Backoff(final long minMs, final long maxMs) {
        minNs = TimeUnit.MILLISECONDS.toNanos(minMs);
        maxNs = TimeUnit.MILLISECONDS.toNanos(maxMs);
        nextNs = minNs;
    }

    /** The next pause, in nanoseconds. */
    public long nextNs() {
        final long pauseNs = nextNs;
        nextNs = Math.min(2 * nextNs, maxNs);
        return pauseNs - ThreadLocalRandom.current().nextLong(1 + pauseNs / 4);
    }

    /** Begins anew with the first pause. */
    public void reset() {
        nextNs = minNs;
    }
}
