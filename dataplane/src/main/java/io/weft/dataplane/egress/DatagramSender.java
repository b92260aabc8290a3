/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.dataplane.capture.Step;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.underlay.UnansweredPeers;
import io.weft.encap.SuperframeCutter;
import io.weft.linux.DatagramPort;
import io.weft.linux.MessageVector;
import org.agrona.concurrent.NanoClock;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Sends datagrams through one socket, as many as can be with one system call, and accounts for each of them. What the socket does not
 * take is kept, and the sender is stalled until it does. Owned by the egress sender.
 */
final class DatagramSender implements UnderlaySender {
    private final DatagramPort port;
    private final DatagramBatch batch;
    private final WorkerCounters counters;
    private final EgressOutcomes outcomes;
    private final UnansweredPeers unanswered;
    private final int index;
    private final MessageVector single = new MessageVector(1);
    private final SendBuffer buffer;
    private int messages;
    private int nextMessage;
    private boolean isStalled;
    private long batches;

    /**
     * @param arena the memory that frames lie in.
     * @param maxSegments datagrams that the kernel cuts from one message at most; 1 where it cuts none.
     * @param narrowPaths of the worker.
     * @param unanswered who is not sent to.
     * @param clock for the send buffer, and for what is kept.
     * @param index of the socket among those of the worker.
     */
    DatagramSender(
            final DatagramPort port,
            final UnsafeBuffer arena,
            final int maxSegments,
            final NarrowPaths narrowPaths,
            final UnansweredPeers unanswered,
            final NanoClock clock,
            final WorkerCounters counters,
            final EgressOutcomes outcomes,
            final int index) {
        this.port = port;
        this.counters = counters;
        this.outcomes = outcomes;
        this.unanswered = unanswered;
        this.index = index;
        batch = new DatagramBatch(arena, maxSegments, null, narrowPaths);
        buffer = new SendBuffer(port, clock);
    }

    @Override
    public boolean prepare(final EgressFrame frame, final int datagrams) {
        if (!isStalled && !batch.hasRoom(datagrams)) {
            flush();
        }
        return !isStalled;
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
        batch.add(frame, length, index);
    }

    /** The segments of a superframe may be more than a batch holds. */
    @Override
    public void addSegment(final EgressFrame frame, final SuperframeCutter cutter, final int segment) {
        if (!batch.hasRoom()) {
            flush();
        }
        if (isStalled) {
            outcomes.drop(frame, DropReason.UNDERLAY_BUSY, 1);
        } else {
            batch.addSegment(frame, cutter, segment, index);
        }
    }

    @Override
    public Step step() {
        return Step.SENT_BY_UDP;
    }

    @Override
    public void flush() {
        if (!isStalled) {
            messages = batch.conclude();
            sendBatch();
        }
    }

    @Override
    public void tryAgain(final long nowNs) {
        if (batch.isTooOld(nowNs)) {
            abandon();
        } else if (isStalled) {
            isStalled = false;
            sendBatch();
        } else {
            flush();
        }
    }

    private void sendBatch() {
        while (nextMessage < messages && !isStalled) {
            final int count = answered(nextMessage);
            if (0 == count) {
                outcomes.drop(batch, nextMessage++, DropReason.UNDERLAY_UNREACHABLE);
                continue;
            }
            if (batch.message(nextMessage).isRest) {
                nextMessage += sendOneByOne(batch, nextMessage);
                continue;
            }
            final int result = call(batch.vector(), nextMessage, count);
            if (result > 0) {
                countSent(nextMessage, result);
                nextMessage += result;
            } else {
                nextMessage += onFailure(batch, nextMessage, -result);
            }
        }
        if (!isStalled) {
            beginBatch();
        }
    }

    private int call(final MessageVector vector, final int from, final int count) {
        counters.add(DataPlaneCounter.EGRESS_SEND_CALLS, 1);
        return port.send(vector, from, count);
    }

    /** How many messages from one on are for peers that are sent to: of those that were kept some may be for others by now. */
    private int answered(final int first) {
        int end = first;
        while (end < messages && !unanswered.refuses(batch.message(end).peer)) {
            end++;
        }
        return end - first;
    }

    private void beginBatch() {
        batch.clear();
        messages = 0;
        nextMessage = 0;
        batches++;
    }

    @Override
    public boolean isStalled() {
        return isStalled;
    }

    @Override
    public void onMoved(final int from, final int length, final int to) {
        batch.onMoved(from, length, to);
    }

