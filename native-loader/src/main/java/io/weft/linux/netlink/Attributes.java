/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.nativeOrder;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.weft.address.IpAddress;
import io.weft.address.MacAddress;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.agrona.DirectBuffer;

/**
 * The attributes of a message or of a nest, found once and then read by type. Of a type that is there twice the last one
 * counts, as in the kernel.
 *
 * <pre>
 *  0       2       4
 * +-------+-------+-----------+---------+
 * | length| type  | value     | padding |   length counts header and value; the next attribute begins at a multiple of 4
 * +-------+-------+-----------+---------+
 * </pre>
 *
 * Source: include/uapi/linux/netlink.h, {@code struct nlattr}.
 */
final class Attributes {
    static final int LENGTH_OFFSET = 0;
    static final int TYPE_OFFSET = LENGTH_OFFSET + Short.BYTES;
    static final int HEADER_LENGTH = TYPE_OFFSET + Short.BYTES;

    /** {@code NLA_TYPE_MASK}: without the bits that tell a nest and the byte order. */
    private static final int TYPE_MASK = 0x3FFF;

    /** Types from here on are newer than any that is read here. */
    private static final int MAX_TYPES = 96;

    private static final int ABSENT = -1;

    private final NetlinkMessage message;
    private final DirectBuffer buffer;
    private final int[] offsets = new int[MAX_TYPES];

    private Attributes(final NetlinkMessage message, final DirectBuffer buffer) {
        this.message = message;
        this.buffer = buffer;
        Arrays.fill(offsets, ABSENT);
    }

    static Attributes parse(final NetlinkMessage message, final DirectBuffer buffer, final int from, final int end) {
        final Attributes attributes = new Attributes(message, buffer);
        int offset = from;
        while (offset < end) {
            final int length = length(message, buffer, offset, end);
            final int type = buffer.getShort(offset + TYPE_OFFSET, nativeOrder()) & TYPE_MASK;
            if (type < MAX_TYPES) {
                attributes.offsets[type] = offset;
            }
            offset += NetlinkMessage.align(length);
        }
        return attributes;
    }

    /** Of the attribute at {@code offset}, with its header: it is whole, up to {@code end}. */
    private static int length(
            final NetlinkMessage message, final DirectBuffer buffer, final int offset, final int end) {
        if (end - offset < HEADER_LENGTH) {
            throw message.malformed((end - offset) + " bytes are left, too few for an attribute");
        }
        final int length = buffer.getShort(offset + LENGTH_OFFSET, nativeOrder()) & 0xFFFF;
        if (length < HEADER_LENGTH || length > end - offset) {
            final int type = buffer.getShort(offset + TYPE_OFFSET, nativeOrder()) & TYPE_MASK;
            throw message.malformed("the length " + length + " of attribute " + type + " is not in " + HEADER_LENGTH
                    + ".." + (end - offset));
        }
        return length;
    }

    boolean has(final int type) {
        return ABSENT != offsets[type];
    }

    /** An unsigned byte, or {@code absent}. */
    int u8(final int type, final int absent) {
        return has(type) ? buffer.getByte(value(type, Byte.BYTES)) & 0xFF : absent;
    }

    /** An unsigned 16-bit number in network order, or {@code absent}. */
    int u16BigEndian(final int type, final int absent) {
        return has(type) ? buffer.getShort(value(type, Short.BYTES), BIG_ENDIAN) & 0xFFFF : absent;
    }

    /** A 32-bit number, or {@code absent}. */
    int i32(final int type, final int absent) {
        return has(type) ? buffer.getInt(value(type, Integer.BYTES), nativeOrder()) : absent;
    }

    /** A 32-bit number in network order, or {@code absent}. */
    int i32BigEndian(final int type, final int absent) {
        return has(type) ? buffer.getInt(value(type, Integer.BYTES), BIG_ENDIAN) : absent;
    }

