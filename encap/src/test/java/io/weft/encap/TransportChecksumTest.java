/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.List;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TransportChecksumTest {
    private static final int AT = 6;

    private static ChecksumState state(final PacketBuilder builder) {
        final byte[] bytes = builder.build();
        final UnsafeBuffer buffer = Bytes.buffer(AT, bytes);
        final IpPacket packet = new IpPacket();
        assertEquals(IpPacket.Fault.NONE, packet.parse(buffer, AT, bytes.length, true));
        return TransportChecksum.state(buffer, packet);
    }

    @ParameterizedTest
    @EnumSource
    void shouldTellTheStatesApart(final PacketBuilder.Kind kind) {
        for (final int length : List.of(0, 1, 2, 7, 8, 31, 32, 33, 1397, 1398, 65000)) {
            final PacketBuilder builder = kind.builder().payload(length);
            assertEquals(ChecksumState.VERIFIED, state(builder));
            builder.checksum = PacketBuilder.Checksum.PARTIAL;
            assertEquals(ChecksumState.PARTIAL, state(builder));
            builder.checksum = PacketBuilder.Checksum.WRONG;
            assertEquals(ChecksumState.WRONG, state(builder));
        }
    }

    @Test
    void shouldTakeZeroForNoneInUdpAndForWrongInTcp() {
        final PacketBuilder udp = PacketBuilder.udp4().payload(100);
        udp.checksum = PacketBuilder.Checksum.ZERO;
        assertEquals(ChecksumState.NONE, state(udp));
        final PacketBuilder tcp = PacketBuilder.tcp4().payload(100);
        tcp.checksum = PacketBuilder.Checksum.ZERO;
        assertEquals(ChecksumState.WRONG, state(tcp));
    }

    /** The sum counts the last destination in, which is elsewhere (RFC 8200, section 8.1). */
    @Test
    void shouldNotJudgeAPacketThatHasStopsLeft() {
        for (final PacketBuilder.Checksum checksum : PacketBuilder.Checksum.values()) {
            final PacketBuilder builder = PacketBuilder.tcp6().payload(100);
            builder.firstExtension = IpProtocol.ROUTING;
            builder.extensions = Bytes.hex("0602 0401 0000 0000 fd00 0000 0000 0000 0000 0000 0000 0001");
            builder.checksum = checksum;
            assertEquals(ChecksumState.NONE, state(builder));
            builder.extensions[3] = 0;
            assertNotEquals(ChecksumState.NONE, state(builder));
        }
    }

    @Test
    void shouldSeeEveryChangedBit() {
        final byte[] bytes = PacketBuilder.udp6().payload(33).build();
        for (int bit = 8 * 40; bit < 8 * bytes.length; bit++) {
            final byte[] changed = bytes.clone();
            changed[bit / 8] ^= (byte) (1 << (bit % 8));
            final UnsafeBuffer buffer = Bytes.buffer(AT, changed);
            final IpPacket packet = new IpPacket();
            assertEquals(IpPacket.Fault.NONE, packet.parse(buffer, AT, bytes.length, true));
            // Another UDP length makes it no UDP that weft knows; all else is simply wrong.
            final boolean inLength = bit / 16 == 22;
            assertEquals(inLength ? ChecksumState.NONE : ChecksumState.WRONG, TransportChecksum.state(buffer, packet));
        }
    }

    @ParameterizedTest
    @EnumSource
    void shouldCompleteAPartialChecksum(final PacketBuilder.Kind kind) {
        final Random random = new Random(Seed.next());
        for (int i = 0; i < 500; i++) {
            final PacketBuilder builder = kind.builder().payload(random.nextInt(2000));
            final byte[] expected = builder.build();
            builder.checksum = PacketBuilder.Checksum.PARTIAL;
            final UnsafeBuffer buffer = Bytes.buffer(AT, builder.build());
            final IpPacket packet = new IpPacket();
            packet.parse(buffer, AT, expected.length, true);
            final int start = packet.transportOffset();
            TransportChecksum.complete(
                    buffer, start, start + packet.transportChecksumOffset(), AT + packet.totalLength());
            assertArrayEquals(expected, Bytes.copy(buffer, AT, expected.length));
        }
    }

    /** A sum of zero is written as 0xFFFF, the same number in ones' complement: zero would say "none" (RFC 768). */
    @Test
    void shouldNotCompleteToZero() {
        final PacketBuilder builder = PacketBuilder.udp4();
        builder.payload = new byte[2];
        final byte[] first = builder.build();
        // The payload takes what the checksum is, so that nothing is left of the new one.
        builder.payload = new byte[] {first[26], first[27]};
        builder.checksum = PacketBuilder.Checksum.PARTIAL;
        final UnsafeBuffer buffer = Bytes.buffer(0, builder.build());
        TransportChecksum.complete(buffer, 20, 26, 30);
        assertEquals(0xFFFF, UdpFlyweight.checksum(buffer, 20));
        builder.checksum = PacketBuilder.Checksum.RIGHT;
        assertEquals(ChecksumState.VERIFIED, state(builder));
    }
}
