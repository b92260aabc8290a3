/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * A VXLAN datagram from node A's VTEP to node B's, right but for what the test changes.
 *
 * <pre>
 *  0        1        4        7  8                 14                20         22
 * +--------+--------+--------+--+-----------------+-----------------+----------+-----------
 * | flags  | resvd  | VNI    |r | destination MAC | source MAC      | type     | IP packet
 * +--------+--------+--------+--+-----------------+-----------------+----------+-----------
 * </pre>
 */
public final class VxlanDatagram {
    public static final int IP_OFFSET = 22;
    public static final int FLAGS_OFFSET = 0;
    public static final int VNI_OFFSET = 4;
    public static final int RESERVED_OFFSET = 7;
    public static final int DESTINATION_OFFSET = 8;
    public static final int SOURCE_OFFSET = 14;
    public static final int TYPE_OFFSET = 20;

    private static final byte[] VTEP_A = {2, 0, 0, 0, 0, 1};
    private static final byte[] VTEP_B = {2, 0, 0, 0, 0, 2};

    private byte[] bytes;

    public VxlanDatagram(final byte[] packet) {
        bytes = ByteBuffer.allocate(IP_OFFSET + packet.length)
                .putInt(0x0800_0000)
                .putInt(1 << 8)
                .put(VTEP_B)
                .put(VTEP_A)
                .putShort((short) (6 == (packet[0] & 0xFF) >>> 4 ? 0x86DD : 0x0800))
                .put(packet)
                .array();
    }

    /** Overwrites bytes at an offset of the datagram. */
    public VxlanDatagram with(final int offset, final int... values) {
        for (int i = 0; i < values.length; i++) {
            bytes[offset + i] = (byte) values[i];
        }
        return this;
    }

    /** As {@link #with}, in the inner IPv4 header, whose checksum is made right again. */
    public VxlanDatagram withIpv4(final int offset, final int... values) {
        with(IP_OFFSET + offset, values);
        final byte[] packet = CraftedPacket.tail(bytes, IP_OFFSET);
        CraftedPacket.fixIpv4Checksum(packet);
        System.arraycopy(packet, 0, bytes, IP_OFFSET, packet.length);
        return this;
    }

    /** Puts tags of IEEE 802.1Q in front of the ether type: each its own type and, below, priority and VLAN id. */
    public VxlanDatagram tagged(final int... tags) {
        final ByteBuffer tagged =
                ByteBuffer.allocate(bytes.length + tags.length * Integer.BYTES).put(bytes, 0, TYPE_OFFSET);
        for (final int tag : tags) {
            tagged.putInt(tag);
        }
        bytes = tagged.put(bytes, TYPE_OFFSET, bytes.length - TYPE_OFFSET).array();
        return this;
    }

    /** Cuts the datagram off, or pads it with zeros. */
    public VxlanDatagram length(final int length) {
        bytes = Arrays.copyOf(bytes, length);
        return this;
    }

    public byte[] bytes() {
        return bytes.clone();
    }
}
