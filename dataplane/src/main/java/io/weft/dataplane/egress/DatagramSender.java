/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.encap.SuperframeCutter;
import io.weft.linux.DatagramPort;
import io.weft.linux.MessageVector;
import io.weft.linux.Poller;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Sends datagrams through one socket, as many as can be with one system call, and accounts for each of them. Owned by the
 * egress sender.
 */
final class DatagramSender implements UnderlaySender {
    /** How long a full send buffer may keep the data thread: a 10 Gbit/s link sends a megabyte in that time. */
    private static final int MAX_BUSY_MS = 1;

    private final DatagramPort port;
    private final DatagramBatch batch;
    private final WorkerCounters counters;
    private final MessageVector single = new MessageVector(1);
    private final Poller writable = new Poller(1);
    private final SendPolicy policy;

    /**
     * @param arena the memory that frames lie in.
     * @param maxSegments datagrams that the kernel cuts from one message at most; 1 where it cuts none.
     */
    DatagramSender(
            final DatagramPort port, final UnsafeBuffer arena, final int maxSegments, final WorkerCounters counters) {
        this.port = port;
        this.counters = counters;
        batch = new DatagramBatch(arena, maxSegments, null);
        policy = new SendPolicy(maxSegments > 1);
    }

    /** No socket can be told that a datagram is a tunnel, and that what is inside is to be cut. */
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
        makeRoom();
        batch.add(frame, length, 0);
    }

    @Override
    public void addSegment(final EgressFrame frame, final SuperframeCutter cutter, final int segment) {
        makeRoom();
        batch.addSegment(frame, cutter, segment, 0);
    }

    private void makeRoom() {
        if (!batch.hasRoom()) {
            flush();
        }
    }

    @Override
    public void flush() {
        final int count = batch.conclude();
        if (0 == count) {
            return;
        }
        policy.beginFlush();
        int index = 0;
        while (index < count) {
            final int result = port.send(batch.vector(), index, count - index);
            if (result > 0) {
                countSent(index, result);
                index += result;
            } else {
                index += onFailure(batch, index, -result);
            }
        }
        batch.clear();
    }

    /** Sends a message of another batch, after all that waits here. */
    void send(final DatagramBatch other, final int index) {
        flush();
        policy.beginFlush();
        final DatagramMessage message = other.message(index);
        if (message.segments > batch.maxSegments()) {
            sendOneByOne(other, index);
            return;
        }
        other.putMessage(single, index);
        int dealtWith = 0;
        while (0 == dealtWith) {
            final int result = port.send(single, 0, 1);
            if (result > 0) {
                countSent(1, message.segments, message.innerLength());
                dealtWith = 1;
            } else {
                dealtWith = onFailure(other, index, -result);
            }
        }
    }

    private void countSent(final int first, final int count) {
        int packets = 0;
        int bytes = 0;
        for (int i = first; i < first + count; i++) {
            final DatagramMessage message = batch.message(i);
            packets += message.segments;
            bytes += message.innerLength();
        }
        countSent(count, packets, bytes);
    }

    private void countSent(final int messages, final int packets, final int bytes) {
        counters.add(DataPlaneCounter.EGRESS_MESSAGES, messages);
        counters.add(DataPlaneCounter.EGRESS_FORWARDED_PACKETS, packets);
        counters.add(DataPlaneCounter.EGRESS_FORWARDED_BYTES, bytes);
    }

    /** Returns how many messages are dealt with: 0 to try the same one again, or 1. */
    private int onFailure(final DatagramBatch failed, final int index, final int errno) {
        final int segments = failed.message(index).segments;
        final SendPolicy.Action action = policy.onFailure(errno, segments);
        if (SendPolicy.Action.TRY_AGAIN == action || (SendPolicy.Action.WAIT == action && isWritable())) {
            return 0;
        }
        if (SendPolicy.Action.STOP_SEGMENTATION == action) {
            batch.maxSegments(1);
            counters.add(DataPlaneCounter.EGRESS_SEGMENTATION_FALLBACKS, 1);
        }
        if (SendPolicy.Action.STOP_SEGMENTATION == action || SendPolicy.Action.SEND_ONE_BY_ONE == action) {
            sendOneByOne(failed, index);
        } else {
            counters.drop(SendPolicy.reason(errno), segments);
        }
        return 1;
    }

    private boolean isWritable() {
        writable.set(0, port.fd(), Poller.POLLOUT);
        return writable.poll(MAX_BUSY_MS) > 0;
    }

    /** Sends the datagrams of a message that the kernel would not cut. */
    private void sendOneByOne(final DatagramBatch refused, final int index) {
        final DatagramMessage message = refused.message(index);
        int iovec = message.firstIovec;
        int left = message.length;
        while (left > 0) {
            final int length = Math.min(left, message.segmentLength);
            iovec = refused.putDatagram(single, index, iovec, length);
            sendSingle(length - message.tunnelHeaderLength);
            left -= length;
        }
    }

    /**
     * Sends the one datagram of {@link #single}.
     *
     * @param innerLength bytes of the inner IP packet.
     */
    private void sendSingle(final int innerLength) {
        while (true) {
            final int result = port.send(single, 0, 1);
            if (result > 0) {
                countSent(1, 1, innerLength);
                return;
            }
            final SendPolicy.Action action = policy.onFailure(-result, 1);
            if (SendPolicy.Action.TRY_AGAIN != action && (SendPolicy.Action.WAIT != action || !isWritable())) {
                counters.drop(SendPolicy.reason(-result), 1);
                return;
            }
        }
    }
}
