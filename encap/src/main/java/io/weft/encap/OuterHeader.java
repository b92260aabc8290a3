/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static java.nio.ByteOrder.BIG_ENDIAN;

import org.agrona.concurrent.UnsafeBuffer;

/**
 * Writes what weft itself puts in front of datagrams that do not go through a UDP socket: an IP and a UDP header as the kernel's
 * VXLAN device has them (net/ipv4/ip_tunnel_core.c {@code iptunnel_xmit}, net/ipv6/ip6_udp_tunnel.c {@code udp_tunnel6_xmit_skb}),
 * without options, flow label and "do not fragment". The UDP checksum is left to be completed: it holds the sum of the pseudo header.
 *
 * <pre>
 *  0              20       28            0              40       48
 * +--------------+--------+----------    +--------------+--------+----------
 * | IPv4         | UDP    | datagram     | IPv6         | UDP    | datagram
 * +--------------+--------+----------    +--------------+--------+----------
 * </pre>
 */
public final class OuterHeader {
    /** Bytes of both headers over IPv4. */
    public static final int IPV4_LENGTH = Ipv4Flyweight.MIN_LENGTH + UdpFlyweight.LENGTH;

    /** Bytes of both headers over IPv6. */
    public static final int IPV6_LENGTH = Ipv6Flyweight.LENGTH + UdpFlyweight.LENGTH;

    private static final int VERSION_4_WITHOUT_OPTIONS = 0x45;
    private static final int VERSION_6 = 6 << 28;
    private static final int CLASS_SHIFT = 20;

    private OuterHeader() {}

    /**
     * Writes both headers for IPv4.
     *
     * @param ip where the IP header begins.
     * @param length in bytes of what follows the UDP header.
     * @param tos type of service.
     * @param id identification of the first segment.
     * @param ttl time to live.
     * @param source IPv4 address, first byte highest.
     * @param destination IPv4 address, first byte highest.
     */
    public static void putIpv4(
            final UnsafeBuffer buffer,
            final int ip,
            final int length,
            final int tos,
            final int id,
            final int ttl,
            final int source,
            final int destination,
            final int sourcePort,
            final int destinationPort) {
        buffer.putByte(ip + Ipv4Flyweight.VERSION_IHL_OFFSET, (byte) VERSION_4_WITHOUT_OPTIONS);
        buffer.putByte(ip + Ipv4Flyweight.TOS_OFFSET, (byte) tos);
        Ipv4Flyweight.totalLength(buffer, ip, IPV4_LENGTH + length);
        Ipv4Flyweight.id(buffer, ip, id);
        buffer.putShort(ip + Ipv4Flyweight.FRAGMENT_OFFSET, (short) 0, BIG_ENDIAN);
        buffer.putByte(ip + Ipv4Flyweight.TTL_OFFSET, (byte) ttl);
        buffer.putByte(ip + Ipv4Flyweight.PROTOCOL_OFFSET, (byte) IpProtocol.UDP);
        buffer.putInt(ip + Ipv4Flyweight.SOURCE_OFFSET, source, BIG_ENDIAN);
        buffer.putInt(ip + Ipv4Flyweight.DESTINATION_OFFSET, destination, BIG_ENDIAN);
        Ipv4Flyweight.updateChecksum(buffer, ip, Ipv4Flyweight.MIN_LENGTH);
        putUdp(buffer, ip, 4, Ipv4Flyweight.MIN_LENGTH, length, sourcePort, destinationPort);
    }

    /**
     * Writes both headers for IPv6; addresses are given by their halves, first byte highest.
     *
     * @param ip where the IP header begins.
     * @param length in bytes of what follows the UDP header.
     */
    public static void putIpv6(
            final UnsafeBuffer buffer,
            final int ip,
            final int length,
            final int trafficClass,
            final int hopLimit,
            final long sourceHigh,
            final long sourceLow,
            final long destinationHigh,
            final long destinationLow,
            final int sourcePort,
            final int destinationPort) {
        buffer.putInt(
                ip + Ipv6Flyweight.VERSION_CLASS_LABEL_OFFSET, VERSION_6 | trafficClass << CLASS_SHIFT, BIG_ENDIAN);
        Ipv6Flyweight.payloadLength(buffer, ip, UdpFlyweight.LENGTH + length);
        buffer.putByte(ip + Ipv6Flyweight.NEXT_HEADER_OFFSET, (byte) IpProtocol.UDP);
        buffer.putByte(ip + Ipv6Flyweight.HOP_LIMIT_OFFSET, (byte) hopLimit);
        buffer.putLong(ip + Ipv6Flyweight.SOURCE_OFFSET, sourceHigh, BIG_ENDIAN);
        buffer.putLong(ip + Ipv6Flyweight.SOURCE_OFFSET + Long.BYTES, sourceLow, BIG_ENDIAN);
        buffer.putLong(ip + Ipv6Flyweight.DESTINATION_OFFSET, destinationHigh, BIG_ENDIAN);
        buffer.putLong(ip + Ipv6Flyweight.DESTINATION_OFFSET + Long.BYTES, destinationLow, BIG_ENDIAN);
        putUdp(buffer, ip, 6, Ipv6Flyweight.LENGTH, length, sourcePort, destinationPort);
    }

    private static void putUdp(
            final UnsafeBuffer buffer,
            final int ip,
            final int version,
            final int ipLength,
            final int length,
            final int sourcePort,
            final int destinationPort) {
        final int udp = ip + ipLength;
        buffer.putShort(udp + UdpFlyweight.SOURCE_PORT_OFFSET, (short) sourcePort, BIG_ENDIAN);
        buffer.putShort(udp + UdpFlyweight.DESTINATION_PORT_OFFSET, (short) destinationPort, BIG_ENDIAN);
        UdpFlyweight.length(buffer, udp, UdpFlyweight.LENGTH + length);
        InternetChecksum.putPartial(
                buffer,
                udp + UdpFlyweight.CHECKSUM_OFFSET,
                InternetChecksum.pseudoHeader(buffer, ip, version, IpProtocol.UDP, UdpFlyweight.LENGTH + length));
    }
}
