/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static java.nio.ByteOrder.nativeOrder;

import java.util.List;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Control messages ({@code struct cmsghdr}) of a socket message. Each takes {@value #SPACE} bytes here, for none of
 * ours has more than eight bytes of data:
 *
 * <pre>
 *  0                               8               12              16              24
 * +-------------------------------+---------------+---------------+---------------+
 * | cmsg_len (header + data)      | cmsg_level    | cmsg_type     | data, padded  |
 * +-------------------------------+---------------+---------------+---------------+
 * </pre>
 *
 * Sources: include/linux/socket.h, include/uapi/linux/udp.h, in.h and in6.h.
 */
public final class ControlMessage {
    /** {@code CMSG_SPACE} of up to eight bytes of data. */
    public static final int SPACE = 24;

    public static final int SOL_IP = 0;
    public static final int SOL_UDP = 17;
    public static final int SOL_IPV6 = 41;

    /** Outgoing: u16 with the length of each segment the payload is to be cut in. */
    public static final int UDP_SEGMENT = 103;

    /** Incoming: int with the length of each datagram that the payload was joined from. */
    public static final int UDP_GRO = 104;

    /** IPv4 type of service: an int outgoing, a byte incoming. */
    public static final int IP_TOS = 1;

    /** IPv6 traffic class: an int both ways. */
    public static final int IPV6_TCLASS = 67;

    private static final int LENGTH_OFFSET = 0;
    private static final int LEVEL_OFFSET = LENGTH_OFFSET + 8;
    private static final int TYPE_OFFSET = LEVEL_OFFSET + 4;
    private static final int DATA_OFFSET = TYPE_OFFSET + 4;
    private static final int ALIGNMENT = 8;

    private ControlMessage() {}

    /** Writes a message with a 16-bit value; the next one goes {@link #SPACE} bytes further. */
    public static void putShort(
            final UnsafeBuffer buffer, final int offset, final int level, final int type, final int value) {
        header(buffer, offset, level, type, Short.BYTES);
        buffer.putShort(offset + DATA_OFFSET, (short) value, nativeOrder());
    }

    /** Writes a message with a 32-bit value; the next one goes {@link #SPACE} bytes further. */
    public static void putInt(
            final UnsafeBuffer buffer, final int offset, final int level, final int type, final int value) {
        header(buffer, offset, level, type, Integer.BYTES);
        buffer.putInt(offset + DATA_OFFSET, value, nativeOrder());
    }

    /** The length of a message with open descriptors. */
    static int rightsLength(final int descriptors) {
        return DATA_OFFSET + descriptors * Integer.BYTES;
    }

    /** Writes a message with open descriptors ({@code SCM_RIGHTS}), which takes {@link #rightsLength}. */
    static void putRights(final UnsafeBuffer buffer, final List<Integer> descriptors) {
        header(buffer, 0, SocketConstants.SOL_SOCKET, SocketConstants.SCM_RIGHTS, descriptors.size() * Integer.BYTES);
        for (int i = 0; i < descriptors.size(); i++) {
            buffer.putInt(DATA_OFFSET + i * Integer.BYTES, descriptors.get(i), nativeOrder());
        }
    }

    private static void header(
            final UnsafeBuffer buffer, final int offset, final int level, final int type, final int dataLength) {
        buffer.putLong(offset + LENGTH_OFFSET, DATA_OFFSET + dataLength, nativeOrder());
        buffer.putInt(offset + LEVEL_OFFSET, level, nativeOrder());
        buffer.putInt(offset + TYPE_OFFSET, type, nativeOrder());
    }

    /** The level of the message at {@code offset}. */
    public static int level(final UnsafeBuffer buffer, final int offset) {
        return buffer.getInt(offset + LEVEL_OFFSET, nativeOrder());
    }

    /** The type of the message at {@code offset}. */
    public static int type(final UnsafeBuffer buffer, final int offset) {
        return buffer.getInt(offset + TYPE_OFFSET, nativeOrder());
    }

    /** The value as an int. */
    public static int intValue(final UnsafeBuffer buffer, final int offset) {
        return buffer.getInt(offset + DATA_OFFSET, nativeOrder());
    }

    /** The value as an unsigned byte. */
    public static int byteValue(final UnsafeBuffer buffer, final int offset) {
        return buffer.getByte(offset + DATA_OFFSET) & 0xFF;
    }

    /**
     * Where the message after the one at {@code offset} begins, or {@code limit} if there is none.
     *
     * @param limit where the control messages end.
     */
    public static int next(final UnsafeBuffer buffer, final int offset, final int limit) {
        final int length = (int) buffer.getLong(offset + LENGTH_OFFSET, nativeOrder());
        final int next = offset + ((length + ALIGNMENT - 1) & -ALIGNMENT);
        return length < DATA_OFFSET || next + DATA_OFFSET > limit ? limit : next;
    }
}
