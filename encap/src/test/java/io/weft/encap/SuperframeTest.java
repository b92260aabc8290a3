/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class SuperframeTest {
    private static final int HEADROOM = 14;
    private static final int GATHER_AT = 32;

    private final UnsafeBuffer frames = Bytes.zeroed(1 << 20);
    private final UnsafeBuffer gather = Bytes.zeroed(GATHER_AT + Superframe.GATHER_LENGTH);
    private final Superframe superframe = new Superframe(gather, GATHER_AT, FrameHeader.ofPackets(), true, HEADROOM);
    private final IpPacket packet = new IpPacket();
    private int end;

    /** Puts a packet behind the others and parses it. */
    private ChecksumState place(final byte[] bytes) {
        final int at = end + HEADROOM;
        end = at + bytes.length;
        frames.putBytes(at, bytes);
        assertEquals(IpPacket.Fault.NONE, packet.parse(frames, at, bytes.length, true));
        return TransportChecksum.state(frames, packet);
    }

    private void begin(final PacketBuilder first) {
        superframe.begin(frames, packet, place(first.build()), 0);
    }

    private boolean append(final PacketBuilder next) {
        return superframe.append(frames, packet, place(next.build()));
    }

    /** What the host would read: vnet header and packet. */
    private byte[] concluded() {
        superframe.conclude(frames);
        return gathered(superframe);
    }

    /** What the kernel would gather. */
    private byte[] gathered(final Superframe concluded) {
        byte[] whole = {};
        final int list = (int) (concluded.gatherAddress() - gather.addressOffset());
        for (int i = 0; i < concluded.gatherCount(); i++) {
            final int entry = list + i * GatherList.ENTRY_LENGTH;
            final long address = GatherList.address(gather, entry);
            final UnsafeBuffer memory = isIn(gather, address) ? gather : frames;
            final int offset = (int) (address - memory.addressOffset());
            whole = Bytes.concat(whole, Bytes.copy(memory, offset, GatherList.length(gather, entry)));
        }
        return whole;
    }

    private static boolean isIn(final UnsafeBuffer memory, final long address) {
        return address >= memory.addressOffset() && address < memory.addressOffset() + memory.capacity();
    }

    /** Cuts what the host would read as the host would. */
    private List<byte[]> cutAgain(final byte[] vnetAndPacket) {
        final UnsafeBuffer whole = Bytes.buffer(0, vnetAndPacket);
        final int ip = VirtioNetHeaderFlyweight.LENGTH;
        final IpPacket parts = new IpPacket();
        assertEquals(IpPacket.Fault.NONE, parts.parse(whole, ip, vnetAndPacket.length - ip, true));
        assertEquals(vnetAndPacket.length - ip, parts.totalLength());
        final List<byte[]> packets = new ArrayList<>();
        if (VirtioNetHeaderFlyweight.GSO_NONE == VirtioNetHeaderFlyweight.gsoType(whole, 0)) {
            if (0 != VirtioNetHeaderFlyweight.flags(whole, 0)) {
                final int start = ip + VirtioNetHeaderFlyweight.checksumStart(whole, 0);
                final int field = start + VirtioNetHeaderFlyweight.checksumOffset(whole, 0);
                TransportChecksum.complete(whole, start, field, vnetAndPacket.length);
            }
            packets.add(Bytes.copy(whole, ip, parts.totalLength()));
            return packets;
        }
        assertEquals(ChecksumState.PARTIAL, TransportChecksum.state(whole, parts));
        assertEquals(parts.headerLength(), VirtioNetHeaderFlyweight.checksumStart(whole, 0));
        assertEquals(parts.transportChecksumOffset(), VirtioNetHeaderFlyweight.checksumOffset(whole, 0));
        final SuperframeCutter cutter = new SuperframeCutter();
        assertTrue(cutter.wrap(whole, parts, 0, VirtioNetHeaderFlyweight.gsoSize(whole, 0)));
        final UnsafeBuffer headers = Bytes.zeroed(SuperframeCutter.HEADER_SLOT_LENGTH);
        for (int i = 0; i < cutter.segments(); i++) {
            cutter.writeHeaders(headers, 0, i);
            packets.add(Bytes.concat(
                    Bytes.copy(headers, 0, cutter.headersLength()),
                    Bytes.copy(whole, cutter.payloadOffset(i), cutter.payloadLength(i))));
        }
        return packets;
    }

    private static PacketBuilder first(final PacketBuilder.Kind kind) {
        return kind.builder().payload(1000);
    }

    /** The packet that follows {@link #first}. */
    private static PacketBuilder second(final PacketBuilder.Kind kind) {
        final PacketBuilder builder = kind.builder();
        builder.sequence += 1000;
        builder.id++;
        return builder.payload(1000);
    }

    @ParameterizedTest
    @EnumSource
    void shouldJoinWhatBelongsTogether(final PacketBuilder.Kind kind) {
        begin(first(kind));
        assertTrue(superframe.isOpen());
        assertTrue(append(second(kind)));
        assertEquals(2, superframe.segments());
        final int headers = first(kind).build().length - 1000;
        assertEquals(headers + 2000, superframe.totalLength());
        assertEquals(2 * headers + 2000, superframe.deliveredLength());
        final byte[] whole = concluded();
        final UnsafeBuffer vnet = Bytes.buffer(0, whole);
        final int gsoType = switch (kind) {
            case TCP4 -> VirtioNetHeaderFlyweight.GSO_TCPV4;
            case TCP6 -> VirtioNetHeaderFlyweight.GSO_TCPV6;
            default -> VirtioNetHeaderFlyweight.GSO_UDP_L4;
        };
        assertEquals(gsoType, VirtioNetHeaderFlyweight.gsoType(vnet, 0));
        assertEquals(VirtioNetHeaderFlyweight.NEEDS_CHECKSUM, VirtioNetHeaderFlyweight.flags(vnet, 0));
        assertEquals(1000, VirtioNetHeaderFlyweight.gsoSize(vnet, 0));
        final List<byte[]> cut = cutAgain(whole);
        assertArrayEquals(first(kind).build(), cut.get(0));
        assertArrayEquals(second(kind).build(), cut.get(1));
    }

    /** Without a tunnel header, packets lie side by side: what comes before one is the end of another. */
    @ParameterizedTest
    @EnumSource
    void shouldTouchNothingInFrontOfAPacketWhenThereIsNoTunnelHeader(final PacketBuilder.Kind kind) {
        final byte[] before = new byte[64];
        Arrays.fill(before, (byte) 0x5A);
        frames.putBytes(0, before);
        final Superframe bare = new Superframe(gather, GATHER_AT, FrameHeader.ofPackets(), true, 0);
        int at = before.length;
        for (final PacketBuilder each : List.of(first(kind), second(kind))) {
            final byte[] bytes = each.build();
            frames.putBytes(at, bytes);
            assertEquals(IpPacket.Fault.NONE, packet.parse(frames, at, bytes.length, true));
            if (before.length == at) {
                bare.begin(frames, packet, ChecksumState.VERIFIED, 0);
            } else {
                assertTrue(bare.append(frames, packet, ChecksumState.VERIFIED));
            }
            at += bytes.length;
        }
        bare.conclude(frames);
        assertEquals(3, bare.gatherCount());
        assertArrayEquals(before, Bytes.copy(frames, 0, before.length));
        final List<byte[]> cut = cutAgain(gathered(bare));
        assertArrayEquals(first(kind).build(), cut.get(0));
        assertArrayEquals(second(kind).build(), cut.get(1));
        bare.begin(frames, packet, ChecksumState.VERIFIED, 0);
        bare.conclude(frames);
        assertArrayEquals(Bytes.concat(new byte[10], second(kind).build()), gathered(bare));
    }

    private static Arguments difference(
            final String what, final PacketBuilder.Kind kind, final Consumer<PacketBuilder> change) {
        return Arguments.of(what, kind, change);
    }

    private static Stream<Arguments> differences() {
        final List<Arguments> all = new ArrayList<>();
        for (final PacketBuilder.Kind kind : PacketBuilder.Kind.values()) {
            all.add(difference("source address", kind, b -> b.lastByteOfSource++));
            all.add(difference("source port", kind, b -> b.sourcePort++));
            all.add(difference("destination port", kind, b -> b.destinationPort++));
            all.add(difference("tos", kind, b -> b.tos = 4));
            all.add(difference("ECN", kind, b -> b.tos = 1));
            all.add(difference("ttl", kind, b -> b.ttl--));
            all.add(difference("protocol", kind, b -> b.protocol = 23 - b.protocol));
            all.add(difference("longer", kind, b -> b.payload(1001)));
            all.add(difference("empty", kind, b -> b.payload(0)));
            all.add(difference("wrong checksum", kind, b -> b.checksum = PacketBuilder.Checksum.WRONG));
            all.add(difference("partial checksum", kind, b -> b.checksum = PacketBuilder.Checksum.PARTIAL));
            all.add(difference("no checksum", kind, b -> b.checksum = PacketBuilder.Checksum.ZERO));
            all.add(difference("another version", kind, b -> b.version = 10 - b.version));
            if (kind == PacketBuilder.Kind.TCP4 || kind == PacketBuilder.Kind.UDP4) {
                all.add(difference("fragment", kind, b -> b.fragment = 0x2000));
                all.add(difference("may be fragmented", kind, b -> b.fragment = 0));
                all.add(difference("IPv4 options", kind, b -> b.ipOptions = new byte[4]));
            } else {
                all.add(difference("flow label", kind, b -> b.flowLabel++));
                all.add(difference("extension header", kind, b -> b.extension(PacketBuilder.DESTINATION_OPTIONS)));
            }
            if (kind == PacketBuilder.Kind.TCP4 || kind == PacketBuilder.Kind.TCP6) {
                all.add(difference("sequence", kind, b -> b.sequence++));
                all.add(difference("sent again", kind, b -> b.sequence -= 1000));
                all.add(difference("acknowledgment", kind, b -> b.acknowledgment++));
                all.add(difference("window", kind, b -> b.window++));
                all.add(difference("timestamp", kind, b -> b.tcpOptions[7]++));
                all.add(difference("fewer options", kind, b -> b.tcpOptions = new byte[8]));
                all.add(difference("more options", kind, b -> b.tcpOptions = new byte[16]));
                all.add(difference("AE flag", kind, b -> b.reservedBits = 1));
                all.add(difference("reserved bit", kind, b -> b.reservedBits = 8));
                all.add(difference("urgent pointer", kind, b -> b.urgentPointer = 1));
                for (final int flag : new int[] {0x01, 0x02, 0x04, 0x20, 0x40, 0x80}) {
                    all.add(difference("flag " + flag, kind, b -> b.flags |= flag));
                }
                all.add(difference("no ACK", kind, b -> b.flags = 0));
            }
        }
        return all.stream();
    }

    @ParameterizedTest(name = "{1}, {0}")
    @MethodSource("differences")
    void shouldNotJoinWhatDiffers(
            final String what, final PacketBuilder.Kind kind, final Consumer<PacketBuilder> change) {
        final PacketBuilder other = second(kind);
        change.accept(other);
        begin(first(kind));
        assertFalse(append(other), what);
        assertEquals(1, superframe.segments());
        final byte[] whole = concluded();
        assertArrayEquals(Bytes.concat(new byte[10], first(kind).build()), whole);
    }

    /** What breaks a superframe when it comes second must not begin one either. */
    @ParameterizedTest(name = "{1}, {0}")
    @MethodSource("differences")
    void shouldNotJoinTheOtherWayRound(
            final String what, final PacketBuilder.Kind kind, final Consumer<PacketBuilder> change) {
        final PacketBuilder odd = first(kind);
        change.accept(odd);
        begin(odd);
        final boolean differsOnlyInLength = "longer".equals(what);
        final PacketBuilder next = second(kind);
        next.sequence = differsOnlyInLength ? next.sequence + 1 : next.sequence;
        assertEquals(differsOnlyInLength, append(next), what);
    }

    @ParameterizedTest
    @EnumSource
    void shouldEndWithAShorterOne(final PacketBuilder.Kind kind) {
        begin(first(kind));
        assertTrue(append(second(kind).payload(1)));
        assertFalse(superframe.isOpen());
        final PacketBuilder third = second(kind).payload(1);
        third.sequence++;
        third.id++;
        assertFalse(append(third));
    }

    @Test
    void shouldEndWithPsh() {
        begin(first(PacketBuilder.Kind.TCP4));
        final PacketBuilder pushed = second(PacketBuilder.Kind.TCP4);
        pushed.flags |= TcpFlyweight.PSH;
        assertTrue(append(pushed));
        assertFalse(superframe.isOpen());
        assertArrayEquals(pushed.build(), cutAgain(concluded()).get(1));
    }

    @Test
    void shouldNotAppendToPsh() {
        final PacketBuilder pushed = first(PacketBuilder.Kind.TCP4);
        pushed.flags |= TcpFlyweight.PSH;
        begin(pushed);
        assertFalse(append(second(PacketBuilder.Kind.TCP4)));
    }

    /** RFC 6864, section 4.1: the id of a packet that must not be fragmented means nothing. */
    @Test
    void shouldMindTheIdOnlyOfWhatMayBeFragmented() {
        for (final int fragment : new int[] {0x4000, 0}) {
            final PacketBuilder head = first(PacketBuilder.Kind.TCP4);
            final PacketBuilder next = second(PacketBuilder.Kind.TCP4);
            head.fragment = fragment;
            next.fragment = fragment;
            head.id = 0xFFFF;
            next.id = 7;
            begin(head);
            assertEquals(0 != fragment, append(next));
            next.id = 0;
            begin(head);
            assertTrue(append(next));
        }
    }

    @Test
    void shouldJoinFewerThanOnePollTakes() {
        final PacketBuilder.Kind kind = PacketBuilder.Kind.TCP6;
        final PacketBuilder next = kind.builder().payload(10);
        begin(next);
        for (int i = 1; i < Superframe.MAX_SEGMENTS; i++) {
            next.sequence += 10;
            assertTrue(append(next));
        }
        next.sequence += 10;
        assertFalse(append(next));
        assertEquals(63, cutAgain(concluded()).size());
    }

    @ParameterizedTest
    @CsvSource({"TCP4, 7, false", "TCP4, 8, true", "TCP6, 7, false", "UDP4, 7, true"})
    void shouldNotJoinTcpSegmentsThatOlderKernelsCutLonger(
            final PacketBuilder.Kind kind, final int payloadLength, final boolean isJoined) {
        final PacketBuilder next = kind.builder().payload(payloadLength);
        begin(next);
        next.sequence += payloadLength;
        next.id++;
        assertEquals(isJoined, append(next));
    }

    @ParameterizedTest
    @EnumSource
    void shouldNotGrowPast65535Bytes(final PacketBuilder.Kind kind) {
        final int headers = kind.builder().build().length;
        final int half = (0xFFFF - headers) / 2;
        final PacketBuilder next = kind.builder().payload(half);
        begin(next);
        next.sequence += half;
        next.id++;
        assertTrue(append(next));
        next.sequence += half;
        next.id++;
        next.payload(2);
        assertFalse(append(next));
        assertTrue(superframe.totalLength() <= 0xFFFF);
        assertEquals(2, cutAgain(concluded()).size());
    }

    @Test
    void shouldNotJoinUdpForADeviceThatTakesNone() {
        final Superframe tcpOnly = new Superframe(gather, GATHER_AT, FrameHeader.ofPackets(), false, HEADROOM);
        tcpOnly.begin(frames, packet, place(first(PacketBuilder.Kind.UDP4).build()), 0);
        assertFalse(tcpOnly.isOpen());
        tcpOnly.begin(frames, packet, place(first(PacketBuilder.Kind.TCP4).build()), 0);
        assertTrue(tcpOnly.isOpen());
    }

    @ParameterizedTest
    @EnumSource
    void shouldPassTheNoteOnAPartialChecksumOn(final PacketBuilder.Kind kind) {
        final PacketBuilder only = first(kind);
        final byte[] right = only.build();
        only.checksum = PacketBuilder.Checksum.PARTIAL;
        begin(only);
        assertArrayEquals(right, cutAgain(concluded()).get(0));
    }

    @Test
    void shouldPassOnASuperframeThatCameUnsegmented() {
        final PacketBuilder whole = PacketBuilder.tcp4().payload(3000);
        whole.checksum = PacketBuilder.Checksum.PARTIAL;
        whole.flags |= TcpFlyweight.CWR;
        superframe.begin(frames, packet, place(whole.build()), 1000);
        assertFalse(superframe.isOpen());
        final UnsafeBuffer vnet = Bytes.buffer(0, concluded());
        assertEquals(1000, VirtioNetHeaderFlyweight.gsoSize(vnet, 0));
        assertEquals(
                VirtioNetHeaderFlyweight.GSO_TCPV4 | VirtioNetHeaderFlyweight.GSO_ECN,
                VirtioNetHeaderFlyweight.gsoType(vnet, 0));
    }

    /** Streams with all that can break them: what the host cuts out is what came in, in order, and bad stays bad. */
    @ParameterizedTest
    @EnumSource
    void shouldGiveBackEveryStreamUnchanged(final PacketBuilder.Kind kind) {
        final Random random = new Random(Seed.next());
        final List<Consumer<PacketBuilder>> changes = new ArrayList<>();
        differences()
                .filter(arguments -> kind == arguments.get()[1])
                .forEach(arguments -> changes.add(consumer(arguments.get()[2])));
        int joined = 0;
        for (int round = 0; round < 60; round++) {
            end = 0;
            final List<byte[]> expected = new ArrayList<>();
            final List<byte[]> actual = new ArrayList<>();
            final int size = 1 + random.nextInt(2000);
            int sequence = random.nextInt();
            int id = random.nextInt(0x10000);
            for (int i = 0; i < 100; i++) {
                final PacketBuilder next = kind.builder();
                next.sequence = sequence;
                next.id = id++;
                next.payload(0 == random.nextInt(10) ? random.nextInt(size + 1) : size);
                next.flags |= 0 == random.nextInt(10) ? TcpFlyweight.PSH : 0;
                if (0 == random.nextInt(8)) {
                    changes.get(random.nextInt(changes.size())).accept(next);
                }
                sequence += next.payload.length;
                final byte[] bytes = next.build();
                final ChecksumState state = place(bytes);
                if (ChecksumState.PARTIAL == state) {
                    next.checksum = PacketBuilder.Checksum.RIGHT;
                }
                expected.add(next.build());
                if (i > 0 && superframe.append(frames, packet, state)) {
                    assertTrue(ChecksumState.VERIFIED == state || ChecksumState.PARTIAL == state);
                    joined++;
                } else {
                    if (i > 0) {
                        actual.addAll(cutAgain(concluded()));
                    }
                    superframe.begin(frames, packet, state, 0);
                }
            }
            actual.addAll(cutAgain(concluded()));
            assertEquals(expected.size(), actual.size());
            for (int i = 0; i < actual.size(); i++) {
                assertArrayEquals(expected.get(i), actual.get(i), "packet " + i + " of round " + round);
            }
        }
        assertTrue(joined > 1000, "joined " + joined);
    }

    @SuppressWarnings("unchecked")
    private static Consumer<PacketBuilder> consumer(final Object change) {
        return (Consumer<PacketBuilder>) change;
    }

    /** Garbage, and good packets with garbage in them, in memory whose last byte is the packet's last. */
    @Test
    void shouldNeverThrowNorJoinWhatIsNotVerified() {
        final Random random = new Random(Seed.next());
        final PacketBuilder.Kind[] kinds = PacketBuilder.Kind.values();
        int parsed = 0;
        for (int i = 0; i < 100_000; i++) {
            byte[] bytes = new byte[random.nextInt(120)];
            if (0 == i % 4) {
                random.nextBytes(bytes);
            } else {
                bytes = kinds[random.nextInt(kinds.length)]
                        .builder()
                        .payload(random.nextInt(40))
                        .build();
                for (int n = random.nextInt(4); n >= 0; n--) {
                    bytes[random.nextInt(Math.min(64, bytes.length))] = (byte) random.nextInt();
                }
            }
            final UnsafeBuffer buffer = Bytes.buffer(HEADROOM, bytes);
            if (IpPacket.Fault.NONE != packet.parse(buffer, HEADROOM, bytes.length, false)) {
                continue;
            }
            parsed++;
            assertTrue(packet.payloadOffset() + packet.payloadLength() <= HEADROOM + bytes.length);
            assertTrue(packet.payloadLength() >= 0);
            final ChecksumState state = TransportChecksum.state(buffer, packet);
            superframe.begin(buffer, packet, state, 0);
            final boolean checked = ChecksumState.VERIFIED == state || ChecksumState.PARTIAL == state;
            assertTrue(checked || !superframe.isOpen());
            final boolean appended = superframe.append(buffer, packet, state);
            assertTrue(checked || !appended);
            superframe.conclude(buffer);
            if (1 == superframe.segments() && checked && packet.payloadLength() > 1) {
                final SuperframeCutter cutter = new SuperframeCutter();
                assertTrue(cutter.wrap(buffer, packet, HEADROOM, packet.payloadLength() / 2));
                cutter.writeHeaders(Bytes.zeroed(cutter.headersLength()), 0, cutter.segments() - 1);
            }
        }
        assertTrue(parsed > 10_000, "parsed " + parsed);
    }
}
