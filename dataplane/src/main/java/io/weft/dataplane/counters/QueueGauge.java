/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

import org.agrona.concurrent.status.AtomicCounter;

/** Tells how full the queue between a receiver and its sender is. Belongs to the receiver's thread. */
public final class QueueGauge {
    private final AtomicCounter frames;
    private final AtomicCounter peak;
    private final AtomicCounter full;
    private int lastFrames;
    private int mostFrames;

    private QueueGauge(final AtomicCounter frames, final AtomicCounter peak, final AtomicCounter full) {
        this.frames = frames;
        this.peak = peak;
        this.full = full;
    }

    /** Of the queue on the way out, which holds up to {@code capacity} frames. */
    public static QueueGauge ofEgress(final WorkerCounters counters, final int capacity) {
        counters.of(DataPlaneCounter.EGRESS_QUEUE_CAPACITY).setPlain(capacity);
        return new QueueGauge(
                counters.of(DataPlaneCounter.EGRESS_QUEUE_FRAMES),
                counters.of(DataPlaneCounter.EGRESS_QUEUE_PEAK),
                counters.of(DataPlaneCounter.EGRESS_QUEUE_FULL));
    }

    /** Of the queue on the way in, which holds up to {@code capacity} frames. */
    public static QueueGauge ofIngress(final WorkerCounters counters, final int capacity) {
        counters.of(DataPlaneCounter.INGRESS_QUEUE_CAPACITY).setPlain(capacity);
        return new QueueGauge(
                counters.of(DataPlaneCounter.INGRESS_QUEUE_FRAMES),
                counters.of(DataPlaneCounter.INGRESS_QUEUE_PEAK),
                counters.of(DataPlaneCounter.INGRESS_QUEUE_FULL));
    }

    /** At the beginning of each duty cycle: how many frames the sender has not released yet. */
    public void onCycle(final int inFlight) {
        if (inFlight != lastFrames) {
            lastFrames = inFlight;
            frames.setPlain(inFlight);
            if (inFlight > mostFrames) {
                mostFrames = inFlight;
                peak.setPlain(inFlight);
            }
        }
    }

    /** The sender is so far behind that a packet has to wait in the kernel. */
    public void onFull() {
        full.getAndAddPlain(1);
    }
}
