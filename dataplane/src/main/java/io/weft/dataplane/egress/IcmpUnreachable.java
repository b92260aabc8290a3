/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.nativeOrder;

import io.weft.encap.IcmpFlyweight;
import io.weft.encap.InternetChecksum;
import io.weft.encap.IpPacket;
import io.weft.encap.IpProtocol;
import io.weft.encap.Ipv4Flyweight;
import io.weft.encap.Ipv6Flyweight;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The message that a destination is unreachable: ICMP (RFC 792) or its IPv6 form (RFC 4443, section 3.1), with its IP
 * header.
 *
 * <pre>
 *  IP header, then
 *
 *  0        1        2                 4                 8
 * +--------+--------+-----------------+-----------------+---------------------------------------
 * | type   | code   | checksum        | unused, zero    | IP header and beginning of the packet
 * +--------+--------+-----------------+-----------------+---------------------------------------
 * </pre>
 *
 * Reused by one thread.
 */
final class IcmpUnreachable {
    private static final int TTL = 64;

    /** RFC 1812, section 4.3.2.3: as much of the packet as fits into 576 bytes. */
    private static final int MAX_IPV4_LENGTH = 576;

    /** RFC 4443, section 3.1: as much of the packet as fits into the smallest IPv6 MTU. */
    private static final int MAX_IPV6_LENGTH = 1280;

    private static final int IP_OFFSET = 0;
    private static final int VERSION_4_WITHOUT_OPTIONS = 0x45;
    private static final int VERSION_6 = 0x6000_0000;

    private final UnsafeBuffer message =
            new UnsafeBuffer(BufferUtil.allocateDirectAligned(MAX_IPV6_LENGTH, BitUtil.CACHE_LINE_LENGTH));
    private final int ipv4Source;
    private final byte @Nullable [] ipv6Source;

    /**
     * @param ipv4Source address that the messages come from, first byte highest.
     * @param ipv6Source the same for IPv6.
     */
    IcmpUnreachable(final int ipv4Source, final byte @Nullable [] ipv6Source) {
        this.ipv4Source = ipv4Source;
        this.ipv6Source = ipv6Source;
    }

    /** Where the message is. */
    long address() {
        return message.addressOffset();
    }

    /** Writes the message that tells a packet's source of it. Returns the length in bytes. */
    int put(final UnsafeBuffer frames, final IpPacket packet) {
        return 4 == packet.version() ? putIpv4(frames, packet) : putIpv6(frames, packet);
    }

    private int putIpv4(final UnsafeBuffer frames, final IpPacket packet) {
        final int icmp = IP_OFFSET + Ipv4Flyweight.MIN_LENGTH;
        final int quotedLength =
                Math.min(packet.totalLength(), MAX_IPV4_LENGTH - Ipv4Flyweight.MIN_LENGTH - IcmpFlyweight.LENGTH);
        final int totalLength = Ipv4Flyweight.MIN_LENGTH + IcmpFlyweight.LENGTH + quotedLength;
        message.setMemory(IP_OFFSET, Ipv4Flyweight.MIN_LENGTH, (byte) 0);
        message.putByte(IP_OFFSET + Ipv4Flyweight.VERSION_IHL_OFFSET, (byte) VERSION_4_WITHOUT_OPTIONS);
        Ipv4Flyweight.totalLength(message, IP_OFFSET, totalLength);
        message.putByte(IP_OFFSET + Ipv4Flyweight.TTL_OFFSET, (byte) TTL);
        message.putByte(IP_OFFSET + Ipv4Flyweight.PROTOCOL_OFFSET, (byte) IpProtocol.ICMP);
        message.putInt(IP_OFFSET + Ipv4Flyweight.SOURCE_OFFSET, ipv4Source, BIG_ENDIAN);
        message.putInt(
                IP_OFFSET + Ipv4Flyweight.DESTINATION_OFFSET,
                Ipv4Flyweight.source(frames, packet.offset()),
                BIG_ENDIAN);
        Ipv4Flyweight.updateChecksum(message, IP_OFFSET, Ipv4Flyweight.MIN_LENGTH);
        putIcmp(frames, packet, icmp, IcmpFlyweight.UNREACHABLE, IcmpFlyweight.NET_UNREACHABLE, quotedLength);
        final long sum = InternetChecksum.sum(message, icmp, IcmpFlyweight.LENGTH + quotedLength, 0);
        InternetChecksum.put(message, icmp + IcmpFlyweight.CHECKSUM_OFFSET, sum);
        return totalLength;
    }

    private int putIpv6(final UnsafeBuffer frames, final IpPacket packet) {
        final int icmp = IP_OFFSET + Ipv6Flyweight.LENGTH;
        final int quotedLength =
                Math.min(packet.totalLength(), MAX_IPV6_LENGTH - Ipv6Flyweight.LENGTH - IcmpFlyweight.LENGTH);
        final int icmpLength = IcmpFlyweight.LENGTH + quotedLength;
        message.putInt(IP_OFFSET + Ipv6Flyweight.VERSION_CLASS_LABEL_OFFSET, VERSION_6, BIG_ENDIAN);
        Ipv6Flyweight.payloadLength(message, IP_OFFSET, icmpLength);
        message.putByte(IP_OFFSET + Ipv6Flyweight.NEXT_HEADER_OFFSET, (byte) IpProtocol.ICMPV6);
        message.putByte(IP_OFFSET + Ipv6Flyweight.HOP_LIMIT_OFFSET, (byte) TTL);
        if (null != ipv6Source) {
            message.putBytes(IP_OFFSET + Ipv6Flyweight.SOURCE_OFFSET, ipv6Source);
        }
        final int theirSource = packet.offset() + Ipv6Flyweight.SOURCE_OFFSET;
        message.putBytes(
                IP_OFFSET + Ipv6Flyweight.DESTINATION_OFFSET, frames, theirSource, Ipv6Flyweight.ADDRESS_LENGTH);
        putIcmp(frames, packet, icmp, IcmpFlyweight.ICMPV6_UNREACHABLE, IcmpFlyweight.ICMPV6_NO_ROUTE, quotedLength);
        final long pseudoHeader = InternetChecksum.pseudoHeader(message, IP_OFFSET, 6, IpProtocol.ICMPV6, icmpLength);
        InternetChecksum.put(
                message,
                icmp + IcmpFlyweight.CHECKSUM_OFFSET,
                InternetChecksum.sum(message, icmp, icmpLength, pseudoHeader));
        return Ipv6Flyweight.LENGTH + icmpLength;
    }

    private void putIcmp(
            final UnsafeBuffer frames,
            final IpPacket packet,
            final int icmp,
            final int type,
            final int code,
            final int quotedLength) {
        message.putLong(icmp, 0, nativeOrder());
        message.putByte(icmp + IcmpFlyweight.TYPE_OFFSET, (byte) type);
        message.putByte(icmp + IcmpFlyweight.CODE_OFFSET, (byte) code);
        message.putBytes(icmp + IcmpFlyweight.LENGTH, frames, packet.offset(), quotedLength);
    }
}