    /** The 64-bit number that begins so many bytes into the value. */
    long i64(final int type, final int offset) {
        return buffer.getLong(value(type, offset + Long.BYTES) + offset, nativeOrder());
    }

    /** A text, without its terminating zero. */
    String text(final int type) {
        final byte[] bytes = bytes(type);
        int length = 0;
        while (length < bytes.length && 0 != bytes[length]) {
            length++;
        }
        return new String(bytes, 0, length, UTF_8);
    }

    /** An IP address of 4 or 16 bytes. */
    InetAddress address(final int type) {
        return address(type, bytes(type));
    }

    /** The address in a {@code struct rtvia}: u16 family, then the address. */
    InetAddress via(final int type) {
        final byte[] bytes = bytes(type);
        return address(type, Arrays.copyOfRange(bytes, Math.min(Short.BYTES, bytes.length), bytes.length));
    }

    private InetAddress address(final int type, final byte[] bytes) {
        if (4 != bytes.length && 16 != bytes.length) {
            throw message.malformed(
                    "attribute " + type + " has " + bytes.length + " bytes, not those of an IP address");
        }
        return IpAddress.of(bytes).toInetAddress();
    }

    /** Whether the value has the length of an Ethernet address. */
    boolean hasMac(final int type) {
        return has(type) && MacAddress.LENGTH == valueLength(type);
    }

    /** An Ethernet address. */
    MacAddress mac(final int type) {
        final int offset = value(type, MacAddress.LENGTH);
        final long high = buffer.getShort(offset, BIG_ENDIAN) & 0xFFFFL;
        final long low = buffer.getInt(offset + Short.BYTES, BIG_ENDIAN) & 0xFFFF_FFFFL;
        return new MacAddress((high << Integer.SIZE) | low);
    }

    /** The attributes inside an attribute. */
    Attributes nested(final int type) {
        final int from = offsets[type] + HEADER_LENGTH;
        return parse(message, buffer, from, from + valueLength(type));
    }

    /** The attributes inside each attribute inside an attribute, in their order. */
    List<Attributes> list(final int type) {
        final List<Attributes> list = new ArrayList<>();
        final int end = offsets[type] + HEADER_LENGTH + valueLength(type);
        int length;
        for (int offset = offsets[type] + HEADER_LENGTH; offset < end; offset += NetlinkMessage.align(length)) {
            length = length(message, buffer, offset, end);
            list.add(parse(message, buffer, offset + HEADER_LENGTH, offset + length));
        }
        return list;
    }

    /** The text that each attribute inside an attribute is. */
    List<String> texts(final int type) {
        final List<String> texts = new ArrayList<>();
        final int end = offsets[type] + HEADER_LENGTH + valueLength(type);
        int length;
        for (int offset = offsets[type] + HEADER_LENGTH; offset < end; offset += NetlinkMessage.align(length)) {
            length = length(message, buffer, offset, end);
            texts.add(buffer.getStringWithoutLengthUtf8(offset + HEADER_LENGTH, length - HEADER_LENGTH)
                    .replaceFirst("\0.*", ""));
        }
        return texts;
    }

    /** The value as it is. */
    byte[] bytes(final int type) {
        final byte[] bytes = new byte[valueLength(type)];
        buffer.getBytes(offsets[type] + HEADER_LENGTH, bytes);
        return bytes;
    }

    private int valueLength(final int type) {
        if (!has(type)) {
            throw message.malformed("attribute " + type + " is missing");
        }
        return (buffer.getShort(offsets[type] + LENGTH_OFFSET, nativeOrder()) & 0xFFFF) - HEADER_LENGTH;
    }

    private int value(final int type, final int length) {
        if (valueLength(type) < length) {
            throw message.malformed(
                    "attribute " + type + " has " + valueLength(type) + " bytes where " + length + " are needed");
        }
        return offsets[type] + HEADER_LENGTH;
    }
}
