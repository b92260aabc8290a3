/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

/**
 * What a device of the host has in front of the IP packet of each frame, and what it takes without being cut.
 *
 * <pre>
 *  0                 vnetHeaderLength       headerLength()
 * +-----------------+----------------------+-------------------------
 * | virtio_net_hdr  | link header, or none | IP packet of up to 64 KB
 * +-----------------+----------------------+-------------------------
 * </pre>
 *
 * Offsets in the vnet header count from its end.
 *
 * @param vnetHeaderLength bytes of the vnet header, as whoever opened the device asked for.
 * @param linkHeaderLength bytes of the link header, {@link #ETHERNET_LENGTH} or 0 for a device of bare packets.
 * @param destinationMac that the host takes frames in by, in the low 48 bits; 0 without a link header, or where it changes.
 * @param sourceMac of frames to the host, likewise.
 * @param takesUdpSuperframes whether frames may be superframes of UDP, and not only of TCP.
 */
public record Framing(
        int vnetHeaderLength, int linkHeaderLength, long destinationMac, long sourceMac, boolean takesUdpSuperframes) {
    /** {@code ETH_HLEN} of include/uapi/linux/if_ether.h. */
    public static final int ETHERNET_LENGTH = 14;

    /** The longest IP packet there is: its length field has 16 bits. */
    public static final int MAX_PACKET_LENGTH = 0xFFFF;

    /** That of a device of bare packets. */
    public static Framing ofPackets(final int vnetHeaderLength, final boolean takesUdpSuperframes) {
        return new Framing(vnetHeaderLength, 0, 0, 0, takesUdpSuperframes);
    }

    /** That of a device of Ethernet frames. */
    public static Framing ofEthernet(
            final int vnetHeaderLength,
            final long destinationMac,
            final long sourceMac,
            final boolean takesUdpSuperframes) {
        return new Framing(vnetHeaderLength, ETHERNET_LENGTH, destinationMac, sourceMac, takesUdpSuperframes);
    }

    /** Bytes in front of the IP packet. */
    public int headerLength() {
        return vnetHeaderLength + linkHeaderLength;
    }

    /** Bytes of the longest frame. */
    public int maxFrameLength() {
        return headerLength() + MAX_PACKET_LENGTH;
    }
}
