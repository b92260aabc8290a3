/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.dataplane.capture.Step;
import io.weft.dataplane.capture.Tap;
import io.weft.dataplane.counters.Direction;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.WorkerCounters;
import org.agrona.concurrent.UnsafeBuffer;

/** Counts and shows what the egress sender gives up, and shows what becomes of its other frames to whoever looks. Owned by the egress sender. */
final class EgressOutcomes {
    private final UnsafeBuffer arena;
    private final FairQueue waiting;
    private final WorkerCounters counters;
    private final Tap tap;

    /**
     * @param arena the memory that frames lie in.
     * @param waiting knows which socket a flow belongs to.
     * @param tap of the egress sender.
     */
    EgressOutcomes(final UnsafeBuffer arena, final FairQueue waiting, final WorkerCounters counters, final Tap tap) {
        this.arena = arena;
        this.waiting = waiting;
        this.counters = counters;
        this.tap = tap;
    }

    /**
     * A frame, or some of its segments, which are shown by the frame.
     *
     * @param packets of those that the wire would have carried for it.
     */
    void drop(final EgressFrame frame, final DropReason reason, final int packets) {
        counters.drop(reason, packets);
        tap.begin(Step.GIVEN_UP, frame.sequence, Direction.EGRESS, reason, packets, frame.gsoSize);
        show(frame);
    }

    /**
     * A frame was put into a batch, or sent.
     *
     * @param isUnsegmented by the offload device.
     */
    void sent(final EgressFrame frame, final UnderlaySender sender, final boolean isUnsegmented) {
        if (tap.isOn()) {
            final Step step = isUnsegmented ? Step.SENT_BY_OFFLOAD : sender.step();
            tap.begin(step, frame.sequence, Direction.EGRESS, null, frame.segments(), frame.gsoSize);
            tap.batch(frame.batch);
            show(frame);
        }
    }

    private void show(final EgressFrame frame) {
        final int tunnelHeaderLength = frame.tunnelHeaderLength;
        tap.peer(arena, frame.ipOffset - EgressFrame.HEADROOM, frame.outerTos, waiting.socket(frame.flow));
        tap.show(
                arena,
                frame.ipOffset - tunnelHeaderLength,
                tunnelHeaderLength + frame.packet.totalLength(),
                tunnelHeaderLength);
    }

    /** All datagrams of a message. */
    void drop(final DatagramBatch batch, final int message, final DropReason reason) {
        counters.drop(reason, batch.message(message).segments);
        showAll(batch, message, reason);
    }

    /** Where nobody looks, the first stands for all. */
    private void showAll(final DatagramBatch batch, final int index, final DropReason reason) {
        final DatagramMessage message = batch.message(index);
        int iovec = message.firstIovec;
        int left = message.length;
        do {
            final int length = Math.min(left, message.segmentLength);
            show(batch, index, iovec, length, reason);
            iovec = batch.datagramEnd(iovec, length);
            left -= length;
        } while (left > 0 && tap.isOn());
    }

    /**
     * One datagram of a message.
     *
     * @param iovec the first of the datagram's.
     * @param length of it in bytes.
     */
    void drop(
            final DatagramBatch batch, final int message, final int iovec, final int length, final DropReason reason) {
        counters.drop(reason, 1);
        show(batch, message, iovec, length, reason);
    }

    private void show(
            final DatagramBatch batch, final int index, final int iovec, final int length, final DropReason reason) {
        final DatagramMessage message = batch.message(index);
        tap.begin(Step.GIVEN_UP, Tap.NO_SEQUENCE, Direction.EGRESS, reason, 1, 0);
        tap.peer(arena, message.nameOffset, message.tos, message.socket);
        final int entries = batch.datagramEnd(iovec, length) - iovec;
        tap.show(batch.iovecAddress(iovec), entries, 0, length, message.tunnelHeaderLength);
    }
}
