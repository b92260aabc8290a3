/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import org.agrona.BitUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * One packet for the host, or several of one flow joined into a superframe. Nothing is moved: a gather list names the
 * first packet, headers and all, and of each further one the payload.
 *
 * <pre>
 *   packet 0   | tunnel | IP | TCP | payload 0 |        entry 0: header of the frame, IP, TCP, payload 0
 *   packet 1   | tunnel | IP | TCP | payload 1 |        entry 1: payload 1
 *   packet 2   | tunnel | IP | TCP | payload 2 |        entry 2: payload 2
 * </pre>
 *
 * The {@link FrameHeader} goes over what is left of the tunnel header. Where that is too short, the packet before may lie there:
 * the frame's header has a place of its own beside the gather list, and an entry in front of the others.
 *
 * <p>What may be joined is said by {@link JoinRules}. Reused by one thread.
 */
public final class Superframe {
    /** How many packets the kernel takes from one queue before it looks at others (include/linux/netdevice.h). */
    private static final int NAPI_POLL_WEIGHT = 64;

    /**
     * How many packets one superframe joins. One less than a poll takes: where the kernel cuts them in the name of the thread that sent them, a
     * poll that took all that it may is unfinished, and packets stay behind when the thread moves to another processor (docs/decisions/0018).
     * Not more than {@code UDP_MAX_SEGMENTS} of kernels before 6.9 (include/linux/udp.h), which is 64.
     */
    public static final int MAX_SEGMENTS = NAPI_POLL_WEIGHT - 1;

    /** Where the entry of the frame's header is, after that header itself; the entries of the packets follow. */
    private static final int HEADER_ENTRY_OFFSET = BitUtil.align(FrameHeader.MAX_LENGTH, Long.BYTES);

    private static final int FIRST_ENTRY_OFFSET = HEADER_ENTRY_OFFSET + GatherList.ENTRY_LENGTH;

    /** Bytes that a superframe needs for its gather list. */
    public static final int GATHER_LENGTH =
            BitUtil.align(FIRST_ENTRY_OFFSET + MAX_SEGMENTS * GatherList.ENTRY_LENGTH, BitUtil.CACHE_LINE_LENGTH);

    private static final int MAX_TOTAL_LENGTH = 0xFFFF;

    private final UnsafeBuffer gather;
    private final int gatherOffset;
    private final FrameHeader header;
    private final boolean joinsUdp;
    private final boolean hasHeadroom;
    private final IpPacket first = new IpPacket();
    private ChecksumState checksumState = ChecksumState.NONE;
    private boolean open;
    private int segments;
    private int gsoSize;
    private int totalLength;

    /**
     * @param gather the memory of the gather list.
     * @param gatherOffset where in it the {@link #GATHER_LENGTH} bytes of this superframe begin.
     * @param header that the host's device wants in front of a packet.
     * @param joinsUdp whether the host's device takes UDP superframes.
     * @param tunnelHeaderLength bytes in front of each packet that nobody needs any more.
     */
    public Superframe(
            final UnsafeBuffer gather,
            final int gatherOffset,
            final FrameHeader header,
            final boolean joinsUdp,
            final int tunnelHeaderLength) {
        this.gather = gather;
        this.gatherOffset = gatherOffset;
        this.header = header;
        this.joinsUdp = joinsUdp;
        hasHeadroom = tunnelHeaderLength >= header.length();
    }

    /**
     * Begins anew with one packet, of whatever kind.
     *
     * @param unsegmentedGsoSize payload bytes of each segment if the packet is a superframe that came unsegmented, as from a
     *     kernel on the same machine that left the cutting to a device; 0 if it is none.
     */
    public void begin(
            final UnsafeBuffer frames, final IpPacket packet, final ChecksumState state, final int unsegmentedGsoSize) {
        first.copy(packet);
        checksumState = state;
        totalLength = packet.totalLength();
        segments = 1;
        gsoSize = unsegmentedGsoSize;
        open = 0 == unsegmentedGsoSize
                && JoinRules.mayJoin(frames, packet, state, joinsUdp)
                && !JoinRules.isLast(frames, packet);
    }

    /** Whether a further packet may be appended. */
    boolean isOpen() {
        return open;
    }

    /** How many packets there are. */
    public int segments() {
        return segments;
    }

    /** Payload bytes of each segment but the last; 0 if it is one packet. Valid after {@link #conclude}. */
    public int gsoSize() {
        return gsoSize;
    }

    /** How many packets the host makes of it, also of one that came unsegmented. */
    public int packets() {
        return segments > 1 || 0 == gsoSize ? segments : Math.max(1, (first.payloadLength() + gsoSize - 1) / gsoSize);
    }

    /** Whether the receiver tells the sender how much it may send. */
    public boolean isFlowControlled() {
        return first.isFlowControlled();
    }

