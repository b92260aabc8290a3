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
import org.agrona.concurrent.NanoClock;
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
    private final EgressOutcomes outcomes;
    private final SendBuffer buffer;
    private int messages;
    private int nextMessage;
    private boolean isRefused;
    private boolean isStalled;
    private boolean isTried;

    /**
     * @param arena the memory that frames lie in.
     * @param maxSegments datagrams that the kernel cuts from one message at most.
     * @param sockets of the worker, for what does not go by packet socket.
     * @param narrowPaths of the worker.
     * @param clock for the send buffer.
     */
    PacketQueue(
            final UnsafeBuffer arena,
            final int maxSegments,
            final PacketTransmission transmission,
            final List<DatagramSender> sockets,
            final NarrowPaths narrowPaths,
            final NanoClock clock,
            final WorkerCounters counters,
            final EgressOutcomes outcomes,
            final int worker) {
        this.transmission = transmission;
        this.sockets = List.copyOf(sockets);
        this.counters = counters;
        this.outcomes = outcomes;
        port = transmission.port(worker);
        outer = new OuterHeaders(arena, transmission.local(), transmission.sourcePorts(worker));
        batch = new DatagramBatch(arena, maxSegments, outer, narrowPaths);
        buffer = new SendBuffer(port, clock);
    }

    /** What a queue takes outside of the heap, in bytes. */
    static long memoryLength() {
        return DatagramBatch.memoryLength() + OuterHeaders.memoryLength();
    }

    /** Asks who is reached, for one batch. */
    void beginBatch() {
        isRefused = false;
        isTried = false;
        outer.nextHops(transmission.nextHops());
    }

    /**
     * How long a datagram may be that goes this way.
     *
     * @return bytes; 0 or less if the frame's peer is not reached by packet socket.
     */
    int longest(final EgressFrame frame) {
        return isRefused ? 0 : outer.longest(frame.ipOffset - EgressFrame.HEADROOM);
    }

    /**
     * Makes room for so many datagrams.
     *
     * @return false if there is none for now.
     */
    boolean prepare(final int datagrams) {
        if (!isStalled && !batch.hasRoom(datagrams)) {
            flush();
        }
        return !isStalled;
    }

    /** Whether all else of this batch goes by UDP. */
    boolean isRefused() {
        return isRefused;
    }

    /** Adds a packet that is not longer than {@link #longest} has just said. */
    void add(final EgressFrame frame, final int length, final int socket) {
        batch.add(frame, length, socket);
    }

    /** Adds a segment, likewise. */
    void addSegment(final EgressFrame frame, final SuperframeCutter cutter, final int segment, final int socket) {
        batch.addSegment(frame, cutter, segment, socket);
    }

    /** Sends all that was added, in its order. */
    void flush() {
        if (!isStalled) {
            messages = batch.conclude();
            sendBatch();
        }
    }

    /** The same, also where it is stalled, unless what is kept is too old; once for all senders of the worker. */
    void tryAgain(final long nowNs) {
        if (!isStalled || isTried) {
            return;
        }
        isTried = true;
        if (batch.isTooOld(nowNs)) {
            abandon();
        } else {
            isStalled = false;
            sendBatch();
        }
    }

    private void sendBatch() {
        while (nextMessage < messages && !isRefused && !isStalled) {
            counters.add(DataPlaneCounter.EGRESS_SEND_CALLS, 1);
            final int result = port.send(batch.vector(), nextMessage, messages - nextMessage);
            if (result > 0) {
                countSent(nextMessage, result);
                nextMessage += result;
            } else {
                nextMessage += onFailure(nextMessage, -result);
            }
        }
        if (!isStalled) {
            for (; nextMessage < messages; nextMessage++) {
                sockets.get(batch.message(nextMessage).socket).send(batch, nextMessage);
            }
            beginNext();
        }
    }

    private void beginNext() {
        batch.clear();
        messages = 0;
        nextMessage = 0;
    }

    /** Whether the packet socket takes no more for now, and what was added is kept until {@link #tryAgain}. */
    boolean isStalled() {
        return isStalled;
    }

    /** Memory of what is kept has been copied, as in {@link UnderlaySender#onMoved}. */
    void onMoved(final int from, final int length, final int to) {
        batch.onMoved(from, length, to);
    }

    /** Gives up what is kept. */
    void abandon() {
        for (; nextMessage < messages; nextMessage++) {
            outcomes.drop(batch, nextMessage, DropReason.UNDERLAY_BUSY);
        }
        isStalled = false;
        beginNext();
    }

    /** The descriptor of the packet socket. */
    int fd() {
        return port.fd();
    }

    /**
     * Returns how many messages are dealt with. What the device's queue has dropped is gone; what the socket has no room for waits; all
     * else can go another way.
     */
    private int onFailure(final int index, final int errno) {
        if (Errno.ENOBUFS == errno) {
            outcomes.drop(batch, index, DropReason.UNDERLAY_BUSY);
            return 1;
        }
        if (Errno.EAGAIN == errno) {
            batch.onRefusal(buffer.onRefusal());
            isStalled = true;
        } else if (Errno.EINTR != errno) {
            isRefused = true;
            counters.add(DataPlaneCounter.EGRESS_PACKET_REFUSALS, 1);
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
            counters.sentTo(message.peer, message.segments, message.innerLength());
        }
        buffer.onSent(count, bytes);
        counters.add(DataPlaneCounter.EGRESS_MESSAGES, count);
        counters.add(DataPlaneCounter.EGRESS_PACKET_MESSAGES, count);
        counters.add(DataPlaneCounter.EGRESS_FORWARDED_PACKETS, packets);
        counters.add(DataPlaneCounter.EGRESS_FORWARDED_BYTES, bytes);
    }
}
