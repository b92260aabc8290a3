/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import org.agrona.concurrent.NanoClock;

/** Limits how often something is done: a burst at once, and once more for each interval. Belongs to one thread. */
final class TokenBucket {
    private final int burst;
    private final long refillIntervalNs;
    private final NanoClock clock;
    private int tokens;
    private long refilledAtNs;

    /** A full one. */
    TokenBucket(final int burst, final long refillIntervalNs, final NanoClock clock) {
        this.burst = burst;
        this.refillIntervalNs = refillIntervalNs;
        this.clock = clock;
        tokens = burst;
        refilledAtNs = clock.nanoTime();
    }

    /** Takes a token, if there is one. */
    boolean take() {
        final long nowNs = clock.nanoTime();
        final long earned = (nowNs - refilledAtNs) / refillIntervalNs;
        if (earned > 0) {
            tokens = (int) Math.min(burst, tokens + earned);
            refilledAtNs = nowNs;
        }
        if (0 == tokens) {
            return false;
        }
        tokens--;
        return true;
    }
}
