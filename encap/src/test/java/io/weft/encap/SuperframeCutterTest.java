/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Holds what is cut against packets that were built one by one. */
class SuperframeCutterTest {
    private final SuperframeCutter cutter = new SuperframeCutter();
    private final IpPacket packet = new IpPacket();

    private UnsafeBuffer wrap(final PacketBuilder whole, final byte[] prefix, final int gsoSize) {
        whole.checksum = PacketBuilder.Checksum.PARTIAL;
        final byte[] bytes = whole.build();
        final UnsafeBuffer frame = Bytes.buffer(0, Bytes.concat(prefix, bytes));
        assertEquals(IpPacket.Fault.NONE, packet.parse(frame, prefix.length, bytes.length, true));
        assertTrue(cutter.wrap(frame, packet, prefix.length, gsoSize));
        return frame;
    }

    /** Cuts, and compares each segment with one made by hand. The slots end where the last header ends. */
    private void assertCut(final PacketBuilder whole, final byte[] prefix, final int gsoSize) {
        final byte[] payload = whole.payload;
        final int sequence = whole.sequence;
        final int id = whole.id;
        final int flags = whole.flags;
        final UnsafeBuffer frame = wrap(whole, prefix, gsoSize);
        final int segments = Math.max(1, (payload.length + gsoSize - 1) / gsoSize);
        assertEquals(segments, cutter.segments());
        final UnsafeBuffer headers = Bytes.zeroed(cutter.headersLength());
        whole.checksum = PacketBuilder.Checksum.RIGHT;
        for (int i = 0; i < segments; i++) {
            whole.payload = Arrays.copyOfRange(payload, i * gsoSize, Math.min(payload.length, (i + 1) * gsoSize));
            whole.sequence = sequence + i * gsoSize;
            whole.id = id + i;
            whole.flags = flags & (0 == i ? 0xFF : ~TcpFlyweight.CWR);
            if (i < segments - 1) {
                whole.flags &= ~(TcpFlyweight.FIN | TcpFlyweight.PSH);
            }
            cutter.writeHeaders(headers, 0, i);
            assertArrayEquals(
                    Bytes.concat(prefix, whole.build()),
                    Bytes.concat(
                            Bytes.copy(headers, 0, cutter.headersLength()),
                            Bytes.copy(frame, cutter.payloadOffset(i), cutter.payloadLength(i))));
        }
    }

    @ParameterizedTest
    @EnumSource
    void shouldGiveThePacketsThatASenderWithoutOffloadSends(final PacketBuilder.Kind kind) {
        final Random random = new Random(Seed.next());
        for (int i = 0; i < 200; i++) {
            final PacketBuilder whole = kind.builder();
            whole.tos = random.nextInt(256);
            whole.id = random.nextInt(0x10000);
            whole.fragment = random.nextBoolean() ? 0x4000 : 0;
            whole.sequence = random.nextInt();
            whole.flags = random.nextInt(256);
            whole.reservedBits = random.nextInt(16);
            whole.urgentPointer = random.nextInt(0x10000);
            whole.tcpOptions = new byte[4 * random.nextInt(11)];
            random.nextBytes(whole.tcpOptions);
            whole.ipOptions = new byte[4 * random.nextInt(11)];
            if (0 == random.nextInt(3)) {
                whole.extension(PacketBuilder.DESTINATION_OPTIONS);
            }
            whole.payload(random.nextInt(0 == i % 10 ? 65000 : 5000));
            final byte[] prefix = new byte[random.nextInt(60)];
            random.nextBytes(prefix);
            assertCut(whole, prefix, 1 + random.nextInt(i % 2 == 0 ? 2000 : 65535));
        }
    }

    @Test
    void shouldKeepFinAndPshForTheLastAndCwrForTheFirst() {
        final PacketBuilder whole = PacketBuilder.tcp4().payload(30);
        whole.flags = 0xFF;
        wrap(whole, new byte[0], 10);
        final UnsafeBuffer headers = Bytes.zeroed(cutter.headersLength());
        final int[] expected = {0xFF & ~0x09, 0xFF & ~0x89, 0xFF & ~0x80};
        for (int i = 0; i < 3; i++) {
            cutter.writeHeaders(headers, 0, i);
            assertEquals(expected[i], TcpFlyweight.flags(headers, 20));
        }
    }

    @Test
    void shouldLetIdAndSequenceWrapAround() {
        final PacketBuilder whole = PacketBuilder.tcp4().payload(5000);
        whole.id = 0xFFFE;
        whole.sequence = -2500;
        assertCut(whole, new byte[3], 1000);
    }

