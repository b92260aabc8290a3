/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.dataplane.testing.NodeCounters;
import io.weft.dataplane.testing.PodTun;
import io.weft.encap.Ecn;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a sender does with frames that one of its two sockets does not take. */
class PressedSenderTest {
    private static final int MANY = PressedNode.MANY;
    private static final int PAYLOAD_LENGTH = 1_000;

    private final PressedNode node = new PressedNode(1);
    private final NodeCounters counters = node.counters;
    private final RefusingPort first = node.first;
    private final RefusingPort second = node.second;
    private final EgressRing ring = node.ring;
    private final FairQueue waiting = node.waiting;
    private final EgressSender sender = node.sender;
    private int given;
    private int tos;

    @AfterEach
    void tearDown() {
        node.close();
    }

    /** A frame of a flow, which goes by the second socket if its number is odd. */
    private void give(final int flow, final int number) {
        final byte[] payload = new byte[PAYLOAD_LENGTH];
        payload[payload.length - 1] = (byte) number;
        node.give(
                flow,
                PodTun.inet(peer(number)),
                CraftedPacket.udp(InvokedNode.POD, InvokedNode.PEER_POD, 1, 2, payload)
                        .tos(tos),
                0);
        given++;
    }

    /** Frames of one flow, numbered from 0 to 99 and again, which the sender finds in the ring. */
    private void giveMany(final int count) {
        for (int i = 0; i < count; i++) {
            give(2, i % 100);
        }
        sender.doWork();
    }

    /** The address that a frame of that number goes to. */
    private static String peer(final int number) {
        return "192.0.2." + number;
    }

    /** Four times as much as can be held passes by the second socket, which takes it a moment late. */
    private void passLate() {
        final int rounds = 4 * PressedNode.HELD_LENGTH / HeldFrames.length(PAYLOAD_LENGTH);
        for (int i = 0; i < rounds; i++) {
            give(3, 1);
            sender.doWork();
            give(3, 2);
            sender.doWork();
            second.take(2);
            sender.doWork();
        }
        assertEquals(2 * rounds, second.sent().size());
    }

    /** A flow waits for longer than a burst may: a part of it leaves, and later the rest. */
    private void standForLong() {
        giveMany(180);
        node.nowNs += 2 * CoDel.INTERVAL_NS;
        first.take(70);
        sender.doWork();
        assertEquals(Map.of(), counters.drops(), "it may be a burst");
        node.nowNs += 2 * CoDel.INTERVAL_NS;
        first.take(MANY);
        sender.doWork();
    }

    private long dropped() {
        return counters.drops(DropReason.UNDERLAY_BUSY);
    }

    /** Nothing is left anywhere. */
    private void assertConserved() {
        assertEquals(given, counters.of(DataPlaneCounter.EGRESS_FORWARDED_PACKETS) + dropped());
        assertEquals(0, ring.inFlight());
        assertEquals(0, sender.outputs());
        assertTrue(waiting.isEmpty());
        assertEquals(0, counters.of(DataPlaneCounter.EGRESS_WAITING_BYTES));
    }

    @Test
    void shouldCountBytesThatAreCopiedOnceAFrameHasToWait() {
        first.take(MANY);
        giveMany(2);
        first.take(0);
        giveMany(1);
        assertEquals(0, counters.of(DataPlaneCounter.EGRESS_MOVED_BYTES), "the sender keeps it where it lies");
        giveMany(3);
        assertTrue(counters.of(DataPlaneCounter.EGRESS_MOVED_BYTES) >= 3 * PAYLOAD_LENGTH, counters::toString);
        node.drain(MANY);
        assertConserved();
    }

    private static List<Integer> upTo(final int count) {
        return IntStream.range(0, count).boxed().toList();
    }

    @Test
    void shouldSendAllInOrderWhenTheSocketTakesThemLater() {
        first.take(3);
        for (int i = 0; i < 120; i++) {
            give(2, i);
            if (i % 10 == 0) {
                sender.doWork();
            }
        }
        sender.doWork();
        assertEquals(upTo(3), first.sent());
        assertEquals(1, sender.outputs());
        assertEquals(first.fd(), sender.outputFd(0));
        assertTrue(counters.of(DataPlaneCounter.EGRESS_WAITING_BYTES) > 100_000, "all but what the socket keeps");
        node.drain(7);
        assertEquals(upTo(120), first.sent());
        assertEquals(Map.of(), counters.drops());
        assertConserved();
    }

    @Test
    void shouldLetOthersPassWhenOneSocketTakesNothing() {
        second.take(MANY);
        give(2, 1);
        give(3, 2);
        give(2, 3);
        sender.doWork();
        assertEquals(List.of(2), second.sent());
        give(3, 4);
        sender.doWork();
        assertEquals(List.of(2, 4), second.sent());
        assertEquals(4, ring.inFlight(), "the first frame holds the memory of those behind it");
        first.take(MANY);
        sender.doWork();
        assertEquals(List.of(1, 3), first.sent());
        assertConserved();
    }

