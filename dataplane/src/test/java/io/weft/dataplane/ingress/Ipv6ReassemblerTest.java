/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import static io.weft.dataplane.counters.DropReason.FRAG_INVALID;
import static io.weft.dataplane.counters.DropReason.FRAG_NO_ROOM;
import static io.weft.dataplane.counters.DropReason.FRAG_REASM_TIMEOUT;
import static java.nio.ByteOrder.BIG_ENDIAN;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.counters.DropReason;
import java.util.EnumMap;
import java.util.Map;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** Fragments in whatever order, number and state, and the time between them. */
class Ipv6ReassemblerTest {
    private static final int PORT = 8472;
    private static final int IPV6_LENGTH = 40;
    private static final int ECN_CE = 3;
    private static final int ECN_0 = 2;
    private static final int DATA = 64;

    private long nowNs = Long.MAX_VALUE - 5; // a clock may begin anywhere
    private final Ipv6Reassembler reassembler = new Ipv6Reassembler(PORT, () -> nowNs);
    private final UnsafeBuffer headers = new UnsafeBuffer(new byte[IPV6_LENGTH + 8]);
    private final UnsafeBuffer arena = new UnsafeBuffer(new byte[DATA + (1 << 16)]);
    private final ReceivedMessage message = new ReceivedMessage();
    private final Map<DropReason, Integer> drops = new EnumMap<>(DropReason.class);

    /** A datagram's byte, which tells where it belongs and to which. */
    private static byte content(final int id, final int at) {
        return at < 8 ? new byte[] {1, 2, (byte) (PORT >>> 8), (byte) PORT, 3, 4, 5, 6}[at] : (byte) (id * 31 + at * 7);
    }

    private int add(final int id, final int from, final int to, final boolean isLast) {
        return add(id, from, to, isLast, 0);
    }

    private int add(final int id, final int from, final int to, final boolean isLast, final int ecn) {
        for (int at = from; at < to; at++) {
            arena.putByte(DATA + at - from, content(id, at));
        }
        return addWhatLiesThere(id, from, to - from, isLast, ecn);
    }

    private int addWhatLiesThere(final int id, final int from, final int length, final boolean isLast, final int ecn) {
        headers.setMemory(0, headers.capacity(), (byte) 0);
        headers.putByte(0, (byte) 0x60);
        headers.putByte(1, (byte) (ecn << 4));
        headers.putShort(IPV6_LENGTH + 2, (short) (from | (isLast ? 0 : 1)), BIG_ENDIAN);
        headers.putInt(IPV6_LENGTH + 4, id, BIG_ENDIAN);
        final int whole = reassembler.add(headers, 0, arena, DATA, length, message);
        final DropReason refusal = message.refusal;
        if (null != refusal) {
            drops.merge(refusal, 1, Integer::sum);
        }
        return whole;
    }

    private void assertGiven(final int whole, final int id, final int length) {
        assertEquals(length, whole);
        for (int at = 0; at < length; at++) {
            final byte given = at < 8 ? headers.getByte(IPV6_LENGTH + at) : arena.getByte(DATA + at - 8);
            assertEquals(content(id, at), given, id + ", byte " + at);
        }
    }

    @Test
    void shouldGiveADatagramOfEachLengthInWhateverOrderItsFragmentsCome() {
        for (final int length : new int[] {17, 2047, 2048, 2049, 4100, 30_000, 65_527, 65_535}) {
            final int half = length / 2 / 8 * 8;
            assertEquals(0, add(length, half, length, true));
            assertGiven(add(length, 0, half, false), length, length);
        }
        assertGiven(add(7, 0, 500, true), 7, 500);
        assertTrue(drops.isEmpty(), drops::toString);
    }

    @Test
    void shouldGiveAllWhoseFragmentsComeInterleaved() {
        for (int id = 0; id < Ipv6Reassembler.DATAGRAMS_MAX; id++) {
            assertEquals(0, add(id, 0, 304, false));
        }
        for (int id = 0; id < Ipv6Reassembler.DATAGRAMS_MAX; id++) {
            assertGiven(add(id, 304, 700, true), id, 700);
        }
        assertTrue(drops.isEmpty(), drops::toString);
    }

    /** A flood of what is never complete takes away nothing from what is in the making, and is counted, each once. */
    @Test
    void shouldRefuseWhatIsNewWhileAllPlacesAreTaken() {
        for (int id = 0; id < Ipv6Reassembler.DATAGRAMS_MAX + 100; id++) {
            add(id, 0, 304, false);
        }
        for (int id = 0; id < Ipv6Reassembler.DATAGRAMS_MAX + 100; id++) {
            final int whole = add(id, 304, 700, true);
            assertEquals(id < Ipv6Reassembler.DATAGRAMS_MAX ? 700 : 0, whole);
        }
        assertEquals(Map.of(FRAG_NO_ROOM, 100), drops);
    }