    @ParameterizedTest
    @EnumSource
    void shouldCutTheLongestPacketThereIs(final PacketBuilder.Kind kind) {
        final PacketBuilder whole = kind.builder();
        assertCut(whole.payload(0xFFFF - whole.build().length), new byte[50], 1398);
    }

    @ParameterizedTest
    @EnumSource
    void shouldMakeOneSegmentOfAnEmptyPayload(final PacketBuilder.Kind kind) {
        assertCut(kind.builder(), new byte[8], 100);
    }

    /** A payload whose last word is what the checksum would be leaves zero: a number in TCP, "none" in UDP. */
    @ParameterizedTest
    @EnumSource
    void shouldWriteAChecksumOfZeroAsTheKernelDoes(final PacketBuilder.Kind kind) {
        final PacketBuilder whole = kind.builder();
        whole.payload = new byte[2];
        final byte[] first = whole.build();
        final int field = first.length - (6 == whole.protocol ? 18 : 4);
        whole.payload = new byte[] {first[field], first[field + 1], 1};
        wrap(whole, new byte[0], 2);
        // Its own length is one less than that of the whole, so the first segment is the packet that was computed.
        final UnsafeBuffer headers = Bytes.zeroed(cutter.headersLength());
        cutter.writeHeaders(headers, 0, 0);
        final int checksum =
                headers.getShort(packet.transportOffset() + packet.transportChecksumOffset(), ByteOrder.BIG_ENDIAN)
                        & 0xFFFF;
        assertEquals(6 == whole.protocol ? 0 : 0xFFFF, checksum);
    }

    @Test
    void shouldRefuseWhatItCannotCut() {
        final byte[] bytes = PacketBuilder.tcp4().payload(100).build();
        final UnsafeBuffer frame = Bytes.buffer(300, bytes);
        packet.parse(frame, 300, bytes.length, true);
        assertTrue(cutter.wrap(frame, packet, SuperframeCutter.HEADER_SLOT_LENGTH - 52, 10));
        assertFalse(cutter.wrap(frame, packet, SuperframeCutter.HEADER_SLOT_LENGTH - 51, 10), "headers too long");
        assertFalse(cutter.wrap(frame, packet, 0, 0), "no segment size");
        final PacketBuilder fragment = PacketBuilder.tcp4().payload(100);
        fragment.fragment = 0x2000;
        frame.putBytes(300, fragment.build());
        packet.parse(frame, 300, bytes.length, true);
        assertFalse(cutter.wrap(frame, packet, 0, 10), "no transport");
    }

    /** The kernel's own sum of the pseudo header has the last destination in it; the IP header has not. */
    @Test
    void shouldCutASourceRoutedSuperframeByTheKernelsSum() {
        final PacketBuilder whole = PacketBuilder.tcp6().payload(3000);
        whole.firstExtension = IpProtocol.ROUTING;
        whole.extensions = Bytes.hex("0602 0401 0000 0000 fd00 0000 0000 0000 0000 0000 0000 0001");
        whole.checksum = PacketBuilder.Checksum.PARTIAL;
        final byte[] bytes = whole.build();
        final UnsafeBuffer frame = Bytes.buffer(0, bytes);
        packet.parse(frame, 0, bytes.length, true);
        final int field = packet.transportOffset() + TcpFlyweight.CHECKSUM_OFFSET;
        final int partial = frame.getShort(field, ByteOrder.BIG_ENDIAN) & 0xFFFF;
        final int other = NaiveChecksum.sum(new byte[] {0x12, 0x34}, 0, 2, partial);
        frame.putShort(field, (short) other, ByteOrder.BIG_ENDIAN);
        assertTrue(cutter.wrap(frame, packet, 0, 1000));
        final UnsafeBuffer headers = Bytes.zeroed(cutter.headersLength());
        for (int i = 0; i < 3; i++) {
            cutter.writeHeaders(headers, 0, i);
            whole.checksum = PacketBuilder.Checksum.RIGHT;
            whole.payload = Bytes.copy(frame, cutter.payloadOffset(i), 1000);
            whole.sequence = 1000 + 1000 * i;
            final byte[] segment = whole.build();
            final int plain = ((segment[field] & 0xFF) << 8) | (segment[field + 1] & 0xFF);
            final int expected = ~NaiveChecksum.sum(new byte[] {0x12, 0x34}, 0, 2, ~plain & 0xFFFF) & 0xFFFF;
            assertEquals(expected, headers.getShort(field, ByteOrder.BIG_ENDIAN) & 0xFFFF);
        }
    }
}