    @Test
    void shouldLetAFlowWaitWithNoMoreThanItsShareWhenMuchWasTakenAtOnce() {
        for (int i = 0; i < PressedNode.RING_FRAMES / 2; i++) {
            give(2, i % 100);
        }
        give(4, 101);
        sender.doWork();
        final long refused = counters.drops(DropReason.FQ_FLOW_LIMIT);
        assertTrue(refused > PressedNode.RING_FRAMES / 4, counters::toString);
        node.drain(MANY);
        assertEquals(Map.of(DropReason.FQ_FLOW_LIMIT, refused), counters.drops());
        assertEquals(given - refused, first.sent().size());
        assertTrue(first.sent().contains(101), "the other flow has room");
        assertEquals(0, ring.inFlight());
    }

    /** What a stalled socket keeps does not hold the ring, however much passes, and is what it was. */
    @Test
    void shouldMoveOutWhatASocketKeepsWhenTheRingIsShort() {
        second.take(MANY);
        first.take(3);
        for (int i = 0; i < 40; i++) {
            give(2, i);
        }
        sender.doWork();
        give(2, 40);
        for (int i = 0; i < 5_000; i++) {
            give(3, i % 100);
            if (i % 30 == 0) {
                sender.doWork();
            }
        }
        sender.doWork();
        assertEquals(5_000, second.sent().size());
        assertEquals(upTo(3), first.sent());
        first.take(MANY);
        give(2, 41);
        sender.doWork();
        assertEquals(upTo(42), first.sent());
        assertEquals(IntStream.range(0, 42).mapToObj(PressedSenderTest::peer).toList(), first.sentTo());
        assertEquals(Map.of(), counters.drops());
        assertConserved();
    }

    /** One socket takes nothing, the other everything, but a moment late: what waits for the first does not hold the memory of all that passes. */
    @Test
    void shouldKeepWhatWaitsWhenMuchThatWaitedPasses() {
        give(2, 0);
        sender.doWork();
        give(2, 1);
        sender.doWork();
        give(2, 2);
        sender.doWork();
        passLate();
        first.take(MANY);
        sender.doWork();
        assertEquals(upTo(3), first.sent());
        assertEquals(List.of(peer(0), peer(1), peer(2)), first.sentTo());
        assertEquals(Map.of(), counters.drops());
        assertConserved();
    }

    /** A socket that takes one message at a time keeps a batch that lies in what is held, and its memory is moved as well. */
    @Test
    void shouldMoveWhatASocketKeepsWhenMuchThatWaitedPasses() {
        giveMany(100);
        first.take(70);
        sender.doWork();
        assertEquals(upTo(70), first.sent());
        passLate();
        first.take(MANY);
        sender.doWork();
        assertEquals(upTo(100), first.sent());
        assertEquals(upTo(100).stream().map(PressedSenderTest::peer).toList(), first.sentTo());
        assertEquals(Map.of(), counters.drops());
        assertConserved();
    }

    @Test
    void shouldGiveUpWhatHasWaitedForTooLong() {
        giveMany(100);
        node.nowNs += FairQueue.MAX_WAIT_NS + 1;
        give(3, 0);
        second.take(1);
        sender.doWork();
        assertEquals(100, dropped(), "and what the socket keeps among it");
        assertEquals(1, second.sent().size());
        first.take(MANY);
        sender.doWork();
        assertEquals(List.of(), first.sent());
        assertConserved();
    }

    /** Also where the oldest of all is one that the socket keeps. */
    @Test
    void shouldGiveUpWhatASocketHasKeptForTooLong() {
        giveMany(100);
        first.take(70);
        sender.doWork();
        assertEquals(upTo(70), first.sent());
        node.nowNs += FairQueue.MAX_WAIT_NS + 1;
        give(3, 0);
        second.take(1);
        sender.doWork();
        assertEquals(30, dropped());
        sender.doWork();
        assertConserved();
    }

    @Test
    void shouldNotSendWhatWaitedToAPeerThatDoesNotAnswer() {
        giveMany(100);
        node.unanswered.refuse(0);
        first.take(MANY);
        sender.doWork();
        assertEquals(List.of(), first.sent());
        assertEquals(Map.of(DropReason.UNDERLAY_UNREACHABLE, 100L), counters.drops());
        assertEquals(0, ring.inFlight());
        assertTrue(waiting.isEmpty());
    }

    /** Of a flow that waits for long some are lost, and all of one that only had a burst are sent. */
    @Test
    void shouldDropOneOfAFlowThatWaitsForLong() {
        standForLong();
        assertEquals(Map.of(DropReason.QDISC_CONGESTED, 1L), counters.drops());
        assertEquals(179, first.sent().size());
        assertEquals(0, ring.inFlight());
        assertTrue(waiting.isEmpty());
    }

    @Test
    void shouldMarkAPacketInThePlaceOfADropWhenItCanCarryTheMark() {
        tos = 0x28 | Ecn.ECT_0;
        standForLong();
        assertEquals(Map.of(), counters.drops());
        assertEquals(1, counters.of(DataPlaneCounter.EGRESS_CONGESTION_MARKS));
        assertEquals(
                1,
                first.sentTos().stream().filter(sent -> sent == (0x28 | Ecn.CE)).count());
        assertConserved();
    }

    @Test
    void shouldLeaveNothingWhenItGivesUpAll() {
        for (int i = 0; i < 100; i++) {
            give(2 + i % 2, i);
            sender.doWork();
        }
        assertEquals(100, ring.inFlight());
        sender.abandon();
        assertEquals(100, dropped());
        assertNull(ring.poll());
        assertConserved();
    }
}
