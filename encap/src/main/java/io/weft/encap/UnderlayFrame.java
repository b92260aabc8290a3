/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import org.agrona.concurrent.UnsafeBuffer;

/**
 * What stands in front of datagrams that leave by a packet socket with {@code PACKET_VNET_HDR}. There is one header for several
 * datagrams of equal length (the last may be shorter), which the kernel or the device cuts (include/linux/virtio_net.h,
 * {@code virtio_net_hdr_to_skb}; net/ipv4/udp_offload.c, {@code __udp_gso_segment}).
 *
 * <pre>
 *  0            10         24         44 or 64  52 or 72
 * +------------+----------+----------+---------+-----------+-----------+----
 * | vnet header| Ethernet | IP       | UDP     | datagram  | datagram  | ..
 * +------------+----------+----------+---------+-----------+-----------+----
 *              | offsets in the vnet header count from here
 * </pre>
 */
public final class UnderlayFrame {
    private static final int ETHERNET_OFFSET = VirtioNetHeaderFlyweight.LENGTH;

    /** Where the IP header begins. */
    public static final int IP_OFFSET = ETHERNET_OFFSET + EthernetFlyweight.LENGTH;

    /** Bytes in front of the datagrams over IPv4. */
    public static final int IPV4_LENGTH = IP_OFFSET + OuterHeader.IPV4_LENGTH;

    /** Bytes in front of the datagrams over IPv6, the longest there are. */
    public static final int IPV6_LENGTH = IP_OFFSET + OuterHeader.IPV6_LENGTH;

    private UnderlayFrame() {}

    /**
     * Writes vnet and Ethernet header; the IP header is {@link OuterHeader}'s.
     *
     * @param frame where the vnet header begins.
     * @param version 4 or 6, of the outer IP header.
     * @param destinationMac of the next hop, in the low 48 bits.
     * @param sourceMac of the link.
     * @param segmentLength bytes of each datagram where there are several, 0 for a single one.
     */
    public static void putLink(
            final UnsafeBuffer buffer,
            final int frame,
            final int version,
            final long destinationMac,
            final long sourceMac,
            final int segmentLength) {
        final int end = 4 == version ? IPV4_LENGTH : IPV6_LENGTH;
        VirtioNetHeaderFlyweight.put(
                buffer,
                frame,
                0 == segmentLength ? VirtioNetHeaderFlyweight.GSO_NONE : VirtioNetHeaderFlyweight.GSO_UDP_L4,
                end - ETHERNET_OFFSET,
                segmentLength,
                end - UdpFlyweight.LENGTH - ETHERNET_OFFSET,
                UdpFlyweight.CHECKSUM_OFFSET);
        EthernetFlyweight.put(
                buffer,
                frame + ETHERNET_OFFSET,
                destinationMac,
                sourceMac,
                4 == version ? EthernetFlyweight.TYPE_IPV4 : EthernetFlyweight.TYPE_IPV6);
    }
}
