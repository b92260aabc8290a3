/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.stats;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.ThreadCounter;
import java.nio.file.Path;

/**
 * What a forwarder has done since it was started, from the counters that weftd keeps, and the baseline too.
 *
 * @param reads calls that read from the pods' device, those that found nothing included, as with all calls.
 * @param writes calls that wrote to it.
 * @param sends calls that sent to the underlay, each as many messages as it took.
 * @param receives calls that received from the underlay.
 * @param polls calls that asked for work, and waited if there was none.
 * @param yields calls that gave way to others.
 * @param copiedBytes out of the kernel and into it again, of what was forwarded and delivered, and within the forwarder.
 * @param framesOut that the pods' device gave.
 * @param framesIn that it took.
 * @param packetsOut that were sent, as the wire carries them.
 * @param packetsIn that were delivered.
 */
public record ForwardingWork(
        long reads,
        long writes,
        long sends,
        long receives,
        long polls,
        long yields,
        long copiedBytes,
        long framesOut,
        long framesIn,
        long packetsOut,
        long packetsIn) {
    /** What is forwarded is copied from the kernel, and to it. */
    private static final int COPIES = 2;

    /**
     * What a forwarder has done.
     *
     * @throws IllegalStateException if the file is not one of counters.
     */
    public static ForwardingWork of(final Path countersFile) {
        final CounterTotals totals = CounterTotals.of(countersFile);
        return new ForwardingWork(
                totals.of(DataPlaneCounter.EGRESS_READ_CALLS),
                totals.of(DataPlaneCounter.INGRESS_WRITE_CALLS),
                totals.of(DataPlaneCounter.EGRESS_SEND_CALLS),
                totals.of(DataPlaneCounter.INGRESS_RECEIVE_CALLS),
                totals.of(ThreadCounter.POLLS),
                totals.of(ThreadCounter.YIELDS) + totals.of(DataPlaneCounter.INGRESS_TURNS),
                COPIES * totals.of(DataPlaneCounter.EGRESS_FORWARDED_BYTES)
                        + COPIES * totals.of(DataPlaneCounter.INGRESS_DELIVERED_BYTES)
                        + totals.of(DataPlaneCounter.EGRESS_MOVED_BYTES),
                totals.of(DataPlaneCounter.EGRESS_RECEIVED_FRAMES),
                totals.of(DataPlaneCounter.INGRESS_DELIVERED_FRAMES),
                totals.of(DataPlaneCounter.EGRESS_FORWARDED_PACKETS),
                totals.of(DataPlaneCounter.INGRESS_DELIVERED_PACKETS));
    }

    /** What was done since. */
    public ForwardingWork minus(final ForwardingWork before) {
        return new ForwardingWork(
                reads - before.reads,
                writes - before.writes,
                sends - before.sends,
                receives - before.receives,
                polls - before.polls,
                yields - before.yields,
                copiedBytes - before.copiedBytes,
                framesOut - before.framesOut,
                framesIn - before.framesIn,
                packetsOut - before.packetsOut,
                packetsIn - before.packetsIn);
    }
}
