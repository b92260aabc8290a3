/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.weft.address.IpPrefix;
import io.weft.encap.EthernetFlyweight;
import io.weft.encap.IcmpFlyweight;
import io.weft.encap.InternetChecksum;
import io.weft.encap.IpProtocol;
import io.weft.encap.Ipv4Flyweight;
import io.weft.encap.Ipv6Flyweight;
import io.weft.encap.TcpFlyweight;
import io.weft.encap.TunnelSuperframe;
import io.weft.encap.UdpFlyweight;
import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.encap.VxlanFlyweight;
import io.weft.linux.Framing;
import java.util.ArrayList;
import java.util.List;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Frames as a host hands them over, between two addresses that no pod has: of IPv4 those for benchmarks (RFC 2544, appendix C.2.2),
 * of IPv6 those for documentation (RFC 3849).
 *
 * <pre>
 * | virtio_net_hdr | IP header | TCP, UDP or ICMP header | zeros |
 * </pre>
 *
 * Streams are as the kernel sends them, with timestamps, not to be fragmented, pushed at the end of what was written: of a branch
 * that was never taken the compiler makes a way back into the interpreter.
 */
final class RehearsalFrames {
    static final IpPrefix SOURCE = IpPrefix.parse("198.18.0.0/24");
    static final IpPrefix DESTINATION = IpPrefix.parse("198.19.0.0/24");
    static final IpPrefix SOURCE_IPV6 = IpPrefix.parse("2001:db8:1::/64");
    static final IpPrefix DESTINATION_IPV6 = IpPrefix.parse("2001:db8:2::/64");

    private static final int IPV4_WITHOUT_OPTIONS = 0x45;
    private static final int IPV6_VERSION = 0x60;
    private static final int TTL = 64;
    private static final int SMALL_LENGTH = 64;

    /** Of the superframes that every round has: so short that they cost little more than a packet. */
    private static final int SHORT_SEGMENTS = 3;

    /** NOP, NOP, timestamps: RFC 7323, appendix A. */
    private static final int TIMESTAMPS = 0x0101080A;

    private static final int TIMESTAMPS_LENGTH = 12;
    /** RFC 792, RFC 4443. */
    private static final int ECHO_REQUEST = 8;

    private static final int ICMPV6_ECHO_REQUEST = 128;

    private static final int TCP_LENGTH = TcpFlyweight.MIN_LENGTH + TIMESTAMPS_LENGTH;
    private static final int PUSHED = TcpFlyweight.ACK | TcpFlyweight.PSH;
    private static final int IP = VirtioNetHeaderFlyweight.LENGTH;

    /** What stands in front of a superframe that leaves unsegmented. */
    private static final int TUNNEL_LENGTH = TunnelSuperframe.LENGTH + VxlanFlyweight.LENGTH + EthernetFlyweight.LENGTH;

    /**
     * A frame.
     *
     * @param memory holds it, from the beginning.
     * @param length bytes of the frame.
     */
    record Frame(UnsafeBuffer memory, int length) {}

    private final int mtu;
    private final List<Frame> small = new ArrayList<>();
    private final List<Frame> superframes = new ArrayList<>();
    private final List<Frame> shortSuperframes = new ArrayList<>();

    /**
     * @param mtu that superframes are cut by, in bytes.
     * @param hasIpv6 whether the tunnel takes IPv6.
     */
    RehearsalFrames(final int mtu, final boolean hasIpv6) {
        this.mtu = mtu;
        for (final int version : hasIpv6 ? new int[] {4, 6} : new int[] {4}) {
            small.add(frame(version, IpProtocol.UDP, SMALL_LENGTH, 0, false));
            small.add(frame(version, IpProtocol.TCP, 0, TcpFlyweight.ACK, false));
            small.add(frame(version, IpProtocol.TCP, mtu - ipHeaderLength(version) - TCP_LENGTH, PUSHED, false));
            small.add(echo(version));
        }
        final int payload = Framing.MAX_PACKET_LENGTH - Ipv6Flyweight.LENGTH - TCP_LENGTH - TUNNEL_LENGTH;
        superframes.add(frame(4, IpProtocol.TCP, payload, TcpFlyweight.ACK, true));
        superframes.add(frame(4, IpProtocol.UDP, payload, 0, true));
        superframes.add(frame(4, IpProtocol.TCP, payload, PUSHED, true));
        final int segment = mtu - Ipv4Flyweight.MIN_LENGTH - TCP_LENGTH;
        shortSuperframes.add(frame(4, IpProtocol.TCP, SHORT_SEGMENTS * segment, TcpFlyweight.ACK, true));
        shortSuperframes.add(frame(4, IpProtocol.TCP, SHORT_SEGMENTS * segment, PUSHED, true));
    }

    /** Packets that are sent as they are. */
    List<Frame> small() {
        return small;
    }

    /** Packets that are cut. */
    List<Frame> superframes() {
        return superframes;
    }

    /** Superframes of a few segments. */
    List<Frame> shortSuperframes() {
        return shortSuperframes;
    }