    @Override
    public void abandon() {
        for (; nextMessage < messages; nextMessage++) {
            outcomes.drop(batch, nextMessage, DropReason.UNDERLAY_BUSY);
        }
        isStalled = false;
        beginBatch();
    }

    @Override
    public long batch() {
        return batches;
    }

    @Override
    public int fd() {
        return port.fd();
    }

    /** Sends a message of another batch, after all that waits here; nothing of it is kept. */
    void send(final DatagramBatch other, final int index) {
        flush();
        final DatagramMessage message = other.message(index);
        if (isStalled) {
            outcomes.drop(other, index, DropReason.UNDERLAY_BUSY);
            return;
        }
        if (message.segments > batch.maxSegments()) {
            sendOneByOne(other, index);
            return;
        }
        other.putMessage(single, index);
        int dealtWith = 0;
        while (0 == dealtWith) {
            final int result = call(single, 0, 1);
            if (result > 0) {
                countSent(1, message.segments, message.innerLength());
                counters.sentTo(message.peer, message.segments, message.innerLength());
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
            counters.sentTo(message.peer, message.segments, message.innerLength());
        }
        countSent(count, packets, bytes);
    }

    private void countSent(final int count, final int packets, final int bytes) {
        buffer.onSent(count, bytes);
        counters.add(DataPlaneCounter.EGRESS_MESSAGES, count);
        counters.add(DataPlaneCounter.EGRESS_FORWARDED_PACKETS, packets);
        counters.add(DataPlaneCounter.EGRESS_FORWARDED_BYTES, bytes);
    }

    /** Returns how many messages are dealt with: 0 to try the same one again, now or later, or 1. */
    private int onFailure(final DatagramBatch failed, final int index, final int errno) {
        final SendPolicy.Action action = SendPolicy.onFailure(errno, failed.message(index).segments);
        return switch (action) {
            case TRY_AGAIN -> 0;
            case KEEP -> keep(failed, index);
            case SEND_ONE_BY_ONE -> {
                failed.onTooLong(index);
                yield sendOneByOne(failed, index);
            }
            case SEND_ALL_ONE_BY_ONE -> {
                failed.onNoneCut(index);
                counters.add(DataPlaneCounter.EGRESS_SEGMENTATION_FALLBACKS, 1);
                yield sendOneByOne(failed, index);
            }
            case DROP -> {
                outcomes.drop(failed, index, SendPolicy.reason(errno));
                yield 1;
            }
        };
    }

    /** Another's batch cannot be kept here: it has to be empty in the end. */
    private int keep(final DatagramBatch refused, final int index) {
        final long nowNs = buffer.onRefusal();
        if (refused != batch) {
            outcomes.drop(refused, index, DropReason.UNDERLAY_BUSY);
            return 1;
        }
        batch.onRefusal(nowNs);
        isStalled = true;
        return 0;
    }

    /**
     * Sends the datagrams of a message that the kernel would not cut. Returns 1 if it is dealt with, 0 if what is left of it waits here for
     * room.
     */
    private int sendOneByOne(final DatagramBatch refused, final int index) {
        final DatagramMessage message = refused.message(index);
        int iovec = message.firstIovec;
        int left = message.length;
        while (left > 0) {
            final int length = Math.min(left, message.segmentLength);
            final int next = refused.putDatagram(single, index, iovec, length);
            final int errno = sendSingle(message.peer, length - message.tunnelHeaderLength);
            if (0 != errno && refused == batch && SendPolicy.Action.KEEP == SendPolicy.onFailure(errno, 1)) {
                batch.keepRest(index, iovec, left);
                return keep(batch, index);
            }
            if (0 != errno) {
                outcomes.drop(refused, index, iovec, length, SendPolicy.reason(errno));
            }
            iovec = next;
            left -= length;
        }
        return 1;
    }

    /**
     * Sends the one datagram of {@link #single}.
     *
     * @param peer that it goes to.
     * @param innerLength bytes of the inner IP packet.
     * @return 0, or the errno if it is to be given up.
     */
    private int sendSingle(final int peer, final int innerLength) {
        while (true) {
            final int result = call(single, 0, 1);
            if (result > 0) {
                countSent(1, 1, innerLength);
                counters.sentTo(peer, 1, innerLength);
                return 0;
            }
            if (SendPolicy.Action.TRY_AGAIN != SendPolicy.onFailure(-result, 1)) {
                return -result;
            }
        }
    }
}
