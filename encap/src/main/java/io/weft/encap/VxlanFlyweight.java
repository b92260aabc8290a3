/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static java.nio.ByteOrder.BIG_ENDIAN;

import org.agrona.concurrent.UnsafeBuffer;

/**
 * VXLAN header (RFC 7348, section 5).
 *
 * <pre>
 *   0                   1                   2                   3
 *   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |R|R|R|R|I|R|R|R|                    Reserved                   |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *  |           VXLAN Network Identifier (VNI)      |    Reserved   |
 *  +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * </pre>
 *
 * The RFC lets a receiver ignore the reserved bits; the kernel (drivers/net/vxlan/vxlan_core.c, {@code vxlan_rcv}) drops
 * a packet that has one set, and so does weft.
 */
public final class VxlanFlyweight {
    public static final int FLAGS_OFFSET = 0;
    public static final int VNI_OFFSET = FLAGS_OFFSET + Integer.BYTES;
    public static final int LENGTH = VNI_OFFSET + Integer.BYTES;

    /** The I flag, and all other bits of the first word zero. */
    public static final int FLAGS_VNI_VALID = 0x0800_0000;

    public static final int MAX_VNI = 0xFF_FFFF;

    private static final int VNI_SHIFT = 8;

    private VxlanFlyweight() {}

    /** The first word: flags and reserved bits. */
    public static int flags(final UnsafeBuffer buffer, final int offset) {
        return buffer.getInt(offset + FLAGS_OFFSET, BIG_ENDIAN);
    }

    /** The second word: VNI in the upper 24 bits, reserved byte in the lower eight. */
    public static int vniAndReserved(final UnsafeBuffer buffer, final int offset) {
        return buffer.getInt(offset + VNI_OFFSET, BIG_ENDIAN);
    }

    /** The second word of a valid header of this VNI, to be compared with {@link #vniAndReserved}. */
    public static int vniWord(final int vni) {
        return vni << VNI_SHIFT;
    }

    /** Writes all of a header. */
    public static void put(final UnsafeBuffer buffer, final int offset, final int vni) {
        buffer.putInt(offset + FLAGS_OFFSET, FLAGS_VNI_VALID, BIG_ENDIAN);
        buffer.putInt(offset + VNI_OFFSET, vniWord(vni), BIG_ENDIAN);
    }
}
