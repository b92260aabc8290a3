/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Each flyweight on a header written by hand, at an odd offset, so that a forgotten offset shows. */
class FlyweightsTest {
    private static final int AT = 3;

    private static UnsafeBuffer header(final String hex) {
        return Bytes.buffer(AT, Bytes.hex(hex));
    }

    @Test
    void shouldReadAndWriteEthernet() {
        final UnsafeBuffer frame = header("""
                02 11 22 33 44 55    # destination
                0e aa bb cc dd ee    # source
                86 dd                # type
                """);
        assertEquals(0x0211_2233_4455L, EthernetFlyweight.destination(frame, AT));
        assertEquals(0x0eaa_bbcc_ddeeL, EthernetFlyweight.source(frame, AT));
        assertEquals(EthernetFlyweight.TYPE_IPV6, EthernetFlyweight.type(frame, AT));

        final UnsafeBuffer written = Bytes.zeroed(AT + EthernetFlyweight.LENGTH);
        EthernetFlyweight.put(written, AT, 0x0211_2233_4455L, 0x0eaa_bbcc_ddeeL, EthernetFlyweight.TYPE_IPV6);
        assertEquals(frame, written);
        EthernetFlyweight.type(written, AT, EthernetFlyweight.TYPE_IPV4);
        assertEquals(0x0800, EthernetFlyweight.type(written, AT));
    }

    @ParameterizedTest
    @CsvSource({
        "8100 0000, true",
        "8100 e000, true",
        "8100 f000, true",
        "88a8 0000, true",
        "8100 0001, false",
        "8100 0fff, false",
        "88a8 e100, false",
        "9100 0000, false",
        "0800 0000, false"
    })
    void shouldTellATagThatNamesNoVlan(final String hex, final boolean isPriorityTag) {
        assertEquals(isPriorityTag, EthernetFlyweight.isPriorityTag(header(hex), AT));
    }

    @Test
    void shouldReadIpv4() {
        final UnsafeBuffer packet = header("""
                45 b9 00 73          # version 4, IHL 5, DSCP EF and ECT(1), total length 115
                be ef 60 05          # id, DF and MF, offset 5 * 8
                40 11 d8 b6          # TTL 64, UDP, checksum
                c0 a8 00 01          # source
                c0 a8 00 c7          # destination
                """);
        assertEquals(4, Ipv4Flyweight.version(packet, AT));
        assertEquals(20, Ipv4Flyweight.headerLength(packet, AT));
        assertEquals(0xb9, Ipv4Flyweight.tos(packet, AT));
        assertEquals(115, Ipv4Flyweight.totalLength(packet, AT));
        assertEquals(0xbeef, Ipv4Flyweight.id(packet, AT));
        assertEquals(
                Ipv4Flyweight.DO_NOT_FRAGMENT | Ipv4Flyweight.MORE_FRAGMENTS | 5, Ipv4Flyweight.fragment(packet, AT));
        assertEquals(64, Ipv4Flyweight.ttl(packet, AT));
        assertEquals(IpProtocol.UDP, Ipv4Flyweight.protocol(packet, AT));
        assertEquals(0xc0a8_0001, Ipv4Flyweight.source(packet, AT));
        assertEquals(0xc0a8_00c7, Ipv4Flyweight.destination(packet, AT));
    }

    /** The header that the article "Internet checksum" of Wikipedia computes in full. */
    @Test
    void shouldComputeTheIpv4Checksum() {
        final UnsafeBuffer packet = header("4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7");
        final byte[] bytes = Bytes.copy(packet, AT, 20);
        assertTrue(Ipv4Flyweight.isChecksumRight(packet, AT, 20));
        Ipv4Flyweight.totalLength(packet, AT, 0x0074);
        assertFalse(Ipv4Flyweight.isChecksumRight(packet, AT, 20));
        Ipv4Flyweight.totalLength(packet, AT, 0x0073);
        Ipv4Flyweight.updateChecksum(packet, AT, 20);
        assertArrayEquals(bytes, Bytes.copy(packet, AT, 20));
        Ipv4Flyweight.id(packet, AT, 0xFFFF);
        assertEquals(0xFFFF, Ipv4Flyweight.id(packet, AT));
    }

