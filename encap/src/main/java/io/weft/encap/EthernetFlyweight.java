/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static java.nio.ByteOrder.BIG_ENDIAN;

import org.agrona.concurrent.UnsafeBuffer;

/**
 * Ethernet II header (IEEE 802.3, clause 3).
 *
 * <pre>
 *  0                       6                      12      14
 * +-----------------------+-----------------------+-------+
 * | destination MAC       | source MAC            | type  |
 * +-----------------------+-----------------------+-------+
 * </pre>
 *
 * MAC addresses are the low 48 bits of a long, first byte on the wire highest.
 *
 * <p>Tags (IEEE 802.1Q, clause 9.6) stand in front of the type, each with a type of its own:
 *
 * <pre>
 *  12      14                16
 * +-------+----+-+----------+-------
 * | tag's |prio|d| VLAN id  | type     d: drop eligible
 * | type  | 3  |1| 12 bits  |
 * +-------+----+-+----------+-------
 * </pre>
 */
public final class EthernetFlyweight {
    public static final int DESTINATION_OFFSET = 0;
    public static final int MAC_LENGTH = 6;
    public static final int SOURCE_OFFSET = DESTINATION_OFFSET + MAC_LENGTH;
    public static final int TYPE_OFFSET = SOURCE_OFFSET + MAC_LENGTH;
    public static final int LENGTH = TYPE_OFFSET + Short.BYTES;

    /** IANA ether types. */
    public static final int TYPE_IPV4 = 0x0800;

    public static final int TYPE_IPV6 = 0x86DD;

    /** The tag that hosts and bridges use, and the one of providers' networks. */
    public static final int TYPE_TAG = 0x8100;

    public static final int TYPE_SERVICE_TAG = 0x88A8;

    /** Bytes of a tag. */
    public static final int TAG_LENGTH = 2 * Short.BYTES;

    private static final int VLAN_ID_MASK = 0xFFF;

    /** The group bit: set in multicast and broadcast addresses. */
    public static final long GROUP_BIT = 0x0100_0000_0000L;

    private static final long MAC_MASK = 0xFFFF_FFFF_FFFFL;

    /** The address that is all hosts'. */
    public static final long BROADCAST = MAC_MASK;

    private EthernetFlyweight() {}

    /** Destination MAC. Reads eight bytes from {@code offset}. */
    public static long destination(final UnsafeBuffer buffer, final int offset) {
        return buffer.getLong(offset + DESTINATION_OFFSET, BIG_ENDIAN) >>> Short.SIZE;
    }

    /** Source MAC. Reads eight bytes, of which two are the destination's. */
    public static long source(final UnsafeBuffer buffer, final int offset) {
        return buffer.getLong(offset + SOURCE_OFFSET - Short.BYTES, BIG_ENDIAN) & MAC_MASK;
    }

    /** Ether type. */
    public static int type(final UnsafeBuffer buffer, final int offset) {
        return buffer.getShort(offset + TYPE_OFFSET, BIG_ENDIAN) & 0xFFFF;
    }

    /**
     * Whether a tag stands where a type is expected, and names no VLAN, only a priority.
     *
     * @param typeOffset where the type is; {@link #TAG_LENGTH} bytes are read.
     */
    public static boolean isPriorityTag(final UnsafeBuffer buffer, final int typeOffset) {
        final int tag = buffer.getInt(typeOffset, BIG_ENDIAN);
        final int type = tag >>> Short.SIZE;
        return (TYPE_TAG == type || TYPE_SERVICE_TAG == type) && 0 == (tag & VLAN_ID_MASK);
    }

    /** Sets the ether type. */
    public static void type(final UnsafeBuffer buffer, final int offset, final int type) {
        buffer.putShort(offset + TYPE_OFFSET, (short) type, BIG_ENDIAN);
    }

    /** Writes all of a header. */
    public static void put(
            final UnsafeBuffer buffer, final int offset, final long destination, final long source, final int type) {
        buffer.putInt(offset + DESTINATION_OFFSET, (int) (destination >>> Short.SIZE), BIG_ENDIAN);
        buffer.putShort(offset + DESTINATION_OFFSET + Integer.BYTES, (short) destination, BIG_ENDIAN);
        buffer.putInt(offset + SOURCE_OFFSET, (int) (source >>> Short.SIZE), BIG_ENDIAN);
        buffer.putShort(offset + SOURCE_OFFSET + Integer.BYTES, (short) source, BIG_ENDIAN);
        type(buffer, offset, type);
    }
}
