/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import org.agrona.concurrent.NanoClock;

/**
 * Keeps what is done again and again to a part of the time: as often as is wished while it costs little, more seldom when it costs much.
 * What was not used lately may be used at once, so that a single long run, as the first one of a JVM is, delays none. Belongs to one
 * thread.
 */
final class TimeShare {
    private final int divisor;
    private final long savedNs;
    private final NanoClock clock;
    /** Until then all that was used is paid for. */
    private long paidNs;

    private long beganNs;

    /**
     * Nothing was used yet.
     *
     * @param divisor one such part of the time may be used.
     * @param savedNs of how much time the part that was not used is kept.
     */
    TimeShare(final int divisor, final long savedNs, final NanoClock clock) {
        this.divisor = divisor;
        this.savedNs = savedNs;
        this.clock = clock;
        paidNs = clock.nanoTime() - savedNs;
    }

    /** Begins a run, which {@link #end} ends; false if it has to wait. */
    boolean begin() {
        beganNs = clock.nanoTime();
        return paidNs - beganNs <= 0;
    }

    void end() {
        final long endNs = clock.nanoTime();
        paidNs = Math.max(paidNs - endNs, -savedNs) + endNs + (endNs - beganNs) * divisor;
    }
}
