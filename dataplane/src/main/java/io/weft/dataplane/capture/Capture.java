/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.capture;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.agrona.BitUtil;
import org.agrona.UnsafeApi;
import org.agrona.concurrent.MessageHandler;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.ringbuffer.ManyToOneRingBuffer;
import org.agrona.concurrent.ringbuffer.RingBufferDescriptor;

/**
 * Copies of packets for one reader: a ring of a fixed length that the data threads write to without waiting. What it has no room for
 * is counted as lost, and forwarded like all others.
 *
 * <p>Its memory lies outside of the heap and of what the JVM limits, is there only as long as the capture, and given back when the
 * last data thread has left it.
 */
public final class Capture implements AutoCloseable {
    /** Bytes of packets and of what is told of them; the longest packet takes 1 of 64. */
    public static final int RING_LENGTH = 4 << 20;

    /** The longest packet there is, tunnel header in front, is shorter. */
    public static final int SNAPSHOT_LENGTH_MAX = 1 << 17;

    private static final int PACKET = 1;
    private static final int CLOSED = Integer.MIN_VALUE / 2;
    private static final long LEAVE_POLL_NS = TimeUnit.MICROSECONDS.toNanos(100);

    private final CaptureFilter filter;
    private final int snapshotLength;
    private final long allocation;
    private final ManyToOneRingBuffer ring;
    private final AtomicInteger writers = new AtomicInteger();
    private final AtomicLong lost = new AtomicLong();
    private final CapturedPacket packet = new CapturedPacket();

    /**
     * @param filter what is wanted.
     * @param snapshotLength bytes of a packet, tunnel header and all, that are kept at most.
     */
    public Capture(final CaptureFilter filter, final int snapshotLength) {
        if (snapshotLength < 1 || snapshotLength > SNAPSHOT_LENGTH_MAX) {
            throw new IllegalArgumentException(
                    "snapshot length " + snapshotLength + " is not in 1.." + SNAPSHOT_LENGTH_MAX);
        }
        this.filter = filter;
        this.snapshotLength = snapshotLength;
        final int length = RING_LENGTH + RingBufferDescriptor.TRAILER_LENGTH;
        allocation = UnsafeApi.allocateMemory(length + BitUtil.CACHE_LINE_LENGTH);
        final long address = BitUtil.align(allocation, BitUtil.CACHE_LINE_LENGTH);
        UnsafeApi.setMemory(address, length, (byte) 0);
        ring = new ManyToOneRingBuffer(new UnsafeBuffer(address, length));
    }

    /** Data threads: copies a packet that the tap tells of, if it is wanted and there is room. */
    void offer(final Tap tap) {
        if (!filter.matches(tap)) {
            return;
        }
        if (writers.incrementAndGet() > 0) {
            write(tap);
        }
        writers.decrementAndGet();
    }

    private void write(final Tap tap) {
        final int captured = Math.min(tap.length(), snapshotLength);
        final int index = ring.tryClaim(PACKET, CapturedPacket.DATA_OFFSET + captured);
        if (index < 0) {
            lost.incrementAndGet();
            return;
        }
        tap.write(ring.buffer(), index, captured);
        ring.commit(index);
    }

    /**
     * Reads packets, in the order in which they were written. The one reader.
     *
     * @param consumer of a packet that is another one after the call.
     * @return how many there were.
     */
    public int read(final Consumer<CapturedPacket> consumer, final int most) {
        final MessageHandler handler = (type, buffer, index, length) -> {
            packet.wrap(buffer, index);
            consumer.accept(packet);
        };
        final int first = ring.read(handler, most);
        return first == most
                ? first
                : first + ring.read(handler, most - first); // one read ends where the ring's memory does
    }

    /** How many packets that were wanted found no room. Any thread. */
    public long lost() {
        return lost.get();
    }

    /** Gives the memory back, after {@link Captures#remove}: waits for who is copying a packet just now. The reader, once. */
    @Override
    public void close() {
        writers.addAndGet(CLOSED);
        while (CLOSED != writers.get()) {
            LockSupport.parkNanos(LEAVE_POLL_NS);
        }
        UnsafeApi.freeMemory(allocation);
    }
}
