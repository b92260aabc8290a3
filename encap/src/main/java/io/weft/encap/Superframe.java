/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static java.nio.ByteOrder.nativeOrder;

import org.agrona.BitUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * One packet for the host, or several of one flow joined into a superframe. Nothing is moved: a gather list names the
 * first packet whole and of each further one the payload.
 *
 * <pre>
 *   packet 0   | tunnel | IP | TCP | payload 0 |        entry 0: vnet header, IP, TCP, payload 0
 *   packet 1   | tunnel | IP | TCP | payload 1 |        entry 1: payload 1
 *   packet 2   | tunnel | IP | TCP | payload 2 |        entry 2: payload 2
 * </pre>
 *
 * The vnet header goes over what is left of the tunnel header. Where that is too short, the packet before may lie there: the
 * vnet header has a place of its own beside the gather list, and an entry in front of the others.
 *
 * What may be joined follows net/ipv4/tcp_offload.c ({@code tcp_gro_receive}) and net/ipv4/udp_offload.c
 * ({@code udp_gro_receive_segment}): cutting the result again must give the very packets that came in, but for the ids of
 * IPv4 packets that must not be fragmented, which mean nothing (RFC 6864, section 4.1). Only packets whose checksum was
 * verified are joined, or only such whose checksum is partial. Reused by one thread.
 */
public final class Superframe {
    /** How many packets one superframe joins: {@code UDP_MAX_SEGMENTS} of kernels before 6.9 (include/linux/udp.h). */
    public static final int MAX_SEGMENTS = 64;

    /** Where the entry of the vnet header is, after that header itself; the entries of the packets follow. */
    private static final int VNET_ENTRY_OFFSET = BitUtil.align(VirtioNetHeaderFlyweight.LENGTH, Long.BYTES);

    private static final int FIRST_ENTRY_OFFSET = VNET_ENTRY_OFFSET + GatherList.ENTRY_LENGTH;

    /** Bytes that a superframe needs for its gather list. */
    public static final int GATHER_LENGTH =
            BitUtil.align(FIRST_ENTRY_OFFSET + MAX_SEGMENTS * GatherList.ENTRY_LENGTH, BitUtil.CACHE_LINE_LENGTH);

    private static final int MAX_TOTAL_LENGTH = 0xFFFF;
    private static final int TCP_JOINABLE = TcpFlyweight.ACK;
    private static final int ADDRESSES_LENGTH = 2 * Ipv6Flyweight.ADDRESS_LENGTH;

    private final UnsafeBuffer gather;
    private final int gatherOffset;
    private final boolean joinsUdp;
    private final boolean hasHeadroom;
    private boolean open;
    private ChecksumState checksumState = ChecksumState.NONE;
    private int flowHash;
    private int ipOffset;
    private int version;
    private int protocol;
    private int ipHeaderLength;
    private int transportHeaderLength;
    private int segmentPayloadLength;
    private int totalLength;
    private int segments;
    private int nextSequence;
    private int uncutGsoSize;

    /**
     * @param gather the memory of the gather list.
     * @param gatherOffset where in it the {@link #GATHER_LENGTH} bytes of this superframe begin.
     * @param joinsUdp whether the host's device takes UDP superframes.
     * @param tunnelHeaderLength bytes in front of each packet that nobody needs any more.
     */
    public Superframe(
            final UnsafeBuffer gather, final int gatherOffset, final boolean joinsUdp, final int tunnelHeaderLength) {
        this.gather = gather;
        this.gatherOffset = gatherOffset;
        this.joinsUdp = joinsUdp;
        hasHeadroom = tunnelHeaderLength >= VirtioNetHeaderFlyweight.LENGTH;
    }

    /**
     * Begins anew with one packet, of whatever kind.
     *
     * @param uncutGsoSize payload bytes of each segment if this is a superframe that came in one piece, as from a kernel
     *     on the same machine that left the cutting to a device; 0 if it is none.
     */
    public void begin(
            final UnsafeBuffer frames, final IpPacket packet, final ChecksumState state, final int uncutGsoSize) {
        this.uncutGsoSize = uncutGsoSize;
        checksumState = state;
        flowHash = packet.flowHash();
        ipOffset = packet.offset();
        version = packet.version();
        protocol = packet.protocol();
        ipHeaderLength = packet.headerLength();
        transportHeaderLength = packet.transportHeaderLength();
        segmentPayloadLength = packet.payloadLength();
        totalLength = packet.totalLength();
        segments = 1;
        open = 0 == uncutGsoSize && isJoinable(frames, packet, state);
        if (open && IpProtocol.TCP == protocol) {
            nextSequence = TcpFlyweight.sequence(frames, packet.transportOffset()) + segmentPayloadLength;
            open = TCP_JOINABLE == TcpFlyweight.flags(frames, packet.transportOffset());
        }
    }

