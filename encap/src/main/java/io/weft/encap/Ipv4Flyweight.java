/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.nativeOrder;

import org.agrona.concurrent.UnsafeBuffer;

/**
 * IPv4 header (RFC 791, section 3.1).
 *
 * <pre>
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |Version|  IHL  |    DSCP   |ECN|          Total Length         |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |         Identification        |0|D|M|      Fragment Offset    |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |  Time to Live |    Protocol   |         Header Checksum       |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                         Source Address                        |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                      Destination Address                      |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                    Options, 0 to 40 bytes                     |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * </pre>
 */
public final class Ipv4Flyweight {
    public static final int VERSION_IHL_OFFSET = 0;
    public static final int TOS_OFFSET = VERSION_IHL_OFFSET + 1;
    public static final int TOTAL_LENGTH_OFFSET = TOS_OFFSET + 1;
    public static final int ID_OFFSET = TOTAL_LENGTH_OFFSET + Short.BYTES;
    public static final int FRAGMENT_OFFSET = ID_OFFSET + Short.BYTES;
    public static final int TTL_OFFSET = FRAGMENT_OFFSET + Short.BYTES;
    public static final int PROTOCOL_OFFSET = TTL_OFFSET + 1;
    public static final int CHECKSUM_OFFSET = PROTOCOL_OFFSET + 1;
    public static final int SOURCE_OFFSET = CHECKSUM_OFFSET + Short.BYTES;
    public static final int DESTINATION_OFFSET = SOURCE_OFFSET + Integer.BYTES;
    public static final int MIN_LENGTH = DESTINATION_OFFSET + Integer.BYTES;

    public static final int DO_NOT_FRAGMENT = 0x4000;
    public static final int MORE_FRAGMENTS = 0x2000;
    public static final int FRAGMENT_OFFSET_MASK = 0x1FFF;

    private Ipv4Flyweight() {}

    /** The version nibble; the same place in IPv4 and IPv6. */
    public static int version(final UnsafeBuffer buffer, final int offset) {
        return (buffer.getByte(offset + VERSION_IHL_OFFSET) & 0xF0) >> 4;
    }

    /** Header length in bytes, from IHL; 0 to 60. */
    public static int headerLength(final UnsafeBuffer buffer, final int offset) {
        return (buffer.getByte(offset + VERSION_IHL_OFFSET) & 0x0F) * Integer.BYTES;
    }

    /** DSCP and ECN. */
    public static int tos(final UnsafeBuffer buffer, final int offset) {
        return buffer.getByte(offset + TOS_OFFSET) & 0xFF;
    }

    /** Length in bytes of header and payload. */
    public static int totalLength(final UnsafeBuffer buffer, final int offset) {
        return buffer.getShort(offset + TOTAL_LENGTH_OFFSET, BIG_ENDIAN) & 0xFFFF;
    }

    /** Sets the length in bytes of header and payload. */
    public static void totalLength(final UnsafeBuffer buffer, final int offset, final int length) {
        buffer.putShort(offset + TOTAL_LENGTH_OFFSET, (short) length, BIG_ENDIAN);
    }

    /** Identification. */
    public static int id(final UnsafeBuffer buffer, final int offset) {
        return buffer.getShort(offset + ID_OFFSET, BIG_ENDIAN) & 0xFFFF;
    }

    /** Sets the identification. */
    public static void id(final UnsafeBuffer buffer, final int offset, final int id) {
        buffer.putShort(offset + ID_OFFSET, (short) id, BIG_ENDIAN);
    }

    /** Flags and fragment offset, as one word. */
    public static int fragment(final UnsafeBuffer buffer, final int offset) {
        return buffer.getShort(offset + FRAGMENT_OFFSET, BIG_ENDIAN) & 0xFFFF;
    }

    /** Time to live. */
    public static int ttl(final UnsafeBuffer buffer, final int offset) {
        return buffer.getByte(offset + TTL_OFFSET) & 0xFF;
    }

    /** Takes one from a time to live above 0, and keeps the checksum right (RFC 1624). */
    public static void decrementTtl(final UnsafeBuffer buffer, final int offset) {
        final int was = buffer.getShort(offset + TTL_OFFSET, BIG_ENDIAN) & 0xFFFF; // the protocol is its low byte
        final int now = was - (1 << Byte.SIZE);
        buffer.putShort(offset + TTL_OFFSET, (short) now, BIG_ENDIAN);
        InternetChecksum.update(buffer, offset + CHECKSUM_OFFSET, was, now);
    }

    /** Protocol of the payload (see {@link IpProtocol}). */
    public static int protocol(final UnsafeBuffer buffer, final int offset) {
        return buffer.getByte(offset + PROTOCOL_OFFSET) & 0xFF;
    }

    /** Source address, first byte highest. */
    public static int source(final UnsafeBuffer buffer, final int offset) {
        return buffer.getInt(offset + SOURCE_OFFSET, BIG_ENDIAN);
    }

    /** Destination address, first byte highest. */
    public static int destination(final UnsafeBuffer buffer, final int offset) {
        return buffer.getInt(offset + DESTINATION_OFFSET, BIG_ENDIAN);
    }

    /** Whether the header checksum is right. */
    public static boolean isChecksumRight(final UnsafeBuffer buffer, final int offset, final int headerLength) {
        return InternetChecksum.ALL_ONES == InternetChecksum.fold(headerSum(buffer, offset, headerLength));
    }

    /** Computes the header checksum and sets it. */
    public static void updateChecksum(final UnsafeBuffer buffer, final int offset, final int headerLength) {
        buffer.putShort(offset + CHECKSUM_OFFSET, (short) 0, BIG_ENDIAN);
        InternetChecksum.put(buffer, offset + CHECKSUM_OFFSET, headerSum(buffer, offset, headerLength));
    }

    /** The header without options unrolled: it is summed for every packet. */
    private static long headerSum(final UnsafeBuffer buffer, final int offset, final int headerLength) {
        if (MIN_LENGTH == headerLength) {
            final long first = buffer.getLong(offset, nativeOrder());
            final long second = buffer.getLong(offset + Long.BYTES, nativeOrder());
            return InternetChecksum.halves(first)
                    + InternetChecksum.halves(second)
                    + (buffer.getInt(offset + DESTINATION_OFFSET, nativeOrder()) & 0xFFFF_FFFFL);
        }
        return InternetChecksum.sum(buffer, offset, headerLength, 0);
    }
}
