/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static java.nio.ByteOrder.nativeOrder;

import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * An array of {@code struct mmsghdr} off-heap, as sendmmsg(2) and recvmmsg(2) take it on 64-bit Linux.
 *
 * <pre>
 *  0                               8               12              16
 * +-------------------------------+---------------+---------------+
 * | msg_name                      | msg_namelen   | (padding)     |   0
 * +-------------------------------+---------------+---------------+
 * | msg_iov                       | msg_iovlen                    |  16
 * +-------------------------------+-------------------------------+
 * | msg_control                   | msg_controllen                |  32
 * +---------------+---------------+---------------+---------------+
 * | msg_flags     | (padding)     | msg_len       | (padding)     |  48
 * +---------------+---------------+---------------+---------------+
 * </pre>
 *
 * Not thread-safe: belongs to the thread that sends or receives with it. Sources: include/linux/socket.h
 * ({@code struct user_msghdr}, {@code struct mmsghdr}), include/uapi/linux/uio.h ({@code struct iovec}).
 */
public final class MessageVector {
    /** {@code sizeof(struct mmsghdr)}. */
    public static final int MESSAGE_LENGTH = 64;

    /** {@code sizeof(struct iovec)}: u64 address, u64 length. */
    public static final int IOVEC_LENGTH = 16;

    private static final int NAME_OFFSET = 0;
    private static final int NAME_LENGTH_OFFSET = NAME_OFFSET + 8;
    private static final int IOVECS_OFFSET = NAME_LENGTH_OFFSET + 8;
    private static final int IOVEC_COUNT_OFFSET = IOVECS_OFFSET + 8;
    private static final int CONTROL_OFFSET = IOVEC_COUNT_OFFSET + 8;
    private static final int CONTROL_LENGTH_OFFSET = CONTROL_OFFSET + 8;
    private static final int FLAGS_OFFSET = CONTROL_LENGTH_OFFSET + 8;
    private static final int LENGTH_OFFSET = FLAGS_OFFSET + 8;

    private final UnsafeBuffer buffer;
    private final int capacity;

    /**
     * @param capacity how many messages the vector holds.
     */
    public MessageVector(final int capacity) {
        this.capacity = capacity;
        buffer = new UnsafeBuffer(
                BufferUtil.allocateDirectAligned(capacity * MESSAGE_LENGTH, BitUtil.CACHE_LINE_LENGTH));
    }

    /** How many messages the vector holds. */
    public int capacity() {
        return capacity;
    }

    /** The address of message {@code index}. */
    long address(final int index) {
        return buffer.addressOffset() + (long) index * MESSAGE_LENGTH;
    }

    /** Sets the socket address that the message goes to, or where the sender's is put. */
    public void name(final int index, final long address, final int length) {
        final int offset = index * MESSAGE_LENGTH;
        buffer.putLong(offset + NAME_OFFSET, address, nativeOrder());
        buffer.putInt(offset + NAME_LENGTH_OFFSET, length, nativeOrder());
    }

    /** Address of the socket address that the message goes to. */
    public long name(final int index) {
        return buffer.getLong(index * MESSAGE_LENGTH + NAME_OFFSET, nativeOrder());
    }

    /** Sets the pieces that the message is made of: address of the first iovec and how many there are. */
    public void iovecs(final int index, final long address, final int count) {
        final int offset = index * MESSAGE_LENGTH;
        buffer.putLong(offset + IOVECS_OFFSET, address, nativeOrder());
        buffer.putLong(offset + IOVEC_COUNT_OFFSET, count, nativeOrder());
    }

    /** Address of the first iovec of the message. */
    public long iovecs(final int index) {
        return buffer.getLong(index * MESSAGE_LENGTH + IOVECS_OFFSET, nativeOrder());
    }

    /** How many iovecs the message has. */
    public int iovecCount(final int index) {
        return (int) buffer.getLong(index * MESSAGE_LENGTH + IOVEC_COUNT_OFFSET, nativeOrder());
    }

    /** Sets the control messages: their address and length in bytes, or 0 and 0. */
    public void control(final int index, final long address, final int length) {
        final int offset = index * MESSAGE_LENGTH;
        buffer.putLong(offset + CONTROL_OFFSET, address, nativeOrder());
        buffer.putLong(offset + CONTROL_LENGTH_OFFSET, length, nativeOrder());
        buffer.putInt(offset + FLAGS_OFFSET, 0, nativeOrder());
    }

    /** Length in bytes of the control messages that the kernel gave. */
    public int controlLength(final int index) {
        return (int) buffer.getLong(index * MESSAGE_LENGTH + CONTROL_LENGTH_OFFSET, nativeOrder());
    }

    /** The flags that the kernel gave, such as {@link SocketConstants#MSG_TRUNC}. */
    public int flags(final int index) {
        return buffer.getInt(index * MESSAGE_LENGTH + FLAGS_OFFSET, nativeOrder());
    }

    /** How many bytes of the message were received or sent. */
    public int length(final int index) {
        return buffer.getInt(index * MESSAGE_LENGTH + LENGTH_OFFSET, nativeOrder());
    }
}
