/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static java.nio.ByteOrder.BIG_ENDIAN;

import org.agrona.concurrent.UnsafeBuffer;

/**
 * IPv6 header (RFC 8200, section 3).
 *
 * <pre>
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |Version| Traffic Class |           Flow Label                  |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |         Payload Length        |  Next Header  |   Hop Limit   |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                    Source Address, 16 bytes                   |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |                 Destination Address, 16 bytes                 |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * </pre>
 */
public final class Ipv6Flyweight {
    public static final int VERSION_CLASS_LABEL_OFFSET = 0;
    public static final int PAYLOAD_LENGTH_OFFSET = VERSION_CLASS_LABEL_OFFSET + Integer.BYTES;
    public static final int NEXT_HEADER_OFFSET = PAYLOAD_LENGTH_OFFSET + Short.BYTES;
    public static final int HOP_LIMIT_OFFSET = NEXT_HEADER_OFFSET + 1;
    public static final int SOURCE_OFFSET = HOP_LIMIT_OFFSET + 1;
    public static final int ADDRESS_LENGTH = 16;
    public static final int DESTINATION_OFFSET = SOURCE_OFFSET + ADDRESS_LENGTH;
    public static final int LENGTH = DESTINATION_OFFSET + ADDRESS_LENGTH;

    private static final int CLASS_SHIFT = 20;

    private Ipv6Flyweight() {}

    /** Version, traffic class and flow label as one word. */
    public static int versionClassLabel(final UnsafeBuffer buffer, final int offset) {
        return buffer.getInt(offset + VERSION_CLASS_LABEL_OFFSET, BIG_ENDIAN);
    }

    /** DSCP and ECN. */
    public static int trafficClass(final UnsafeBuffer buffer, final int offset) {
        return (versionClassLabel(buffer, offset) >>> CLASS_SHIFT) & 0xFF;
    }

    /** Sets DSCP and ECN. */
    public static void trafficClass(final UnsafeBuffer buffer, final int offset, final int trafficClass) {
        final int rest = versionClassLabel(buffer, offset) & ~(0xFF << CLASS_SHIFT);
        buffer.putInt(offset + VERSION_CLASS_LABEL_OFFSET, rest | (trafficClass << CLASS_SHIFT), BIG_ENDIAN);
    }

    /** Length in bytes of all that follows this header. */
    public static int payloadLength(final UnsafeBuffer buffer, final int offset) {
        return buffer.getShort(offset + PAYLOAD_LENGTH_OFFSET, BIG_ENDIAN) & 0xFFFF;
    }

    /** Sets the length in bytes of all that follows this header. */
    public static void payloadLength(final UnsafeBuffer buffer, final int offset, final int length) {
        buffer.putShort(offset + PAYLOAD_LENGTH_OFFSET, (short) length, BIG_ENDIAN);
    }

    /** What follows: an extension header or the transport protocol (see {@link IpProtocol}). */
    public static int nextHeader(final UnsafeBuffer buffer, final int offset) {
        return buffer.getByte(offset + NEXT_HEADER_OFFSET) & 0xFF;
    }

    /** Hop limit. */
    public static int hopLimit(final UnsafeBuffer buffer, final int offset) {
        return buffer.getByte(offset + HOP_LIMIT_OFFSET) & 0xFF;
    }

    /** Upper half of the source address, first byte highest. */
    public static long sourceHigh(final UnsafeBuffer buffer, final int offset) {
        return buffer.getLong(offset + SOURCE_OFFSET, BIG_ENDIAN);
    }

    /** Lower half of the source address. */
    public static long sourceLow(final UnsafeBuffer buffer, final int offset) {
        return buffer.getLong(offset + SOURCE_OFFSET + Long.BYTES, BIG_ENDIAN);
    }

    /** Upper half of the destination address, first byte highest. */
    public static long destinationHigh(final UnsafeBuffer buffer, final int offset) {
        return buffer.getLong(offset + DESTINATION_OFFSET, BIG_ENDIAN);
    }

    /** Lower half of the destination address. */
    public static long destinationLow(final UnsafeBuffer buffer, final int offset) {
        return buffer.getLong(offset + DESTINATION_OFFSET + Long.BYTES, BIG_ENDIAN);
    }
}
