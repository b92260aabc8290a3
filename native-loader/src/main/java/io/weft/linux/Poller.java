/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static java.nio.ByteOrder.nativeOrder;

import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * poll(2) over a fixed set of descriptors whose events of interest change. Owned by one thread.
 *
 * <p>{@code struct pollfd}: int fd; short events; short revents (include/uapi/asm-generic/poll.h).
 */
public final class Poller {
    public static final short POLLIN = 0x0001;
    public static final short POLLOUT = 0x0004;

    private static final int FD_OFFSET = 0;
    private static final int EVENTS_OFFSET = FD_OFFSET + Integer.BYTES;
    private static final int RETURNED_OFFSET = EVENTS_OFFSET + Short.BYTES;
    private static final int POLLFD_LENGTH = RETURNED_OFFSET + Short.BYTES;

    private final UnsafeBuffer buffer;
    private final int capacity;

    /**
     * @param count how many descriptors the set has.
     */
    public Poller(final int count) {
        capacity = count;
        buffer = new UnsafeBuffer(BufferUtil.allocateDirectAligned(Math.max(1, count) * POLLFD_LENGTH, POLLFD_LENGTH));
    }

    /** Sets the descriptor at {@code index}; a negative one is passed over by the kernel. */
    public void set(final int index, final int fd, final short events) {
        buffer.putInt(index * POLLFD_LENGTH + FD_OFFSET, fd, nativeOrder());
        buffer.putShort(index * POLLFD_LENGTH + EVENTS_OFFSET, events, nativeOrder());
        buffer.putShort(index * POLLFD_LENGTH + RETURNED_OFFSET, (short) 0, nativeOrder());
    }

    /**
     * Waits for an event.
     *
     * @param timeoutMs 0 to only look, -1 for no limit.
     * @return how many descriptors have one, or a negative errno (such as -{@link Errno#EINTR}).
     */
    public int poll(final int timeoutMs) {
        return poll(capacity, timeoutMs);
    }

    /** Waits for an event of the first {@code count} descriptors. */
    public int poll(final int count, final int timeoutMs) {
        final int ready = Libc.LIBC.poll(buffer.addressOffset(), count, timeoutMs);
        return ready < 0 ? -Errno.last() : ready;
    }

    /** Whether the descriptor at {@code index} had an event, an error or a hang-up. */
    public boolean isReady(final int index) {
        return 0 != buffer.getShort(index * POLLFD_LENGTH + RETURNED_OFFSET, nativeOrder());
    }
}
