/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static java.nio.ByteOrder.nativeOrder;

import org.agrona.concurrent.UnsafeBuffer;

/**
 * {@code struct virtio_net_hdr}, the vnet header: what a device of the host puts in front of
 * each frame (TUN with {@code IFF_VNET_HDR}, packet socket with {@code PACKET_VNET_HDR}), in the machine's byte order (drivers/net/tun.c, {@code tun_legacy_is_little_endian}).
 *
 * <pre>
 *  0       1       2               4               6               8              10
 * +-------+-------+---------------+---------------+---------------+---------------+
 * | flags |gsoType| headerLength  | gsoSize       | checksumStart | checksumOffset|
 * +-------+-------+---------------+---------------+---------------+---------------+
 * </pre>
 *
 * checksumStart counts from the first byte after this header, checksumOffset from checksumStart. Source:
 * include/uapi/linux/virtio_net.h.
 */
public final class VirtioNetHeaderFlyweight {
    public static final int FLAGS_OFFSET = 0;
    public static final int GSO_TYPE_OFFSET = FLAGS_OFFSET + 1;
    public static final int HEADER_LENGTH_OFFSET = GSO_TYPE_OFFSET + 1;
    public static final int GSO_SIZE_OFFSET = HEADER_LENGTH_OFFSET + Short.BYTES;
    public static final int CHECKSUM_START_OFFSET = GSO_SIZE_OFFSET + Short.BYTES;
    public static final int CHECKSUM_OFFSET_OFFSET = CHECKSUM_START_OFFSET + Short.BYTES;
    public static final int LENGTH = CHECKSUM_OFFSET_OFFSET + Short.BYTES;

    /** The checksum field holds the sum of the pseudo header and has to be completed. */
    public static final int NEEDS_CHECKSUM = 1;

    /** The device has verified the checksum, of the outermost transport header that has one. */
    public static final int DATA_VALID = 2;

    public static final int GSO_NONE = 0;
    public static final int GSO_TCPV4 = 1;
    public static final int GSO_TCPV6 = 4;
    public static final int GSO_UDP_L4 = 5;

    /** Added to a TCP type: the CWR flag belongs to the first segment alone. */
    public static final int GSO_ECN = 0x80;

    private VirtioNetHeaderFlyweight() {}

    /** {@link #NEEDS_CHECKSUM} and others that do not concern a reader. */
    public static int flags(final UnsafeBuffer buffer, final int offset) {
        return buffer.getByte(offset + FLAGS_OFFSET) & 0xFF;
    }

    /** How the packet is to be cut: one of the {@code GSO_} constants; {@link #GSO_ECN} may be added. */
    public static int gsoType(final UnsafeBuffer buffer, final int offset) {
        return buffer.getByte(offset + GSO_TYPE_OFFSET) & 0xFF;
    }

    /** Payload bytes of each segment. */
    public static int gsoSize(final UnsafeBuffer buffer, final int offset) {
        return buffer.getShort(offset + GSO_SIZE_OFFSET, nativeOrder()) & 0xFFFF;
    }

    /** Where the sum that is to be completed begins. */
    public static int checksumStart(final UnsafeBuffer buffer, final int offset) {
        return buffer.getShort(offset + CHECKSUM_START_OFFSET, nativeOrder()) & 0xFFFF;
    }

    /** Where, from checksumStart, the checksum goes. */
    public static int checksumOffset(final UnsafeBuffer buffer, final int offset) {
        return buffer.getShort(offset + CHECKSUM_OFFSET_OFFSET, nativeOrder()) & 0xFFFF;
    }

    /** Writes the header of a packet that needs nothing done. */
    public static void putPlain(final UnsafeBuffer buffer, final int offset) {
        buffer.putLong(offset, 0, nativeOrder());
        buffer.putShort(offset + CHECKSUM_OFFSET_OFFSET, (short) 0, nativeOrder());
    }

    /** Writes the header of a packet whose checksum is to be completed, and which is to be cut if gsoType says so. */
    public static void put(
            final UnsafeBuffer buffer,
            final int offset,
            final int gsoType,
            final int headerLength,
            final int gsoSize,
            final int checksumStart,
            final int checksumOffset) {
        buffer.putByte(offset + FLAGS_OFFSET, (byte) NEEDS_CHECKSUM);
        buffer.putByte(offset + GSO_TYPE_OFFSET, (byte) gsoType);
        buffer.putShort(offset + HEADER_LENGTH_OFFSET, (short) headerLength, nativeOrder());
        buffer.putShort(offset + GSO_SIZE_OFFSET, (short) gsoSize, nativeOrder());
        buffer.putShort(offset + CHECKSUM_START_OFFSET, (short) checksumStart, nativeOrder());
        buffer.putShort(offset + CHECKSUM_OFFSET_OFFSET, (short) checksumOffset, nativeOrder());
    }
}
