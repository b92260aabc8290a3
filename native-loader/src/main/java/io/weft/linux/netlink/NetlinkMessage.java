/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import static java.nio.ByteOrder.nativeOrder;

import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import org.agrona.DirectBuffer;

/**
 * Flyweight over one received message, whose bounds are checked when it is wrapped.
 *
 * <pre>
 *  0               4       6       8               12              16
 * +---------------+-------+-------+---------------+---------------+----------------+------------+
 * | length        | type  | flags | sequence      | port id       | fixed part     | attributes |
 * +---------------+-------+-------+---------------+---------------+----------------+------------+
 * </pre>
 *
 * Native byte order; the length counts from byte 0 and the next message begins at the next multiple of 4. Source:
 * include/uapi/linux/netlink.h, {@code struct nlmsghdr}.
 */
final class NetlinkMessage {
    static final int LENGTH_OFFSET = 0;
    static final int TYPE_OFFSET = LENGTH_OFFSET + Integer.BYTES;
    static final int FLAGS_OFFSET = TYPE_OFFSET + Short.BYTES;
    static final int SEQUENCE_OFFSET = FLAGS_OFFSET + Short.BYTES;
    static final int PORT_OFFSET = SEQUENCE_OFFSET + Integer.BYTES;
    static final int HEADER_LENGTH = PORT_OFFSET + Integer.BYTES;
    static final int ALIGNMENT = 4;

    // Message flags, include/uapi/linux/netlink.h
    static final int NLM_F_REQUEST = 0x1;
    static final int NLM_F_ACK = 0x4;
    static final int NLM_F_DUMP_INTR = 0x10;
    static final int NLM_F_DUMP = 0x300;
    static final int NLM_F_REPLACE = 0x100;
    static final int NLM_F_EXCL = 0x200;
    static final int NLM_F_CREATE = 0x400;
    static final int NLM_F_CAPPED = 0x100;
    static final int NLM_F_ACK_TLVS = 0x200;

    // Control messages
    static final int NLMSG_ERROR = 2;
    static final int NLMSG_DONE = 3;
    private static final int NLMSGERR_ATTR_MSG = 1;

    private final DirectBuffer buffer;
    private int offset;
    private int end;

    NetlinkMessage(final DirectBuffer buffer) {
        this.buffer = buffer;
    }

    /**
     * Lays this flyweight over the message at {@code newOffset}.
     *
     * @param newOffset where the message begins.
     * @param limit where the datagram ends.
     * @return where the next message begins, or {@code limit} if this is the last one.
     * @throws LinuxException with {@link Errno#EBADMSG} if the message does not fit in the datagram.
     */
    int wrap(final int newOffset, final int limit) {
        if (limit - newOffset < HEADER_LENGTH) {
            throw new LinuxException(
                    "read a netlink message of the kernel: " + (limit - newOffset)
                            + " bytes are too few for its header",
                    Errno.EBADMSG);
        }
        final int length = buffer.getInt(newOffset + LENGTH_OFFSET, nativeOrder());
        if (length < HEADER_LENGTH || length > limit - newOffset) {
            throw new LinuxException(
                    "read netlink message "
                            + MessageType.name(buffer.getShort(newOffset + TYPE_OFFSET, nativeOrder()) & 0xFFFF)
                            + " of the kernel: its length of " + length + " is not in " + HEADER_LENGTH + ".."
                            + (limit - newOffset),
                    Errno.EBADMSG);
        }
        offset = newOffset;
        end = newOffset + length;
        return Math.min(align(end), limit);
    }

    static int align(final int length) {
        return (length + ALIGNMENT - 1) & -ALIGNMENT;
    }

    int type() {
        return buffer.getShort(offset + TYPE_OFFSET, nativeOrder()) & 0xFFFF;
    }

    int flags() {
        return buffer.getShort(offset + FLAGS_OFFSET, nativeOrder()) & 0xFFFF;
    }

    int sequence() {
        return buffer.getInt(offset + SEQUENCE_OFFSET, nativeOrder());
    }

    /** An unsigned byte of the fixed part, {@code position} bytes after the message header. */
    int u8(final int position) {
        return buffer.getByte(field(position, Byte.BYTES)) & 0xFF;
    }

    /** An unsigned 16-bit number of the fixed part. */
    int u16(final int position) {
        return buffer.getShort(field(position, Short.BYTES), nativeOrder()) & 0xFFFF;
    }

    /** A 32-bit number of the fixed part. */
    int i32(final int position) {
        return buffer.getInt(field(position, Integer.BYTES), nativeOrder());
    }

    private int field(final int position, final int length) {
        final int from = offset + HEADER_LENGTH + position;
        if (from + length > end) {
            throw malformed("its " + (end - offset) + " bytes are too few for its fixed part");
        }
        return from;
    }

    /**
     * The attributes after the fixed part.
     *
     * @param fixedLength of the fixed part in bytes.
     * @throws LinuxException with {@link Errno#EBADMSG} if an attribute is malformed.
     */
    Attributes attributes(final int fixedLength) {
        final int from = align(offset + HEADER_LENGTH + fixedLength);
        if (from > end) {
            throw malformed("its " + (end - offset) + " bytes are too few for its fixed part");
        }
        return Attributes.parse(this, buffer, from, end);
    }

    /**
     * The error number of an {@link #NLMSG_ERROR} or {@link #NLMSG_DONE} message.
     *
     * @return a positive errno, or 0 for success (also where a DONE message has none).
     */
    int error() {
        final boolean absent = NLMSG_DONE == type() && end - offset < HEADER_LENGTH + Integer.BYTES;
        return absent ? 0 : -i32(0);
    }

    /** The kernel's own words in an {@link #NLMSG_ERROR} or {@link #NLMSG_DONE} message, or an empty text. */
    String errorText() {
        if (0 == (flags() & NLM_F_ACK_TLVS)) {
            return "";
        }
        // The error is followed by the header of the request, and by its rest unless that was capped.
        int fixedLength = Integer.BYTES;
        if (NLMSG_ERROR == type()) {
            final int requestLength = i32(Integer.BYTES + LENGTH_OFFSET);
            if (requestLength < 0 || (requestLength > end - offset && 0 == (flags() & NLM_F_CAPPED))) {
                throw malformed("it echoes a request of " + requestLength + " bytes");
            }
            fixedLength += 0 != (flags() & NLM_F_CAPPED) ? HEADER_LENGTH : align(requestLength);
        }
        final Attributes attributes = attributes(fixedLength);
        return attributes.has(NLMSGERR_ATTR_MSG) ? attributes.text(NLMSGERR_ATTR_MSG) : "";
    }

    LinuxException malformed(final String why) {
        return new LinuxException(
                "read netlink message " + MessageType.name(type()) + " of the kernel: " + why, Errno.EBADMSG);
    }
}
