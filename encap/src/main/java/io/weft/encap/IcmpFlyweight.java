/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static java.nio.ByteOrder.BIG_ENDIAN;

import org.agrona.concurrent.UnsafeBuffer;

/**
 * The head of an error message of ICMP (RFC 792) or ICMPv6 (RFC 4443), behind which the packet is quoted that it is about.
 *
 * <pre>
 *  0        1        2                 4                 6                 8
 * +--------+--------+-----------------+-----------------+-----------------+--------------
 * | type   | code   | checksum        | unused, zero    | MTU (RFC 1191)  | IP header ..
 * +--------+--------+-----------------+-----------------+-----------------+--------------
 *                                     | MTU of ICMPv6, 32 bits            |
 * </pre>
 */
public final class IcmpFlyweight {
    public static final int TYPE_OFFSET = 0;
    public static final int CODE_OFFSET = TYPE_OFFSET + 1;
    public static final int CHECKSUM_OFFSET = CODE_OFFSET + 1;
    private static final int ICMPV6_MTU_OFFSET = CHECKSUM_OFFSET + Short.BYTES;
    private static final int MTU_OFFSET = ICMPV6_MTU_OFFSET + Short.BYTES;
    public static final int LENGTH = MTU_OFFSET + Short.BYTES;

    public static final int UNREACHABLE = 3;
    public static final int NET_UNREACHABLE = 0;
    public static final int FRAGMENTATION_NEEDED = 4;

    public static final int ICMPV6_UNREACHABLE = 1;
    public static final int ICMPV6_NO_ROUTE = 0;
    public static final int ICMPV6_PACKET_TOO_BIG = 2;

    private static final int MAX_MTU = 0xFFFF;

    private IcmpFlyweight() {}

    /**
     * What a packet says of the most that a path carries (RFC 1191, section 4, and RFC 4443, section 3.2).
     *
     * @return the MTU in bytes; 0 if the packet is no such message, does not say, or does not quote a longer packet of the one
     *     that it goes to (RFC 5927, section 4).
     */
    public static int pathMtu(final UnsafeBuffer buffer, final IpPacket packet) {
        final boolean ipv4 = IpProtocol.ICMP == packet.protocol() && 4 == packet.version();
        final boolean ipv6 = IpProtocol.ICMPV6 == packet.protocol() && 6 == packet.version();
        if (!(ipv4 || ipv6) || packet.isFragment() || packet.transportLength() < LENGTH) {
            return 0;
        }
        final int icmp = packet.transportOffset();
        final int type = buffer.getByte(icmp + TYPE_OFFSET) & 0xFF;
        final int code = buffer.getByte(icmp + CODE_OFFSET) & 0xFF;
        final int quoted = icmp + LENGTH;
        final int quotedLength = packet.transportLength() - LENGTH;
        if (ipv4) {
            final int mtu = UNREACHABLE == type && FRAGMENTATION_NEEDED == code
                    ? buffer.getShort(icmp + MTU_OFFSET, BIG_ENDIAN) & 0xFFFF
                    : 0;
            return quotedLength >= Ipv4Flyweight.MIN_LENGTH
                            && Ipv4Flyweight.source(buffer, quoted)
                                    == Ipv4Flyweight.destination(buffer, packet.offset())
                            && Ipv4Flyweight.totalLength(buffer, quoted) > mtu
                    ? mtu
                    : 0;
        }
        final int mtu = ICMPV6_PACKET_TOO_BIG == type ? buffer.getInt(icmp + ICMPV6_MTU_OFFSET, BIG_ENDIAN) : 0;
        return mtu >= 0
                        && mtu <= MAX_MTU
                        && quotedLength >= Ipv6Flyweight.LENGTH
                        && Ipv6Flyweight.sourceHigh(buffer, quoted)
                                == Ipv6Flyweight.destinationHigh(buffer, packet.offset())
                        && Ipv6Flyweight.sourceLow(buffer, quoted)
                                == Ipv6Flyweight.destinationLow(buffer, packet.offset())
                        && Ipv6Flyweight.LENGTH + Ipv6Flyweight.payloadLength(buffer, quoted) > mtu
                ? mtu
                : 0;
    }
}
