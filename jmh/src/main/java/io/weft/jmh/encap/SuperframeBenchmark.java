/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.jmh.encap;

import io.weft.encap.ChecksumState;
import io.weft.encap.FrameHeader;
import io.weft.encap.InternetChecksum;
import io.weft.encap.IpPacket;
import io.weft.encap.IpProtocol;
import io.weft.encap.Ipv4Flyweight;
import io.weft.encap.Superframe;
import io.weft.encap.SuperframeCutter;
import io.weft.encap.TcpFlyweight;
import io.weft.encap.TransportChecksum;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.UnsafeBuffer;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** What the encap module does with 44 TCP segments of 1448 bytes: one superframe cut, one joined, one packet parsed. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class SuperframeBenchmark {
    private static final int SEGMENTS = 44;
    private static final int SEGMENT_LENGTH = 1448;
    private static final int IP_LENGTH = Ipv4Flyweight.MIN_LENGTH;
    private static final int TCP_LENGTH = 32;
    private static final int HEADERS_LENGTH = IP_LENGTH + TCP_LENGTH;

    /** VXLAN and Ethernet header, which the cutter copies along. */
    private static final int TUNNEL_LENGTH = 22;

    private static final int SLOT_LENGTH = TUNNEL_LENGTH + HEADERS_LENGTH + SEGMENT_LENGTH;

    private final UnsafeBuffer whole = memory(TUNNEL_LENGTH + HEADERS_LENGTH + SEGMENTS * SEGMENT_LENGTH);
    private final UnsafeBuffer segments = memory(SEGMENTS * SLOT_LENGTH);
    private final UnsafeBuffer headers = memory(SEGMENTS * SuperframeCutter.HEADER_SLOT_LENGTH);
    private final IpPacket[] packets = new IpPacket[SEGMENTS];
    private final IpPacket wholePacket = new IpPacket();
    private final IpPacket parsed = new IpPacket();
    private final SuperframeCutter cutter = new SuperframeCutter();
    private final Superframe superframe =
            new Superframe(memory(Superframe.GATHER_LENGTH), 0, FrameHeader.ofPackets(), true, TUNNEL_LENGTH);

    private static UnsafeBuffer memory(final int length) {
        return new UnsafeBuffer(ByteBuffer.allocateDirect(length));
    }

    /** Writes the superframe, and the segments that the cutter makes of it. */
    @Setup
    public void write() {
        putPacket(whole, TUNNEL_LENGTH, SEGMENTS * SEGMENT_LENGTH);
        requireWhole(wholePacket.parse(whole, TUNNEL_LENGTH, whole.capacity() - TUNNEL_LENGTH, true));
        for (int i = 0; i < SEGMENTS; i++) {
            cutter.wrap(whole, wholePacket, TUNNEL_LENGTH, SEGMENT_LENGTH);
            final int at = i * SLOT_LENGTH;
            cutter.writeHeaders(segments, at, i);
            segments.putBytes(at + TUNNEL_LENGTH + HEADERS_LENGTH, whole, cutter.payloadOffset(i), SEGMENT_LENGTH);
            packets[i] = new IpPacket();
            requireWhole(packets[i].parse(segments, at + TUNNEL_LENGTH, SLOT_LENGTH - TUNNEL_LENGTH, true));
        }
        if (SEGMENTS != join() || SEGMENTS != parseVerifyJoin()) {
            throw new IllegalStateException("segments not joined: " + superframe.segments());
        }
    }

    private static void requireWhole(final IpPacket.Fault fault) {
        if (IpPacket.Fault.NONE != fault) {
            throw new IllegalStateException("packet refused: " + fault);
        }
    }

    private static void putPacket(final UnsafeBuffer buffer, final int ip, final int payloadLength) {
        buffer.putByte(ip, (byte) 0x45);
        Ipv4Flyweight.totalLength(buffer, ip, HEADERS_LENGTH + payloadLength);
        buffer.putShort(
                ip + Ipv4Flyweight.FRAGMENT_OFFSET, (short) Ipv4Flyweight.DO_NOT_FRAGMENT, ByteOrder.BIG_ENDIAN);
        buffer.putByte(ip + Ipv4Flyweight.TTL_OFFSET, (byte) 64);
        buffer.putByte(ip + Ipv4Flyweight.PROTOCOL_OFFSET, (byte) IpProtocol.TCP);
        Ipv4Flyweight.updateChecksum(buffer, ip, IP_LENGTH);
        final int tcp = ip + IP_LENGTH;
        buffer.putByte(tcp + TcpFlyweight.DATA_OFFSET_OFFSET, (byte) ((TCP_LENGTH / Integer.BYTES) << 4));
        TcpFlyweight.flags(buffer, tcp, TcpFlyweight.ACK);
        for (int i = 0; i < payloadLength; i++) {
            buffer.putByte(tcp + TCP_LENGTH + i, (byte) (i * 31));
        }
        InternetChecksum.putPartial(
                buffer,
                tcp + TcpFlyweight.CHECKSUM_OFFSET,
                InternetChecksum.pseudoHeader(buffer, ip, 4, IpProtocol.TCP, TCP_LENGTH + payloadLength));
    }

    /** 44 headers with all checksums; the payload is read for them, and stays where it is. */
    @Benchmark
    public int cut() {
        cutter.wrap(whole, wholePacket, TUNNEL_LENGTH, SEGMENT_LENGTH);
        final int count = cutter.segments();
        for (int i = 0; i < count; i++) {
            cutter.writeHeaders(headers, i * SuperframeCutter.HEADER_SLOT_LENGTH, i);
        }
        return count;
    }

    /** 44 packets, parsed and verified before, into one gather list; without the checksums, and without the end. */
    @Benchmark
    public int join() {
        superframe.begin(segments, packets[0], ChecksumState.VERIFIED, 0);
        for (int i = 1; i < SEGMENTS; i++) {
            superframe.append(segments, packets[i], ChecksumState.VERIFIED);
        }
        return superframe.segments();
    }

    /** All that one segment costs on its way in, but for the tunnel: parsing, verifying, joining; times 44. */
    @Benchmark
    public int parseVerifyJoin() {
        for (int i = 0; i < SEGMENTS; i++) {
            parsed.parse(segments, i * SLOT_LENGTH + TUNNEL_LENGTH, SLOT_LENGTH - TUNNEL_LENGTH, true);
            final ChecksumState state = TransportChecksum.state(segments, parsed);
            if (0 == i) {
                superframe.begin(segments, parsed, state, 0);
            } else {
                superframe.append(segments, parsed, state);
            }
        }
        return superframe.segments();
    }

    /** One IPv4 packet with its header checksum. */
    @Benchmark
    public int parse() {
        parsed.parse(segments, TUNNEL_LENGTH, SLOT_LENGTH - TUNNEL_LENGTH, true);
        return parsed.flowHash();
    }
}
