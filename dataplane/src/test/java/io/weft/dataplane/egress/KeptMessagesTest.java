/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.dataplane.testing.PodTun;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What a socket has refused lies in the ring, as the first that wait, and waits no longer than all else. */
class KeptMessagesTest {
    private static final int KEPT = 10;
    private static final String PEER = "192.0.2.1";

    /** Frames of one peer, numbered, all of which are put into a batch. */
    private static void give(final PressedNode node, final int first, final int count) {
        for (int number = first; number < first + count; number++) {
            final byte[] payload = new byte[100];
            payload[payload.length - 1] = (byte) number;
            node.give(2, PodTun.inet(PEER), CraftedPacket.udp(InvokedNode.POD, InvokedNode.PEER_POD, 1, 2, payload), 0);
        }
    }

    private static List<Integer> range(final int first, final int end) {
        return IntStream.range(first, end).boxed().toList();
    }

    private static void assertNothingLeft(final PressedNode node) {
        assertEquals(0, node.ring.inFlight());
        assertEquals(0, node.sender.outputs());
    }

    @Test
    void shouldGiveUpWhatASocketHasKeptForTooLong() {
        try (PressedNode node = new PressedNode(1)) {
            give(node, 0, KEPT);
            node.sender.doWork();
            assertEquals(KEPT, node.ring.inFlight());
            node.nowNs += FairQueue.MAX_WAIT_NS;
            node.first.take(3);
            node.sender.doWork();
            assertEquals(range(0, 3), node.first.sent());
            node.nowNs++;
            node.first.take(PressedNode.MANY);
            give(node, KEPT, 1);
            node.sender.doWork();
            assertEquals(List.of(0, 1, 2, KEPT), node.first.sent(), "what is new is not late");
            assertEquals(Map.of(DropReason.UNDERLAY_BUSY, KEPT - 3L), node.counters.drops());
            assertNothingLeft(node);
        }
    }

    @Test
    void shouldKeepWhatIsRefusedLaterForAsLong() {
        try (PressedNode node = new PressedNode(1)) {
            give(node, 0, KEPT);
            node.sender.doWork();
            node.nowNs += FairQueue.MAX_WAIT_NS;
            node.first.take(KEPT);
            give(node, KEPT, KEPT);
            node.sender.doWork();
            node.nowNs += FairQueue.MAX_WAIT_NS;
            node.first.take(PressedNode.MANY);
            node.sender.doWork();
            assertEquals(range(0, 2 * KEPT), node.first.sent());
            assertEquals(Map.of(), node.counters.drops());
            assertNothingLeft(node);
        }
    }

    @Test
    void shouldNotSendWhatASocketKeepsToAPeerThatDoesNotAnswer() {
        try (PressedNode node = new PressedNode(1)) {
            for (int number = 0; number < KEPT; number++) {
                node.peerRow = number % 2;
                give(node, number, 1);
            }
            node.sender.doWork();
            node.unanswered.refuse(0);
            node.first.take(3);
            node.sender.doWork();
            assertEquals(List.of(1, 3, 5), node.first.sent());
            node.first.take(PressedNode.MANY);
            node.sender.doWork();
            assertEquals(List.of(1, 3, 5, 7, 9), node.first.sent());
            assertEquals(Map.of(DropReason.UNDERLAY_UNREACHABLE, KEPT / 2L), node.counters.drops());
            assertNothingLeft(node);
        }
    }

    @Test
    void shouldGiveUpWhatAPacketSocketHasKeptForTooLong() {
        final RefusingPort packets = new RefusingPort();
        try (PressedNode node = PressedNode.byPacket(packets)) {
            node.first.take(PressedNode.MANY);
            give(node, 0, KEPT);
            node.sender.doWork();
            node.nowNs += FairQueue.MAX_WAIT_NS;
            packets.take(3);
            node.sender.doWork();
            node.nowNs++;
            packets.take(PressedNode.MANY);
            give(node, KEPT, 1);
            node.sender.doWork();
            assertEquals(List.of(0, 1, 2, KEPT), packets.sent());
            assertEquals(List.of(), node.first.sent());
            assertEquals(Map.of(DropReason.UNDERLAY_BUSY, KEPT - 3L), node.counters.drops());
            assertNothingLeft(node);
        }
    }

    /** So many that they are moved out of the ring at once: they wait since then, whenever something waited before. */
    @Test
    void shouldKeepWhatIsMovedFromTheTimeOfItsRefusal() {
        try (PressedNode node = new PressedNode(PressedNode.RING_FRAMES)) {
            final int count = PressedNode.RING_FRAMES - 100;
            node.nowNs = 10 * FairQueue.MAX_WAIT_NS;
            give(node, 0, count);
            node.sender.doWork();
            node.sender.doWork();
            node.first.take(PressedNode.MANY);
            node.sender.doWork();
            assertEquals(Map.of(), node.counters.drops());
            assertEquals(count, node.counters.of(DataPlaneCounter.EGRESS_FORWARDED_PACKETS));
            assertNothingLeft(node);
        }
    }
}
