/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.underlay.NextHops;
import io.weft.dataplane.underlay.PacketTransmission;
import io.weft.encap.SuperframeCutter;
import io.weft.linux.DatagramPort;
import io.weft.linux.Errno;
import java.util.List;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The packet socket that a worker sends by, for all its source ports, and what waits to leave by it. What the kernel does not take goes
 * by UDP at once, and so does all else of the batch that is being sent. Owned by the egress sender.
 */
final class PacketQueue {
    private final DatagramPort port;
    private final PacketTransmission transmission;
    private final OuterHeaders outer;
    private final DatagramBatch batch;
    private final List<DatagramSender> sockets;
    private final WorkerCounters counters;
    private boolean isRefused;

    /**
     * @param arena the memory that frames lie in.
     * @param maxSegments datagrams that the kernel cuts from one message at most.
     * @param sockets of the worker, for what does not go by packet socket.
     */
    PacketQueue(
            final UnsafeBuffer arena,
            final int maxSegments,
            final PacketTransmission transmission,
            final List<DatagramSender> sockets,
            final WorkerCounters counters,
            final int worker) {
        this.transmission = transmission;
        this.sockets = List.copyOf(sockets);
        this.counters = counters;
        port = transmission.port(worker);
        outer = new OuterHeaders(arena, transmission.local(), transmission.sourcePorts(worker));
        batch = new DatagramBatch(arena, maxSegments, outer);
    }

    /** What a queue takes outside of the heap, in bytes. */
    static long memoryLength() {
        return DatagramBatch.memoryLength() + OuterHeaders.memoryLength();
    }

    /** Asks who is reached, for one batch. */
    void beginBatch() {
        isRefused = false;
        outer.nextHops(transmission.nextHops());
    }

    /**
     * Makes room for one more datagram, and tells how long it may be.
     *
     * @return bytes; 0 or less if the frame's peer is not reached by packet socket.
     */
    int longest(final EgressFrame frame) {
        if (!batch.hasRoom()) {
            flush();
        }
        return isRefused ? 0 : outer.longest(frame.ipOffset - EgressFrame.HEADROOM);
    }

    /** Adds a packet that is not longer than {@link #longest} has just said. */
    void add(final EgressFrame frame, final int length, final int socket) {
        batch.add(frame, length, socket);
    }

    /** Adds a segment, likewise. */
    void addSegment(final EgressFrame frame, final SuperframeCutter cutter, final int segment, final int socket) {
        batch.addSegment(frame, cutter, segment, socket);
    }

    /** Sends all that waits, in its order. */
    void flush() {
        final int count = batch.conclude();
        int index = 0;
        while (index < count && !isRefused) {
            final int result = port.send(batch.vector(), index, count - index);
            if (result > 0) {
                countSent(index, result);
                index += result;
            } else {
                index += onFailure(index, -result);
            }
        }
        for (; index < count; index++) {
            sockets.get(batch.message(index).socket).send(batch, index);
        }
        batch.clear();
    }

    /** Returns how many messages are dealt with. What the device's queue has dropped is gone; all else can go another way. */
    private int onFailure(final int index, final int errno) {
        if (Errno.ENOBUFS == errno) {
            counters.drop(DropReason.UNDERLAY_BUSY, batch.message(index).segments);
            return 1;
        }
        if (Errno.EINTR != errno) {
            isRefused = true;
            counters.add(DataPlaneCounter.EGRESS_PACKET_REFUSALS, Errno.EAGAIN == errno ? 0 : 1);
            outer.nextHops(NextHops.NONE);
        }
        return 0;
    }

    private void countSent(final int first, final int count) {
        int packets = 0;
        int bytes = 0;
        for (int i = first; i < first + count; i++) {
            final DatagramMessage message = batch.message(i);
            packets += message.segments;
            bytes += message.innerLength();
        }
        counters.add(DataPlaneCounter.EGRESS_MESSAGES, count);
        counters.add(DataPlaneCounter.EGRESS_PACKET_MESSAGES, count);
        counters.add(DataPlaneCounter.EGRESS_FORWARDED_PACKETS, packets);
        counters.add(DataPlaneCounter.EGRESS_FORWARDED_BYTES, bytes);
    }
}
