/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.dataplane.capture.Step;
import io.weft.dataplane.counters.DropReason;
import io.weft.encap.SuperframeCutter;

/**
 * Sends by the {@link PacketQueue} what may go that way, and all else by a UDP socket. A flow keeps its source port whichever way its
 * packets go. What went one way is sent before anything of the same peer goes the other, which within a batch is for its length alone.
 * Owned by the egress sender.
 */
final class PacketSender implements UnderlaySender {
    private final PacketQueue queue;
    private final DatagramSender socket;
    private final EgressOutcomes outcomes;
    private final int index;
    private boolean goesByQueue;
    private boolean hasOverlong;
    private long batches;

    /**
     * @param queue shared by all senders of the worker.
     * @param socket for what does not go by the queue.
     * @param index of the socket among those of the worker.
     */
    PacketSender(final PacketQueue queue, final DatagramSender socket, final EgressOutcomes outcomes, final int index) {
        this.queue = queue;
        this.socket = socket;
        this.outcomes = outcomes;
        this.index = index;
    }

    /** Decides which way the frame goes, and sees to it that the other one is empty of its flow. */
    @Override
    public boolean prepare(final EgressFrame frame, final int datagrams) {
        if (socket.isStalled() || !queue.prepare(datagrams)) {
            return false;
        }
        final int longest = queue.longest(frame);
        goesByQueue = frame.longestDatagram() <= longest;
        if (goesByQueue) {
            if (hasOverlong) {
                hasOverlong = false;
                socket.flush();
            }
            return !socket.isStalled();
        }
        if (longest > 0) {
            hasOverlong = true;
            queue.flush();
        }
        return !queue.isStalled() && socket.prepare(frame, datagrams);
    }

    /** A packet socket's vnet header has no word for a tunnel. */
    @Override
    public boolean takesUnsegmented(final EgressFrame frame) {
        return false;
    }

    @Override
    public boolean sendUnsegmented(final EgressFrame frame) {
        return false;
    }

    @Override
    public void add(final EgressFrame frame, final int length) {
        if (goesByQueue) {
            queue.add(frame, length, index);
        } else {
            socket.add(frame, length);
        }
    }

    /** The segments of a superframe may be more than the queue holds: once it refuses, the rest goes behind what it sends by UDP. */
    @Override
    public void addSegment(final EgressFrame frame, final SuperframeCutter cutter, final int segment) {
        if (!goesByQueue) {
            socket.addSegment(frame, cutter, segment);
        } else if (!queue.prepare(1)) {
            outcomes.drop(frame, DropReason.UNDERLAY_BUSY, 1);
        } else if (queue.isRefused()) {
            goesByQueue = false;
            socket.addSegment(frame, cutter, segment);
        } else {
            queue.addSegment(frame, cutter, segment, index);
        }
    }

    @Override
    public Step step() {
        return goesByQueue ? Step.SENT_BY_PACKET_SOCKET : Step.SENT_BY_UDP;
    }

    @Override
    public void flush() {
        queue.flush();
        socket.flush();
        onFlushed();
    }

    private void onFlushed() {
        hasOverlong = false;
        if (!isStalled()) {
            batches++;
        }
    }

    @Override
    public boolean isStalled() {
        return queue.isStalled() || socket.isStalled();
    }

    @Override
    public void tryAgain(final long nowNs) {
        queue.tryAgain(nowNs);
        socket.tryAgain(nowNs);
        onFlushed();
    }

    @Override
    public void onMoved(final int from, final int length, final int to) {
        queue.onMoved(from, length, to);
        socket.onMoved(from, length, to);
    }

    @Override
    public void abandon() {
        queue.abandon();
        socket.abandon();
        onFlushed();
    }

    @Override
    public long batch() {
        return batches;
    }

    @Override
    public int fd() {
        return queue.isStalled() ? queue.fd() : socket.fd();
    }
}