    private boolean isJoinable(final UnsafeBuffer frames, final IpPacket packet, final ChecksumState state) {
        if (ChecksumState.VERIFIED != state && ChecksumState.PARTIAL != state) {
            return false;
        }
        if (!packet.isPlain() || 0 == packet.payloadLength()) {
            return false;
        }
        return IpProtocol.UDP == packet.protocol() ? joinsUdp : hasJoinableFlags(frames, packet);
    }

    private static boolean hasJoinableFlags(final UnsafeBuffer frames, final IpPacket packet) {
        return TCP_JOINABLE == (TcpFlyweight.flags(frames, packet.transportOffset()) & ~TcpFlyweight.PSH);
    }

    /** Whether a further packet may be appended. */
    public boolean isOpen() {
        return open;
    }

    /** Appends nothing more. */
    public void shut() {
        open = false;
    }

    /** The flow that the packets belong to. */
    public int flowHash() {
        return flowHash;
    }

    /** How many packets there are. */
    public int segments() {
        return segments;
    }

    /** Length in bytes of the IP packet that the host will see. */
    public int totalLength() {
        return totalLength;
    }

    /**
     * Appends a packet if it continues this superframe.
     *
     * @return false if it does not, and must go on its own after it.
     */
    public boolean append(final UnsafeBuffer frames, final IpPacket packet, final ChecksumState state) {
        final int length = packet.payloadLength();
        if (!open
                || state != checksumState
                || segments == MAX_SEGMENTS
                || length > segmentPayloadLength
                || totalLength + length > MAX_TOTAL_LENGTH
                || !isJoinable(frames, packet, state)
                || !continuesNetwork(frames, packet)
                || !continuesTransport(frames, packet)) {
            return false;
        }
        GatherList.put(
                gather,
                gatherOffset + FIRST_ENTRY_OFFSET + segments * GatherList.ENTRY_LENGTH,
                frames.addressOffset() + packet.payloadOffset(),
                length);
        segments++;
        totalLength += length;
        nextSequence += length;
        open = length == segmentPayloadLength;
        if (IpProtocol.TCP == protocol) {
            final int flags = TcpFlyweight.flags(frames, packet.transportOffset());
            if (0 != (flags & TcpFlyweight.PSH)) {
                TcpFlyweight.flags(frames, ipOffset + ipHeaderLength, flags);
                open = false;
            }
        }
        return true;
    }

    private boolean continuesNetwork(final UnsafeBuffer frames, final IpPacket packet) {
        final int other = packet.offset();
        if (packet.version() != version || packet.protocol() != protocol) {
            return false;
        }
        if (4 == version) {
            final int fragment = Ipv4Flyweight.fragment(frames, ipOffset);
            return frames.getLong(ipOffset + Ipv4Flyweight.SOURCE_OFFSET, nativeOrder())
                            == frames.getLong(other + Ipv4Flyweight.SOURCE_OFFSET, nativeOrder())
                    && Ipv4Flyweight.tos(frames, ipOffset) == Ipv4Flyweight.tos(frames, other)
                    && Ipv4Flyweight.ttl(frames, ipOffset) == Ipv4Flyweight.ttl(frames, other)
                    && fragment == Ipv4Flyweight.fragment(frames, other)
                    && (0 != (fragment & Ipv4Flyweight.DO_NOT_FRAGMENT) || continuesId(frames, other));
        }
        return Ipv6Flyweight.versionClassLabel(frames, ipOffset) == Ipv6Flyweight.versionClassLabel(frames, other)
                && Ipv6Flyweight.hopLimit(frames, ipOffset) == Ipv6Flyweight.hopLimit(frames, other)
                && sameBytes(
                        frames,
                        ipOffset + Ipv6Flyweight.SOURCE_OFFSET,
                        other + Ipv6Flyweight.SOURCE_OFFSET,
                        ADDRESSES_LENGTH);
    }

    /** Only a packet that may be fragmented needs its id kept: the host counts up from the first one's when it cuts. */
    private boolean continuesId(final UnsafeBuffer frames, final int other) {
        return ((Ipv4Flyweight.id(frames, ipOffset) + segments) & 0xFFFF) == Ipv4Flyweight.id(frames, other);
    }