    private Frame frame(
            final int version,
            final int protocol,
            final int payloadLength,
            final int tcpFlags,
            final boolean isSuperframe) {
        final int transport = IP + ipHeaderLength(version);
        final int transportHeaderLength = IpProtocol.TCP == protocol ? TCP_LENGTH : UdpFlyweight.LENGTH;
        final int transportLength = transportHeaderLength + payloadLength;
        final UnsafeBuffer memory = packet(version, protocol, transportLength);
        final int checksumOffset;
        if (IpProtocol.TCP == protocol) {
            checksumOffset = TcpFlyweight.CHECKSUM_OFFSET;
            memory.putByte(transport + TcpFlyweight.DATA_OFFSET_OFFSET, (byte) ((TCP_LENGTH / Integer.BYTES) << 4));
            TcpFlyweight.flags(memory, transport, tcpFlags);
            memory.putInt(transport + TcpFlyweight.MIN_LENGTH, TIMESTAMPS, BIG_ENDIAN);
        } else {
            checksumOffset = UdpFlyweight.CHECKSUM_OFFSET;
            UdpFlyweight.length(memory, transport, transportLength);
        }
        InternetChecksum.putPartial(
                memory,
                transport + checksumOffset,
                InternetChecksum.pseudoHeader(memory, IP, version, protocol, transportLength));
        final int headersLength = transport + transportHeaderLength - IP;
        final int gsoSize = isSuperframe ? mtu - headersLength : 0;
        VirtioNetHeaderFlyweight.put(
                memory,
                0,
                isSuperframe ? gsoType(protocol) : VirtioNetHeaderFlyweight.GSO_NONE,
                isSuperframe ? headersLength : 0,
                gsoSize,
                transport - IP,
                checksumOffset);
        return new Frame(memory, transport + transportLength);
    }

    /** An echo request, without its checksum, which no node looks at: nothing is left to be done for the host. */
    private static Frame echo(final int version) {
        final int protocol = 4 == version ? IpProtocol.ICMP : IpProtocol.ICMPV6;
        final int transport = IP + ipHeaderLength(version);
        final UnsafeBuffer memory = packet(version, protocol, SMALL_LENGTH);
        memory.putByte(
                transport + IcmpFlyweight.TYPE_OFFSET, (byte) (4 == version ? ECHO_REQUEST : ICMPV6_ECHO_REQUEST));
        return new Frame(memory, transport + SMALL_LENGTH);
    }

    /** Memory with an IP header in it. */
    private static UnsafeBuffer packet(final int version, final int protocol, final int transportLength) {
        final int packetLength = ipHeaderLength(version) + transportLength;
        final UnsafeBuffer memory =
                new UnsafeBuffer(BufferUtil.allocateDirectAligned(IP + packetLength, BitUtil.CACHE_LINE_LENGTH));
        if (4 == version) {
            putIpv4(memory, protocol, packetLength);
        } else {
            putIpv6(memory, protocol, transportLength);
        }
        return memory;
    }

    private static int ipHeaderLength(final int version) {
        return 4 == version ? Ipv4Flyweight.MIN_LENGTH : Ipv6Flyweight.LENGTH;
    }

    private static int gsoType(final int protocol) {
        return IpProtocol.TCP == protocol ? VirtioNetHeaderFlyweight.GSO_TCPV4 : VirtioNetHeaderFlyweight.GSO_UDP_L4;
    }

    private static void putIpv4(final UnsafeBuffer memory, final int protocol, final int totalLength) {
        memory.putByte(IP + Ipv4Flyweight.VERSION_IHL_OFFSET, (byte) IPV4_WITHOUT_OPTIONS);
        Ipv4Flyweight.totalLength(memory, IP, totalLength);
        memory.putShort(IP + Ipv4Flyweight.FRAGMENT_OFFSET, (short) Ipv4Flyweight.DO_NOT_FRAGMENT, BIG_ENDIAN);
        memory.putByte(IP + Ipv4Flyweight.TTL_OFFSET, (byte) TTL);
        memory.putByte(IP + Ipv4Flyweight.PROTOCOL_OFFSET, (byte) protocol);
        memory.putInt(IP + Ipv4Flyweight.SOURCE_OFFSET, SOURCE.base().ipv4() + 1, BIG_ENDIAN);
        memory.putInt(IP + Ipv4Flyweight.DESTINATION_OFFSET, DESTINATION.base().ipv4() + 1, BIG_ENDIAN);
        Ipv4Flyweight.updateChecksum(memory, IP, Ipv4Flyweight.MIN_LENGTH);
    }

    private static void putIpv6(final UnsafeBuffer memory, final int protocol, final int payloadLength) {
        memory.putByte(IP + Ipv6Flyweight.VERSION_CLASS_LABEL_OFFSET, (byte) IPV6_VERSION);
        Ipv6Flyweight.payloadLength(memory, IP, payloadLength);
        memory.putByte(IP + Ipv6Flyweight.NEXT_HEADER_OFFSET, (byte) protocol);
        memory.putByte(IP + Ipv6Flyweight.HOP_LIMIT_OFFSET, (byte) TTL);
        memory.putBytes(IP + Ipv6Flyweight.SOURCE_OFFSET, SOURCE_IPV6.base().toBytes());
        memory.putBytes(
                IP + Ipv6Flyweight.DESTINATION_OFFSET, DESTINATION_IPV6.base().toBytes());
    }
}