    @Test
    void shouldCountIpv4OptionsIntoTheChecksum() {
        final PacketBuilder builder = PacketBuilder.udp4();
        builder.ipOptions = Bytes.hex("94 04 00 00  01 01 01 00"); // router alert, three times NOP or end
        final UnsafeBuffer packet = Bytes.buffer(AT, builder.build());
        assertEquals(28, Ipv4Flyweight.headerLength(packet, AT));
        assertTrue(Ipv4Flyweight.isChecksumRight(packet, AT, 28));
        packet.putByte(AT + 27, (byte) 1);
        assertFalse(Ipv4Flyweight.isChecksumRight(packet, AT, 28));
    }

    @Test
    void shouldReadAndWriteIpv6() {
        final UnsafeBuffer packet = header("""
                6a b1 23 45                    # version 6, class 0xab, flow label 0x12345
                ff fe 3a 01                    # payload length 65534, ICMPv6, hop limit 1
                fe 80 00 00 00 00 00 01        # source, upper half
                81 82 83 84 85 86 87 88        # source, lower half
                ff 02 00 00 00 00 00 02        # destination, upper half
                91 92 93 94 95 96 97 98        # destination, lower half
                """);
        assertEquals(0x6ab1_2345, Ipv6Flyweight.versionClassLabel(packet, AT));
        assertEquals(0xab, Ipv6Flyweight.trafficClass(packet, AT));
        assertEquals(65534, Ipv6Flyweight.payloadLength(packet, AT));
        assertEquals(IpProtocol.ICMPV6, Ipv6Flyweight.nextHeader(packet, AT));
        assertEquals(1, Ipv6Flyweight.hopLimit(packet, AT));
        assertEquals(0xfe80_0000_0000_0001L, Ipv6Flyweight.sourceHigh(packet, AT));
        assertEquals(0x8182_8384_8586_8788L, Ipv6Flyweight.sourceLow(packet, AT));
        assertEquals(0xff02_0000_0000_0002L, Ipv6Flyweight.destinationHigh(packet, AT));
        assertEquals(0x9192_9394_9596_9798L, Ipv6Flyweight.destinationLow(packet, AT));

        Ipv6Flyweight.trafficClass(packet, AT, 0x54);
        assertEquals(0x6541_2345, Ipv6Flyweight.versionClassLabel(packet, AT));
        Ipv6Flyweight.payloadLength(packet, AT, 0x8001);
        assertEquals(0x8001, Ipv6Flyweight.payloadLength(packet, AT));
    }

    @Test
    void shouldReadAndWriteTcp() {
        final UnsafeBuffer segment = header("""
                9c 40 14 51          # ports 40000, 5201
                fe dc ba 98          # sequence
                89 ab cd ef          # acknowledgment
                f1 d2 ff 01          # 60 bytes, AE, CWR ECE ACK SYN, window 65281
                12 34 00 00          # checksum, urgent pointer
                """);
        assertEquals(0xfedc_ba98, TcpFlyweight.sequence(segment, AT));
        assertEquals(0x89ab_cdef, TcpFlyweight.acknowledgment(segment, AT));
        assertEquals(TcpFlyweight.MAX_LENGTH, TcpFlyweight.headerLength(segment, AT));
        assertEquals(
                TcpFlyweight.CWR | TcpFlyweight.ECE | TcpFlyweight.ACK | TcpFlyweight.SYN,
                TcpFlyweight.flags(segment, AT));
        assertEquals(65281, TcpFlyweight.window(segment, AT));

        TcpFlyweight.sequence(segment, AT, 0x8000_0001);
        assertEquals(0x8000_0001, TcpFlyweight.sequence(segment, AT));
        TcpFlyweight.flags(segment, AT, TcpFlyweight.FIN);
        assertEquals((byte) 0xf1, segment.getByte(AT + 12));
        assertEquals(1, segment.getByte(AT + 13));
    }