    @Test
    void shouldGiveAPlaceOfOneThatHasWaitedForLongToANewOne() {
        for (int id = 0; id < Ipv6Reassembler.DATAGRAMS_MAX; id++) {
            add(id, 0, 304, false);
        }
        nowNs += Ipv6Reassembler.GIVES_WAY_NS;
        assertEquals(0, add(5000, 0, 304, false));
        assertGiven(add(1, 304, 700, true), 1, 700);
        assertEquals(0, add(0, 304, 700, true), "the oldest has given way");
        assertGiven(add(5000, 304, 700, true), 5000, 700);
        assertEquals(Map.of(FRAG_NO_ROOM, 1), drops);
    }

    @Test
    void shouldKeepNoMoreThanItsMemory() {
        final int length = 60_000;
        int refused = 0;
        for (int id = 0; id < 100; id++) {
            add(id, 0, length, false);
            refused = drops.getOrDefault(FRAG_NO_ROOM, 0);
        }
        assertTrue(refused > 0 && refused < 50, drops::toString);
        for (int id = 0; id < 100 - refused; id++) {
            assertGiven(add(id, length, length + 8, true), id, length + 8);
        }
        assertGiven(add(200, 0, 304, false) + add(200, 304, 700, true), 200, 700);
        assertEquals(Map.of(FRAG_NO_ROOM, refused), drops);
    }

    @Test
    void shouldEndWhatIsNotCompleteInTime() {
        add(1, 0, 304, false);
        add(2, 304, 700, true);
        nowNs += Ipv6Reassembler.TIMEOUT_NS - 1;
        assertEquals(0, add(3, 0, 304, false));
        assertTrue(drops.isEmpty(), drops::toString);
        nowNs++;
        assertEquals(0, add(1, 304, 700, true));
        assertEquals(Map.of(FRAG_REASM_TIMEOUT, 1), drops);
        assertEquals(0, add(2, 0, 304, false));
        assertEquals(Map.of(FRAG_REASM_TIMEOUT, 2), drops);
        assertGiven(add(3, 304, 700, true), 3, 700);
    }

    @Test
    void shouldCountNoneOfAnotherPort() {
        arena.setMemory(DATA, 700, (byte) 9);
        for (int id = 0; id < 2 * Ipv6Reassembler.DATAGRAMS_MAX; id++) {
            assertEquals(0, addWhatLiesThere(id, 0, 304, false, 0));
            assertEquals(0, addWhatLiesThere(id, 304, 396, true, 0));
            assertEquals(0, addWhatLiesThere(-id - 1, 304, 396, true, 0));
            assertEquals(0, addWhatLiesThere(-id - 1, 0, 304, false, 0));
        }
        nowNs += Ipv6Reassembler.TIMEOUT_NS;
        add(77_777, 0, 304, false);
        assertTrue(drops.isEmpty(), drops::toString);
    }

    @Test
    void shouldEndWhatContradictsItselfOnce() {
        add(1, 0, 304, false);
        add(1, 296, 600, false);
        add(1, 304, 700, true);
        assertEquals(Map.of(FRAG_INVALID, 1), drops, "overlap");
        add(2, 304, 700, true);
        add(2, 696, 800, true);
        assertEquals(Map.of(FRAG_INVALID, 2), drops, "another end");
        add(3, 304, 700, true);
        add(3, 704, 712, false);
        assertEquals(Map.of(FRAG_INVALID, 3), drops, "beyond the end");
        add(4, 0, 304, false, 0);
        assertEquals(0, add(4, 304, 700, true, ECN_CE));
        assertEquals(Map.of(FRAG_INVALID, 4), drops, "congestion of what cannot carry it");
    }

    @Test
    void shouldRefuseAMalformedFragmentAlone() {
        add(1, 0, 304, false);
        add(1, 304, 311, false);
        assertEquals(0, addWhatLiesThere(1, 304, 0, true, 0));
        assertEquals(0, addWhatLiesThere(1, 304, -1, true, 0));
        assertEquals(0, addWhatLiesThere(1, 65_528, 16, true, 0));
        assertEquals(0, addWhatLiesThere(2, 0, 7, true, 0));
        assertEquals(Map.of(FRAG_INVALID, 5), drops);
        assertGiven(add(1, 304, 700, true), 1, 700);
    }

    @Test
    void shouldPassOverWhatComesTwice() {
        add(1, 0, 304, false);
        add(1, 0, 304, false);
        assertGiven(add(1, 304, 700, true, 0), 1, 700);
        assertTrue(drops.isEmpty(), drops::toString);
    }

    @Test
    void shouldMarkCongestionOfAllWhenOneHasIt() {
        add(1, 0, 304, false, ECN_CE);
        assertGiven(add(1, 304, 700, true, ECN_0), 1, 700);
        assertEquals(ECN_CE, headers.getByte(1) >>> 4 & 3);
    }
}
