/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static java.nio.ByteOrder.nativeOrder;

import org.agrona.concurrent.UnsafeBuffer;

/**
 * Which packets may be joined into a {@link Superframe}, as net/ipv4/tcp_offload.c ({@code tcp_gro_receive}) and
 * net/ipv4/udp_offload.c ({@code udp_gro_receive_segment}) have it: cutting the result again must give the very packets that
 * came in, but for the ids of IPv4 packets that must not be fragmented, which mean nothing (RFC 6864, section 4.1). Only
 * packets whose checksum was verified are joined, or only such whose checksum is partial.
 *
 * <p>No state: any thread.
 */
final class JoinRules {
    /** Bytes of a TCP segment below which Linux 6.1 cuts a superframe in longer ones ({@code TCP_MIN_GSO_SIZE}, include/net/tcp.h). */
    private static final int TCP_SEGMENT_LENGTH_MIN = 8;

    private static final int ADDRESSES_LENGTH = 2 * Ipv6Flyweight.ADDRESS_LENGTH;

    private JoinRules() {}

    /**
     * Whether a packet may be part of a superframe at all.
     *
     * @param joinsUdp whether the host's device takes UDP superframes.
     */
    static boolean mayJoin(
            final UnsafeBuffer frames, final IpPacket packet, final ChecksumState state, final boolean joinsUdp) {
        if (ChecksumState.VERIFIED != state && ChecksumState.PARTIAL != state) {
            return false;
        }
        if (!packet.isPlain() || 0 == packet.payloadLength()) {
            return false;
        }
        return IpProtocol.UDP == packet.protocol() ? joinsUdp : hasJoinableFlags(frames, packet);
    }

    private static boolean hasJoinableFlags(final UnsafeBuffer frames, final IpPacket packet) {
        return TcpFlyweight.ACK == (TcpFlyweight.flags(frames, packet.transportOffset()) & ~TcpFlyweight.PSH);
    }

    /** Whether nothing may follow a packet that may join: TCP's sender pushed it. */
    static boolean isLast(final UnsafeBuffer frames, final IpPacket packet) {
        return IpProtocol.TCP == packet.protocol()
                && 0 != (TcpFlyweight.flags(frames, packet.transportOffset()) & TcpFlyweight.PSH);
    }

    /**
     * Whether a packet that may join goes on where a superframe ends.
     *
     * @param first the first packet of the superframe, whose headers are as they came but for TCP's flags.
     * @param segments how many packets the superframe has.
     * @param payloadLength bytes of their payloads together.
     */
    static boolean continues(
            final UnsafeBuffer frames,
            final IpPacket first,
            final int segments,
            final int payloadLength,
            final IpPacket packet) {
        return packet.version() == first.version()
                && packet.protocol() == first.protocol()
                && (4 == first.version()
                        ? continuesIpv4(frames, first.offset(), segments, packet.offset())
                        : continuesIpv6(frames, first.offset(), packet.offset()))
                && continuesTransport(frames, first, payloadLength, packet.transportOffset());
    }

    private static boolean continuesIpv4(
            final UnsafeBuffer frames, final int first, final int segments, final int other) {
        final int fragment = Ipv4Flyweight.fragment(frames, first);
        return frames.getLong(first + Ipv4Flyweight.SOURCE_OFFSET, nativeOrder())
                        == frames.getLong(other + Ipv4Flyweight.SOURCE_OFFSET, nativeOrder())
                && Ipv4Flyweight.tos(frames, first) == Ipv4Flyweight.tos(frames, other)
                && Ipv4Flyweight.ttl(frames, first) == Ipv4Flyweight.ttl(frames, other)
                && fragment == Ipv4Flyweight.fragment(frames, other)
                && (0 != (fragment & Ipv4Flyweight.DO_NOT_FRAGMENT) || continuesId(frames, first, segments, other));
    }

    /** Only a packet that may be fragmented needs its id kept: the host counts up from the first one's when it cuts. */
    private static boolean continuesId(
            final UnsafeBuffer frames, final int first, final int segments, final int other) {
        return ((Ipv4Flyweight.id(frames, first) + segments) & 0xFFFF) == Ipv4Flyweight.id(frames, other);
    }

    private static boolean continuesIpv6(final UnsafeBuffer frames, final int first, final int other) {
        return Ipv6Flyweight.versionClassLabel(frames, first) == Ipv6Flyweight.versionClassLabel(frames, other)
                && Ipv6Flyweight.hopLimit(frames, first) == Ipv6Flyweight.hopLimit(frames, other)
                && sameBytes(
                        frames,
                        first + Ipv6Flyweight.SOURCE_OFFSET,
                        other + Ipv6Flyweight.SOURCE_OFFSET,
                        ADDRESSES_LENGTH);
    }

    private static boolean continuesTransport(
            final UnsafeBuffer frames, final IpPacket first, final int payloadLength, final int other) {
        final int head = first.transportOffset();
        if (frames.getInt(head, nativeOrder()) != frames.getInt(other, nativeOrder())) {
            return false;
        }
        if (IpProtocol.UDP == first.protocol()) {
            return true;
        }
        if (first.payloadLength() < TCP_SEGMENT_LENGTH_MIN) {
            return false;
        }
        final int optionsLength = first.transportHeaderLength() - TcpFlyweight.MIN_LENGTH;
        return TcpFlyweight.sequence(frames, other) == TcpFlyweight.sequence(frames, head) + payloadLength
                && TcpFlyweight.acknowledgment(frames, other) == TcpFlyweight.acknowledgment(frames, head)
                && frames.getByte(head + TcpFlyweight.DATA_OFFSET_OFFSET)
                        == frames.getByte(other + TcpFlyweight.DATA_OFFSET_OFFSET)
                && TcpFlyweight.window(frames, other) == TcpFlyweight.window(frames, head)
                && frames.getShort(head + TcpFlyweight.URGENT_OFFSET, nativeOrder())
                        == frames.getShort(other + TcpFlyweight.URGENT_OFFSET, nativeOrder())
                && sameBytes(frames, head + TcpFlyweight.MIN_LENGTH, other + TcpFlyweight.MIN_LENGTH, optionsLength);
    }

    /** Compares runs whose length is a multiple of four. */
    private static boolean sameBytes(final UnsafeBuffer frames, final int a, final int b, final int length) {
        for (int i = 0; i < length; i += Integer.BYTES) {
            if (frames.getInt(a + i, nativeOrder()) != frames.getInt(b + i, nativeOrder())) {
                return false;
            }
        }
        return true;
    }
}