    /** Whom it is for: the destination address, of IPv6 its lower half, which tells pods of one node apart. */
    public long destination(final UnsafeBuffer frames) {
        return 4 == first.version()
                ? Ipv4Flyweight.destination(frames, first.offset())
                : Ipv6Flyweight.destinationLow(frames, first.offset());
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
                || length > first.payloadLength()
                || totalLength + length > MAX_TOTAL_LENGTH
                || !JoinRules.mayJoin(frames, packet, state, joinsUdp)
                || !JoinRules.continues(frames, first, segments, totalLength - first.headersLength(), packet)) {
            return false;
        }
        GatherList.put(
                gather,
                gatherOffset + FIRST_ENTRY_OFFSET + segments * GatherList.ENTRY_LENGTH,
                frames.addressOffset() + packet.payloadOffset(),
                length);
        segments++;
        totalLength += length;
        open = length == first.payloadLength();
        if (JoinRules.isLast(frames, packet)) {
            TcpFlyweight.flags(frames, first.transportOffset(), TcpFlyweight.flags(frames, packet.transportOffset()));
            open = false;
        }
        return true;
    }

    /** Writes the headers of the superframe and the frame's header in front of it. */
    public void conclude(final UnsafeBuffer frames) {
        if (segments > 1) {
            gsoSize = first.payloadLength();
            joinHeaders(frames);
        }
        final int firstEntry = gatherOffset + FIRST_ENTRY_OFFSET;
        final long firstAddress = frames.addressOffset() + first.offset();
        final int headerLength = header.length();
        if (hasHeadroom) {
            putHeader(frames, frames, first.offset() - headerLength);
            GatherList.put(gather, firstEntry, firstAddress - headerLength, headerLength + first.totalLength());
        } else {
            putHeader(frames, gather, gatherOffset);
            final int headerEntry = gatherOffset + HEADER_ENTRY_OFFSET;
            GatherList.put(gather, headerEntry, gather.addressOffset() + gatherOffset, headerLength);
            GatherList.put(gather, firstEntry, firstAddress, first.totalLength());
        }
    }

    private void joinHeaders(final UnsafeBuffer frames) {
        final int ip = first.offset();
        final int transport = first.transportOffset();
        final int transportLength = totalLength - first.headerLength();
        if (4 == first.version()) {
            Ipv4Flyweight.totalLength(frames, ip, totalLength);
            Ipv4Flyweight.updateChecksum(frames, ip, first.headerLength());
        } else {
            Ipv6Flyweight.payloadLength(frames, ip, totalLength - Ipv6Flyweight.LENGTH);
        }
        if (IpProtocol.UDP == first.protocol()) {
            UdpFlyweight.length(frames, transport, transportLength);
        }
        InternetChecksum.putPartial(
                frames,
                transport + first.transportChecksumOffset(),
                InternetChecksum.pseudoHeader(frames, ip, first.version(), first.protocol(), transportLength));
    }

    private void putHeader(final UnsafeBuffer frames, final UnsafeBuffer target, final int offset) {
        if (1 == segments && ChecksumState.PARTIAL != checksumState) {
            header.putPlain(target, offset, first.version());
            return;
        }
        header.put(
                target,
                offset,
                first.version(),
                0 == gsoSize ? VirtioNetHeaderFlyweight.GSO_NONE : gsoType(frames),
                first.headersLength(),
                gsoSize,
                first.headerLength(),
                first.transportChecksumOffset());
    }

    /** Only a superframe that came unsegmented can have CWR set; {@code tcp_gro_complete} notes it likewise. */
    private int gsoType(final UnsafeBuffer frames) {
        if (IpProtocol.TCP != first.protocol()) {
            return VirtioNetHeaderFlyweight.GSO_UDP_L4;
        }
        final int flags = TcpFlyweight.flags(frames, first.transportOffset());
        return (4 == first.version() ? VirtioNetHeaderFlyweight.GSO_TCPV4 : VirtioNetHeaderFlyweight.GSO_TCPV6)
                | (0 == (flags & TcpFlyweight.CWR) ? 0 : VirtioNetHeaderFlyweight.GSO_ECN);
    }

    /**
     * Length in bytes of the IP packets that the wire carried: the headers once for each segment.
     */
    public int deliveredLength() {
        return totalLength + (segments - 1) * first.headersLength();
    }

    private int listOffset() {
        return gatherOffset + (hasHeadroom ? FIRST_ENTRY_OFFSET : HEADER_ENTRY_OFFSET);
    }

    /** Address of the first piece: the complete packet if there is only one. Valid after {@link #conclude}. */
    public long firstAddress() {
        return GatherList.address(gather, listOffset());
    }

    /** Length in bytes of the first piece. Valid after {@link #conclude}. */
    public int firstLength() {
        return GatherList.length(gather, listOffset());
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
