/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static java.nio.ByteOrder.nativeOrder;

import org.agrona.concurrent.UnsafeBuffer;

/**
 * Cuts a superframe, a TCP or UDP packet of up to 64 KB, into segments as a network card would: each gets headers of its
 * own, made from those of the superframe; the payload stays where it is.
 *
 * <pre>
 *   frame    | tunnel | IP | TCP | payload 0 | payload 1 | payload 2 |
 *
 *   headers  | tunnel | IP | TCP |   | tunnel | IP | TCP |   | tunnel | IP | TCP |
 * </pre>
 *
 * Follows net/ipv4/tcp_offload.c ({@code tcp_gso_segment}), net/ipv4/udp_offload.c and net/ipv4/af_inet.c: IPv4 ids
 * count up, FIN and PSH stay with the last segment, CWR with the first. Reused for every superframe by one thread.
 */
public final class SuperframeCutter {
    /** A header slot that no segment's headers can exceed: tunnel, IP with options or extensions, TCP with options. */
    public static final int HEADER_SLOT_LENGTH = 256;

    private UnsafeBuffer frame;
    private IpPacket packet = new IpPacket();
    private int prefixLength;
    private int headersLength;
    private int segmentPayloadLength;
    private int segments;
    private int firstId;
    private int firstSequence;
    private int flags;
    private long ipBaseSum;
    private long transportBaseSum;

    /** Made unwrapped: {@link #wrap} comes first. */
    public SuperframeCutter() {
        frame = new UnsafeBuffer(0, 0);
    }

    /**
     * Takes a superframe to be cut. Neither it nor the packet may change until it is cut.
     *
     * @param frame the memory it lies in.
     * @param packet where its parts lie.
     * @param prefixLength how many bytes in front of the IP header go in front of every segment too.
     * @param gsoSize payload bytes of each segment but the last.
     * @return false if it cannot be cut: no transport, no gsoSize, or headers longer than {@link #HEADER_SLOT_LENGTH}.
     */
    public boolean wrap(final UnsafeBuffer frame, final IpPacket packet, final int prefixLength, final int gsoSize) {
        this.frame = frame;
        this.packet = packet;
        this.prefixLength = prefixLength;
        headersLength = prefixLength + packet.headersLength();
        segmentPayloadLength = gsoSize;
        if (headersLength > HEADER_SLOT_LENGTH || gsoSize < 1 || !packet.hasTransport()) {
            return false;
        }
        segments = Math.max(1, (packet.payloadLength() + gsoSize - 1) / gsoSize);
        sumUnchangingIp();
        sumUnchangingTransport();
        return true;
    }

    /** What of the checksum of an IPv4 header is the same for every segment. */
    private void sumUnchangingIp() {
        final int ip = packet.offset();
        if (4 == packet.version()) {
            firstId = Ipv4Flyweight.id(frame, ip);
            ipBaseSum = InternetChecksum.sum(frame, ip, packet.headerLength(), 0)
                    - InternetChecksum.load(frame, ip + Ipv4Flyweight.TOTAL_LENGTH_OFFSET)
                    - InternetChecksum.load(frame, ip + Ipv4Flyweight.ID_OFFSET)
                    - InternetChecksum.load(frame, ip + Ipv4Flyweight.CHECKSUM_OFFSET);
        }
    }

    /** What of the checksum of TCP or UDP is the same for every segment. */
    private void sumUnchangingTransport() {
        final int transport = packet.transportOffset();
        final long headerSum = InternetChecksum.sum(frame, transport, packet.transportHeaderLength(), 0)
                - InternetChecksum.load(frame, transport + packet.transportChecksumOffset());
        transportBaseSum = headerSum + pseudoHeaderBase();
        if (IpProtocol.TCP == packet.protocol()) {
            firstSequence = TcpFlyweight.sequence(frame, transport);
            flags = TcpFlyweight.flags(frame, transport);
            transportBaseSum -= InternetChecksum.load(frame, transport + TcpFlyweight.SEQUENCE_OFFSET)
                    + InternetChecksum.load(frame, transport + TcpFlyweight.SEQUENCE_OFFSET + Short.BYTES)
                    + InternetChecksum.load(frame, transport + TcpFlyweight.DATA_OFFSET_OFFSET);
        } else {
            transportBaseSum -= InternetChecksum.load(frame, transport + UdpFlyweight.LENGTH_OFFSET);
        }
    }

