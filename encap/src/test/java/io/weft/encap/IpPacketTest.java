/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class IpPacketTest {
    private static final int AT = 14;

    private final IpPacket packet = new IpPacket();

    private IpPacket.Fault parse(final byte[] bytes) {
        return packet.parse(Bytes.buffer(AT, bytes), AT, bytes.length, true);
    }

    private IpPacket parsed(final byte[] bytes) {
        assertEquals(IpPacket.Fault.NONE, parse(bytes));
        return packet;
    }

    private static PacketBuilder ipv6With(final int firstExtension, final String extensions) {
        final PacketBuilder builder = PacketBuilder.udp6().payload(64);
        builder.firstExtension = firstExtension;
        builder.extensions = Bytes.hex(extensions);
        return builder;
    }

    @ParameterizedTest
    @EnumSource
    void shouldFindThePartsOfAPlainPacket(final PacketBuilder.Kind kind) {
        final PacketBuilder builder = kind.builder().payload(100);
        builder.tos = 0xB9;
        final byte[] bytes = builder.build();
        final int headerLength = 4 == builder.version ? 20 : 40;
        final int transportHeaderLength = 6 == builder.protocol ? 32 : 8;
        parsed(bytes);
        assertEquals(AT, packet.offset());
        assertEquals(builder.version, packet.version());
        assertEquals(builder.protocol, packet.protocol());
        assertEquals(headerLength, packet.headerLength());
        assertEquals(bytes.length, packet.totalLength());
        assertEquals(AT + headerLength, packet.transportOffset());
        assertEquals(bytes.length - headerLength, packet.transportLength());
        assertEquals(transportHeaderLength, packet.transportHeaderLength());
        assertEquals(AT + headerLength + transportHeaderLength, packet.payloadOffset());
        assertEquals(100, packet.payloadLength());
        assertEquals(0xB9, packet.tos(Bytes.buffer(AT, bytes)));
        assertTrue(packet.isPlain());
        assertTrue(packet.hasTransport());
        assertFalse(packet.isFragment());
    }

    @ParameterizedTest
    @EnumSource
    void shouldTakeTheLongestPacketThereIs(final PacketBuilder.Kind kind) {
        final PacketBuilder builder = kind.builder();
        final int headers = builder.build().length;
        final byte[] bytes = builder.payload(0xFFFF - headers).build();
        assertEquals(0xFFFF, parsed(bytes).totalLength());
        assertEquals(0xFFFF - headers, packet.payloadLength());
    }

    @ParameterizedTest
    @EnumSource
    void shouldLeavePaddingOut(final PacketBuilder.Kind kind) {
        final byte[] bytes = kind.builder().payload(1).build();
        assertEquals(
                bytes.length, parsed(Arrays.copyOf(bytes, bytes.length + 17)).totalLength());
        assertEquals(1, packet.payloadLength());
    }

    @ParameterizedTest
    @EnumSource
    void shouldRefuseEveryTruncation(final PacketBuilder.Kind kind) {
        final byte[] bytes = kind.builder().payload(50).build();
        final int least = 4 == kind.builder().version ? 20 : 40;
        for (int length = 0; length < bytes.length; length++) {
            assertEquals(
                    length < least ? IpPacket.Fault.TRUNCATED : IpPacket.Fault.TOTAL_LENGTH,
                    parse(Arrays.copyOf(bytes, length)));
        }
    }

    /** A good header is 4500 001c 0001 4000 4011 ..., 28 bytes in all; each row breaks one thing. */
    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "version 0,              00 00 001c, VERSION",
        "version 5,              55 00 001c, VERSION",
        "version 15,             f5 00 001c, VERSION",
        "IHL 0,                  40 00 001c, HEADER_LENGTH",
        "IHL 4,                  44 00 001c, HEADER_LENGTH",
        "IHL past the end,       48 00 001c, HEADER_LENGTH",
        "IHL 60 bytes,           4f 00 001c, HEADER_LENGTH",
        "IHL past total length,  46 00 0014, TOTAL_LENGTH",
        "total length 0,         45 00 0000, TOTAL_LENGTH",
        "total length 19,        45 00 0013, TOTAL_LENGTH",
        "total length too long,  45 00 001d, TOTAL_LENGTH",
        "total length 65535,     45 00 ffff, TOTAL_LENGTH",
        "another tos,            45 01 001c, HEADER_CHECKSUM"
    })
    void shouldNameWhatIsWrongWithIpv4(final String what, final String start, final IpPacket.Fault fault) {
        final byte[] bytes = PacketBuilder.udp4().build();
        final byte[] broken = Bytes.hex(start);
        System.arraycopy(broken, 0, bytes, 0, broken.length);
        assertEquals(fault, parse(bytes), what);
    }

    @Test
    void shouldNotVerifyTheIpv4ChecksumWhenToldSo() {
        final byte[] bytes = PacketBuilder.udp4().build();
        bytes[10] ^= 1;
        assertEquals(IpPacket.Fault.HEADER_CHECKSUM, parse(bytes));
        assertEquals(IpPacket.Fault.NONE, packet.parse(Bytes.buffer(AT, bytes), AT, bytes.length, false));
    }

    @Test
    void shouldRefuseIpv6LongerThanWhatCame() {
        final byte[] bytes = PacketBuilder.udp6().payload(10).build();
        bytes[5]++;
        assertEquals(IpPacket.Fault.TOTAL_LENGTH, parse(bytes));
    }

    @ParameterizedTest(name = "options of {0} bytes")
    @CsvSource({"4", "8", "40"})
    void shouldPassOverIpv4Options(final int length) {
        final PacketBuilder builder = PacketBuilder.tcp4().payload(10);
        builder.ipOptions = new byte[length];
        parsed(builder.build());
        assertEquals(20 + length, packet.headerLength());
        assertEquals(10, packet.payloadLength());
        assertFalse(packet.isPlain());
    }

    /** Extension headers of 8 bytes and more; the last names UDP (0x11). */
    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "hop-by-hop,              0, 1100 0104 0000 0000,                                   8",
        "destination options,    60, 1101 010c 0000 0000 0000 0000 0000 0000,              16",
        "authentication,         51, 1104 0000 0000 0001 0000 0002 aaaa aaaa aaaa aaaa bbbb bbbb, 24",
        "routing at its end,     43, 1102 0400 0000 0000 fd00 0000 0000 0000 0000 0000 0000 0001, 24",
        "three of them,           0, 3c00 0104 0000 0000 2b00 0104 0000 0000 1100 0400 0000 0000, 24"
    })
    void shouldPassOverIpv6Extensions(final String what, final int first, final String hex, final int length) {
        parsed(ipv6With(first, hex).build());
        assertEquals(40 + length, packet.headerLength(), what);
        assertEquals(IpProtocol.UDP, packet.protocol());
        assertTrue(packet.hasTransport());
        assertEquals(64, packet.payloadLength());
        assertFalse(packet.isPlain());
        assertFalse(packet.isFragment());
    }

    /** Behind a fragment header lies a piece of anything; next header 60 says nothing of its first bytes. */
    @ParameterizedTest(name = "fragment offset and flags {0}")
    @CsvSource({"0001", "0b50", "0b51"})
    void shouldNotWalkOnInsideAFragment(final String fragment) {
        final byte[] bytes = ipv6With(44, "3c00" + fragment + "0000 0001").build();
        Arrays.fill(bytes, 48, bytes.length, (byte) 0xFF);
        parsed(bytes);
        assertTrue(packet.isFragment());
        assertFalse(packet.hasTransport());
        assertEquals(48, packet.headerLength());
        assertEquals(IpProtocol.DESTINATION_OPTIONS, packet.protocol());
    }

    /** Passed on as Linux forwards it, for the far end to judge, and never read past its end. */
    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "first one past the end,  60, 11ff 0000 0000 0000,                      40",
        "second one past the end,  0, 3c00 0104 0000 0000 11ff 0000 0000 0000,  48",
        "hop-by-hop past the end,  0, 1110 0000 0000 0000,                      40",
        "authentication too,      51, 11ff 0000 0000 0000,                      40",
        "leads to itself,         60, 3c00 0104 0000 0000 3cff 0104 0000 0000,  48"
    })
    void shouldPassOnIpv6ExtensionsThatDoNotFit(
            final String what, final int first, final String hex, final int headerLength) {
        parsed(ipv6With(first, hex).build());
        assertFalse(packet.hasTransport(), what);
        assertFalse(packet.isPlain());
        assertEquals(headerLength, packet.headerLength());
    }

    @Test
    void shouldPassOnAnIpv6ExtensionOfLessThanEightBytes() {
        for (int length = 0; length < 8; length++) {
            final byte[] bytes = Arrays.copyOf(PacketBuilder.udp6().build(), 40 + length);
            bytes[5] = (byte) length;
            bytes[6] = IpProtocol.DESTINATION_OPTIONS;
            assertFalse(parsed(bytes).hasTransport());
            assertEquals(40, packet.headerLength());
        }
    }

    @ParameterizedTest(name = "protocol {0}")
    @CsvSource({"1", "58", "132", "50", "59", "255"})
    void shouldFindNoTransportInOtherProtocols(final int protocol) {
        final byte[] ipv6 = PacketBuilder.udp6().payload(64).build();
        ipv6[6] = (byte) protocol;
        assertFalse(parsed(ipv6).hasTransport());
        assertTrue(packet.isPlain());
        assertEquals(protocol, packet.protocol());
        assertEquals(ChecksumState.NONE, TransportChecksum.state(Bytes.buffer(AT, ipv6), packet));
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "first fragment,          0x2000",
        "first that must not be,  0x6000",
        "middle fragment,         0x20b9",
        "last fragment,           0x00b9"
    })
    void shouldFindNoTransportInAnIpv4Fragment(final String what, final int fragment) {
        final PacketBuilder builder = PacketBuilder.udp4().payload(64);
        builder.fragment = fragment;
        assertTrue(parsed(builder.build()).isFragment(), what);
        assertFalse(packet.hasTransport());
    }

    @Test
    void shouldNotTakeTheReservedBitForAFragment() {
        final PacketBuilder builder = PacketBuilder.udp4().payload(64);
        builder.fragment = 0x8000;
        assertFalse(parsed(builder.build()).isFragment());
        assertTrue(packet.hasTransport());
    }

    /** A data offset below 5 words or past the end of the packet: for the far end to judge. */
    @ParameterizedTest(name = "data offset {0}")
    @CsvSource({"0", "4", "9", "15"})
    void shouldFindNoTransportInATcpHeaderThatDoesNotFit(final int words) {
        final byte[] bytes = PacketBuilder.tcp4().build();
        bytes[32] = (byte) (words << 4);
        assertFalse(parsed(bytes).hasTransport());
    }

    @Test
    void shouldFindNoTransportInAShortOne() {
        for (final PacketBuilder.Kind kind : PacketBuilder.Kind.values()) {
            final byte[] bytes = kind.builder().build();
            final boolean ipv4 = 4 == kind.builder().version;
            final int headerLength = ipv4 ? 20 : 40;
            final int least = 6 == kind.builder().protocol ? 32 : 8;
            for (int length = 0; length < least; length++) {
                final byte[] cut = Arrays.copyOf(bytes, headerLength + length);
                cut[ipv4 ? 3 : 5] = (byte) (ipv4 ? 20 + length : length);
                final UnsafeBuffer buffer = Bytes.buffer(AT, cut);
                assertEquals(IpPacket.Fault.NONE, packet.parse(buffer, AT, cut.length, false));
                assertFalse(packet.hasTransport());
            }
        }
    }

    @ParameterizedTest(name = "UDP length {0} of 18")
    @CsvSource({"0", "7", "8", "17", "19", "65535"})
    void shouldFindNoTransportInUdpOfAnotherLength(final int length) {
        final byte[] bytes = PacketBuilder.udp4().payload(10).build();
        bytes[24] = (byte) (length >> 8);
        bytes[25] = (byte) length;
        assertFalse(parsed(bytes).hasTransport());
    }

    @Test
    void shouldForgetThePacketBefore() {
        parsed(PacketBuilder.tcp6().payload(10).build());
        final PacketBuilder fragment = PacketBuilder.udp4().payload(10);
        fragment.fragment = 0x2000;
        assertFalse(parsed(fragment.build()).hasTransport());
        assertFalse(parsed(PacketBuilder.udp4().payload(10).build()).isFragment());
    }

    /** What the far end judges still belongs to its flow, and must not take another way than the rest of it. */
    @ParameterizedTest
    @EnumSource
    void shouldHashAPacketIntoItsFlowWhenTheTransportHeaderDoesNotFit(final PacketBuilder.Kind kind) {
        final byte[] good = kind.builder().payload(40).build();
        final int hash = parsed(good).flowHash();
        assertTrue(packet.isFlowKnown());
        final int transport = 4 == kind.builder().version ? 20 : 40;
        final int lengthOffset = 6 == kind.builder().protocol ? 12 : 4;
        for (int value = 0; value < 0x100; value++) {
            final byte[] broken = good.clone();
            broken[transport + lengthOffset] = (byte) value;
            assertEquals(hash, parsed(broken).flowHash());
            assertTrue(packet.isFlowKnown());
        }
        for (int left = 0; left < good.length - transport; left++) {
            final byte[] cut = Arrays.copyOf(good, transport + left);
            cut[20 == transport ? 3 : 5] = (byte) (20 == transport ? cut.length : left);
            assertEquals(IpPacket.Fault.NONE, packet.parse(Bytes.buffer(AT, cut), AT, cut.length, false));
            assertEquals(left >= 4, packet.isFlowKnown());
            assertEquals(left >= 4, hash == packet.flowHash());
        }
    }

    @Test
    void shouldNotKnowTheFlowOfAPiece() {
        final PacketBuilder fragment = PacketBuilder.udp4().payload(10);
        fragment.fragment = 0x2000;
        assertFalse(parsed(fragment.build()).isFlowKnown());
        assertFalse(parsed(ipv6With(44, "11 00 0000 00000001").build()).isFlowKnown());
        assertFalse(parsed(ipv6With(60, "11 ff 0104 00000000").build()).isFlowKnown());
        assertTrue(parsed(ipv6With(60, "11 00 0104 00000000").build()).isFlowKnown());
        assertTrue(parsed(PacketBuilder.udp4().build()).isFlowKnown());
    }

    @ParameterizedTest
    @EnumSource
    void shouldHashAFlowByAddressesAndPortsAlone(final PacketBuilder.Kind kind) {
        final int hash = parsed(kind.builder().payload(10).build()).flowHash();
        final PacketBuilder same = kind.builder().payload(999);
        same.sequence = 5;
        same.id = 77;
        same.tos = 3;
        same.flowLabel = 1;
        assertEquals(hash, parsed(same.build()).flowHash());
        final PacketBuilder port = kind.builder();
        port.sourcePort++;
        assertNotEquals(hash, parsed(port.build()).flowHash());
        final PacketBuilder address = kind.builder();
        address.lastByteOfSource++;
        assertNotEquals(hash, parsed(address.build()).flowHash());
    }
}
