/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static java.nio.ByteOrder.nativeOrder;

import org.agrona.concurrent.UnsafeBuffer;

/**
 * All that stands in front of the VXLAN header of a superframe that leaves the node unsegmented, for a device to cut:
 * the vnet header and the outer headers, made for the length before the cut. Whoever cuts copies everything up to the inner
 * IP header in front of each segment, and sets lengths and checksums right.
 *
 * <pre>
 *  0                        24          38      58     66       74             88
 * +------------------------+-----------+-------+------+--------+--------------+------------------------
 * | virtio_net_hdr, tunnel | Ethernet  | IPv4  | UDP  | VXLAN  | Ethernet     | IP, TCP, payload .. 64 KB
 * +------------------------+-----------+-------+------+--------+--------------+------------------------
 *                          | offsets in the vnet header count from here
 *
 *  vnet      0                         10              20              22              24
 *           +-------------------------+---------------+---------------+---------------+
 *           | VirtioNetHeaderFlyweight | (hash, unused)| outer UDP at  | inner IP at   |
 *           +-------------------------+---------------+---------------+---------------+
 * </pre>
 *
 * The first ten bytes of the vnet header are in the machine's byte order, its tunnel offsets are little-endian. Source:
 * include/uapi/linux/virtio_net.h ({@code struct virtio_net_hdr_v1_hash_tunnel}), include/linux/virtio_net.h
 * ({@code virtio_net_hdr_tnl_to_skb}), of Linux 6.17.
 */
public final class TunnelSuperframe {
    private static final int OUTER_UDP_OFFSET = 20;
    private static final int INNER_NETWORK_OFFSET = OUTER_UDP_OFFSET + Short.BYTES;
    /** Bytes of the vnet header. */
    public static final int VNET_LENGTH = INNER_NETWORK_OFFSET + Short.BYTES;

    private static final int ETHERNET_OFFSET = VNET_LENGTH;
    private static final int IPV4_OFFSET = ETHERNET_OFFSET + EthernetFlyweight.LENGTH;
    private static final int UDP_OFFSET = IPV4_OFFSET + Ipv4Flyweight.MIN_LENGTH;

    /** Bytes in front of the VXLAN header. */
    public static final int LENGTH = UDP_OFFSET + UdpFlyweight.LENGTH;

    /** {@code VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM}: the outer UDP checksum is to be completed as well. */
    private static final int UDP_TUNNEL_CSUM = 8;

    /** {@code VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4}, added to the type of the inner packet. */
    private static final int UDP_TUNNEL_IPV4 = 0x20;

    private static final int MAX_IP_LENGTH = 0xFFFF;

    private TunnelSuperframe() {}

    /** Whether the outer IP header can say how long the superframe is. */
    public static boolean fits(final int tunnelHeaderLength, final int innerLength) {
        return OuterHeader.IPV4_LENGTH + tunnelHeaderLength + innerLength <= MAX_IP_LENGTH;
    }

    /**
     * Writes the outer Ethernet, IPv4 and UDP header.
     *
     * @param vxlan where the VXLAN header begins; {@link #LENGTH} bytes in front of it are written to.
     * @param length in bytes, from the VXLAN header to the end of the inner packet.
     * @param mac that the host's stack takes the frame in by; its source too.
     * @param tos type of service of the outer header.
     * @param id identification of the first segment.
     * @param ttl time to live, of which the host takes one as it routes the frame.
     * @param source IPv4 address, first byte highest.
     * @param destination IPv4 address, first byte highest.
     */
    public static void putHeaders(
            final UnsafeBuffer buffer,
            final int vxlan,
            final int length,
            final long mac,
            final int tos,
            final int id,
            final int ttl,
            final int source,
            final int destination,
            final int sourcePort,
            final int destinationPort) {
        final int start = vxlan - LENGTH;
        EthernetFlyweight.put(buffer, start + ETHERNET_OFFSET, mac, mac, EthernetFlyweight.TYPE_IPV4);
        OuterHeader.putIpv4(
                buffer, start + IPV4_OFFSET, length, tos, id, ttl, source, destination, sourcePort, destinationPort);
    }

    /**
     * Writes the vnet header: how the inner packet is to be cut, and where its headers and the outer ones lie.
     *
     * @param vxlan where the VXLAN header begins.
     * @param packet the inner packet, of TCP or UDP.
     * @param gsoType of the inner packet, as the host's device gave it.
     * @param gsoSize payload bytes of each segment.
     */
    public static void putVnetHeader(
            final UnsafeBuffer buffer, final int vxlan, final IpPacket packet, final int gsoType, final int gsoSize) {
        final int vnet = vxlan - LENGTH;
        final int frame = vnet + ETHERNET_OFFSET;
        VirtioNetHeaderFlyweight.put(
                buffer,
                vnet,
                gsoType | UDP_TUNNEL_IPV4,
                packet.payloadOffset() - frame,
                gsoSize,
                packet.transportOffset() - frame,
                packet.transportChecksumOffset());
        buffer.putByte(vnet + VirtioNetHeaderFlyweight.FLAGS_OFFSET, (byte)
                (VirtioNetHeaderFlyweight.NEEDS_CHECKSUM | UDP_TUNNEL_CSUM));
        buffer.putLong(vnet + VirtioNetHeaderFlyweight.LENGTH, 0, nativeOrder());
        buffer.putShort(vnet + OUTER_UDP_OFFSET - Short.BYTES, (short) 0, nativeOrder());
        buffer.putShort(vnet + OUTER_UDP_OFFSET, (short) (UDP_OFFSET - ETHERNET_OFFSET), LITTLE_ENDIAN);
        buffer.putShort(vnet + INNER_NETWORK_OFFSET, (short) (packet.offset() - frame), LITTLE_ENDIAN);
    }
}