    /**
     * The pseudo header without the length. Of a source-routed packet it is what the kernel put into the checksum field: the
     * last destination is not the one in the IP header.
     */
    private long pseudoHeaderBase() {
        if (packet.hasStopsLeft()) {
            final int partial =
                    InternetChecksum.load(frame, packet.transportOffset() + packet.transportChecksumOffset());
            return (long) partial + (InternetChecksum.ALL_ONES ^ InternetChecksum.word(packet.transportLength()));
        }
        return InternetChecksum.addresses(frame, packet.offset(), packet.version())
                + InternetChecksum.word(packet.protocol());
    }

    /** How many segments there will be. */
    public int segments() {
        return segments;
    }

    /** Length in bytes of each segment's headers, the prefix included. */
    public int headersLength() {
        return headersLength;
    }

    /** Where the payload of a segment begins in the frame. */
    public int payloadOffset(final int segment) {
        return packet.payloadOffset() + segment * segmentPayloadLength;
    }

    /** Length in bytes of the payload of a segment. */
    public int payloadLength(final int segment) {
        return Math.min(segmentPayloadLength, packet.payloadLength() - segment * segmentPayloadLength);
    }

    /**
     * Writes the headers of one segment with all checksums. Reads the segment's payload.
     *
     * @param headers where to; {@link #headersLength} bytes from {@code at} are written to.
     */
    public void writeHeaders(final UnsafeBuffer headers, final int at, final int segment) {
        copyHeaders(headers, at);
        final int ip = at + prefixLength;
        final int ipHeaderLength = packet.headerLength();
        final int transport = ip + ipHeaderLength;
        final int length = payloadLength(segment);
        final int transportLength = packet.transportHeaderLength() + length;
        if (4 == packet.version()) {
            finishIpv4(headers, ip, segment, ipHeaderLength + transportLength);
        } else {
            Ipv6Flyweight.payloadLength(headers, ip, ipHeaderLength - Ipv6Flyweight.LENGTH + transportLength);
        }
        final long sum = InternetChecksum.sum(
                frame, payloadOffset(segment), length, transportBaseSum + InternetChecksum.word(transportLength));
        if (IpProtocol.TCP == packet.protocol()) {
            finishTcp(headers, transport, segment, sum);
        } else {
            UdpFlyweight.length(headers, transport, transportLength);
            TransportChecksum.put(
                    headers, transport + UdpFlyweight.CHECKSUM_OFFSET, sum + InternetChecksum.word(transportLength));
        }
    }

    /** By longs, of which the last overlaps the one before: headers are longer than one, and not a byte beyond is touched. */
    private void copyHeaders(final UnsafeBuffer headers, final int at) {
        final int prefixOffset = packet.offset() - prefixLength;
        final int last = headersLength - Long.BYTES;
        for (int i = 0; i < last; i += Long.BYTES) {
            headers.putLong(at + i, frame.getLong(prefixOffset + i, nativeOrder()), nativeOrder());
        }
        headers.putLong(at + last, frame.getLong(prefixOffset + last, nativeOrder()), nativeOrder());
    }

    private void finishIpv4(final UnsafeBuffer headers, final int ip, final int segment, final int totalLength) {
        final int id = firstId + segment;
        Ipv4Flyweight.totalLength(headers, ip, totalLength);
        Ipv4Flyweight.id(headers, ip, id);
        InternetChecksum.put(
                headers,
                ip + Ipv4Flyweight.CHECKSUM_OFFSET,
                ipBaseSum + InternetChecksum.word(totalLength) + InternetChecksum.word(id));
    }

    private void finishTcp(final UnsafeBuffer headers, final int transport, final int segment, final long sum) {
        int segmentFlags = flags;
        if (segment < segments - 1) {
            segmentFlags &= ~(TcpFlyweight.FIN | TcpFlyweight.PSH);
        }
        if (segment > 0) {
            segmentFlags &= ~TcpFlyweight.CWR;
        }
        TcpFlyweight.sequence(headers, transport, firstSequence + segment * segmentPayloadLength);
        TcpFlyweight.flags(headers, transport, segmentFlags);
        InternetChecksum.put(
                headers,
                transport + TcpFlyweight.CHECKSUM_OFFSET,
                sum
                        + InternetChecksum.load(headers, transport + TcpFlyweight.SEQUENCE_OFFSET)
                        + InternetChecksum.load(headers, transport + TcpFlyweight.SEQUENCE_OFFSET + Short.BYTES)
                        + InternetChecksum.load(headers, transport + TcpFlyweight.DATA_OFFSET_OFFSET));
    }
}