    private boolean continuesTransport(final UnsafeBuffer frames, final IpPacket packet) {
        final int head = ipOffset + ipHeaderLength;
        final int other = packet.transportOffset();
        if (frames.getInt(head, nativeOrder()) != frames.getInt(other, nativeOrder())) {
            return false;
        }
        if (IpProtocol.UDP == protocol) {
            return true;
        }
        final int optionsLength = transportHeaderLength - TcpFlyweight.MIN_LENGTH;
        return TcpFlyweight.sequence(frames, other) == nextSequence
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

    /** Writes the headers of the whole and the vnet header in front of it. */
    public void conclude(final UnsafeBuffer frames) {
        if (segments > 1) {
            joinHeaders(frames);
        }
        final int firstLength =
                segments > 1 ? ipHeaderLength + transportHeaderLength + segmentPayloadLength : totalLength;
        final int firstEntry = gatherOffset + FIRST_ENTRY_OFFSET;
        final long firstAddress = frames.addressOffset() + ipOffset;
        final int vnetLength = VirtioNetHeaderFlyweight.LENGTH;
        if (hasHeadroom) {
            putVnet(frames, frames, ipOffset - vnetLength);
            GatherList.put(gather, firstEntry, firstAddress - vnetLength, vnetLength + firstLength);
        } else {
            putVnet(frames, gather, gatherOffset);
            final int vnetEntry = gatherOffset + VNET_ENTRY_OFFSET;
            GatherList.put(gather, vnetEntry, gather.addressOffset() + gatherOffset, vnetLength);
            GatherList.put(gather, firstEntry, firstAddress, firstLength);
        }
    }

    private void putVnet(final UnsafeBuffer frames, final UnsafeBuffer target, final int vnetOffset) {
        if (segments > 1) {
            putVnet(frames, target, vnetOffset, segmentPayloadLength);
        } else if (ChecksumState.PARTIAL == checksumState) {
            putVnet(frames, target, vnetOffset, uncutGsoSize);
        } else {
            VirtioNetHeaderFlyweight.putPlain(target, vnetOffset);
        }
    }

    private void joinHeaders(final UnsafeBuffer frames) {
        final int transport = ipOffset + ipHeaderLength;
        final int transportLength = totalLength - ipHeaderLength;
        if (4 == version) {
            Ipv4Flyweight.totalLength(frames, ipOffset, totalLength);
            Ipv4Flyweight.updateChecksum(frames, ipOffset, ipHeaderLength);
        } else {
            Ipv6Flyweight.payloadLength(frames, ipOffset, totalLength - Ipv6Flyweight.LENGTH);
        }
        final long pseudoHeader = InternetChecksum.pseudoHeader(frames, ipOffset, version, protocol, transportLength);
        final boolean tcp = IpProtocol.TCP == protocol;
        if (!tcp) {
            UdpFlyweight.length(frames, transport, transportLength);
        }
        InternetChecksum.putPartial(
                frames, transport + (tcp ? TcpFlyweight.CHECKSUM_OFFSET : UdpFlyweight.CHECKSUM_OFFSET), pseudoHeader);
    }

    private void putVnet(
            final UnsafeBuffer frames, final UnsafeBuffer target, final int vnetOffset, final int gsoSize) {
        final boolean tcp = IpProtocol.TCP == protocol;
        final int tcpType = 4 == version ? VirtioNetHeaderFlyweight.GSO_TCPV4 : VirtioNetHeaderFlyweight.GSO_TCPV6;
        final int gsoType = tcp ? tcpType | ecnType(frames) : VirtioNetHeaderFlyweight.GSO_UDP_L4;
        VirtioNetHeaderFlyweight.put(
                target,
                vnetOffset,
                0 == gsoSize ? VirtioNetHeaderFlyweight.GSO_NONE : gsoType,
                ipHeaderLength + transportHeaderLength,
                gsoSize,
                ipHeaderLength,
                tcp ? TcpFlyweight.CHECKSUM_OFFSET : UdpFlyweight.CHECKSUM_OFFSET);
    }

    /**
     * Length in bytes of the IP packets that the wire carried: the headers once for each segment.
     */
    public int deliveredLength() {
        return totalLength + (segments - 1) * (ipHeaderLength + transportHeaderLength);
    }

    private int listOffset() {
        return gatherOffset + (hasHeadroom ? FIRST_ENTRY_OFFSET : VNET_ENTRY_OFFSET);
    }

    /** Address of the first piece: the whole packet if there is only one. Valid after {@link #conclude}. */
    public long firstAddress() {
        return GatherList.address(gather, listOffset());
    }

    /** Length in bytes of the first piece. Valid after {@link #conclude}. */
    public int firstLength() {
        return GatherList.length(gather, listOffset());
    }

    /** Only a superframe that came in one piece can have CWR set; {@code tcp_gro_complete} notes it likewise. */
    private int ecnType(final UnsafeBuffer frames) {
        final int flags = TcpFlyweight.flags(frames, ipOffset + ipHeaderLength);
        return 0 == (flags & TcpFlyweight.CWR) ? 0 : VirtioNetHeaderFlyweight.GSO_ECN;
    }

    /** Address of the first entry of the gather list. Valid after {@link #conclude}. */
    public long gatherAddress() {
        return gather.addressOffset() + listOffset();
    }

    /** How many entries the gather list has. */
    public int gatherCount() {
        return hasHeadroom ? segments : segments + 1;
    }
}