    @Test
    void shouldReadAndWriteUdp() {
        final UnsafeBuffer datagram = header("d4 31 21 18  ff ff  be ad # ports 54321 and 8472, length, checksum");
        assertEquals(65535, UdpFlyweight.length(datagram, AT));
        assertEquals(0xbead, UdpFlyweight.checksum(datagram, AT));
        UdpFlyweight.length(datagram, AT, 0x8008);
        assertEquals(0x8008, UdpFlyweight.length(datagram, AT));
    }

    @Test
    void shouldReadAndWriteVxlan() {
        final UnsafeBuffer header = header("08 00 00 00  ab cd ef 00 # I flag, VNI");
        assertEquals(VxlanFlyweight.FLAGS_VNI_VALID, VxlanFlyweight.flags(header, AT));
        assertEquals(VxlanFlyweight.vniWord(0xabcdef), VxlanFlyweight.vniAndReserved(header, AT));
        final UnsafeBuffer written = Bytes.zeroed(AT + VxlanFlyweight.LENGTH);
        VxlanFlyweight.put(written, AT, 0xabcdef);
        assertEquals(header, written);
    }

    @Test
    void shouldNotTakeAReservedByteForPartOfTheVni() {
        final UnsafeBuffer header = header("08 00 00 00  00 00 01 80 # VNI 1, reserved byte set");
        assertFalse(VxlanFlyweight.vniWord(1) == VxlanFlyweight.vniAndReserved(header, AT));
    }

    @Test
    void shouldWriteTheVirtioNetHeaderInNativeOrder() {
        final ByteBuffer expected = ByteBuffer.allocate(10).order(ByteOrder.nativeOrder());
        expected.put((byte) 1) // NEEDS_CSUM
                .put((byte) 4) // GSO_TCPV6
                .putShort((short) 72) // hdr_len
                .putShort((short) 1428) // gso_size
                .putShort((short) 40) // csum_start
                .putShort((short) 16); // csum_offset
        final UnsafeBuffer header = Bytes.zeroed(AT + VirtioNetHeaderFlyweight.LENGTH);
        VirtioNetHeaderFlyweight.put(header, AT, VirtioNetHeaderFlyweight.GSO_TCPV6, 72, 1428, 40, 16);
        assertArrayEquals(expected.array(), Bytes.copy(header, AT, 10));
        assertEquals(VirtioNetHeaderFlyweight.NEEDS_CHECKSUM, VirtioNetHeaderFlyweight.flags(header, AT));
        assertEquals(VirtioNetHeaderFlyweight.GSO_TCPV6, VirtioNetHeaderFlyweight.gsoType(header, AT));
        assertEquals(1428, VirtioNetHeaderFlyweight.gsoSize(header, AT));
        assertEquals(40, VirtioNetHeaderFlyweight.checksumStart(header, AT));
        assertEquals(16, VirtioNetHeaderFlyweight.checksumOffset(header, AT));

        VirtioNetHeaderFlyweight.putPlain(header, AT);
        assertArrayEquals(new byte[10], Bytes.copy(header, AT, 10));
    }

    @Test
    void shouldWriteTheGatherListAsStructIovec() {
        final UnsafeBuffer list = Bytes.zeroed(2 * GatherList.ENTRY_LENGTH);
        GatherList.put(list, GatherList.ENTRY_LENGTH, 0x7fff_0123_4567L, 65535);
        final ByteBuffer expected = ByteBuffer.allocate(32).order(ByteOrder.nativeOrder());
        expected.putLong(16, 0x7fff_0123_4567L).putLong(24, 65535);
        assertArrayEquals(expected.array(), Bytes.copy(list, 0, 32));
        assertEquals(0x7fff_0123_4567L, GatherList.address(list, GatherList.ENTRY_LENGTH));
        assertEquals(65535, GatherList.length(list, GatherList.ENTRY_LENGTH));
    }
}
