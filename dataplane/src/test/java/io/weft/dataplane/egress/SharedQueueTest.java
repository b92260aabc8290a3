/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.dataplane.testing.PodTun;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Flows of all source ports that leave by one packet socket, which takes less than they are. */
class SharedQueueTest {
    /** Seven of the first socket, and one alone of the second. */
    private static final List<Integer> FLOWS = List.of(2, 4, 6, 8, 10, 12, 14, 3);

    private static final int ALONE = 3;
    private static final int LATE = 5;
    private static final int FRAMES_EACH = 120;
    private static final int PAYLOAD_LENGTH = 1_000;

    private final RefusingPort packets = new RefusingPort();
    private final PressedNode node = PressedNode.byPacket(packets);

    @AfterEach
    void tearDown() {
        node.close();
    }

    /** A frame that shows its flow. */
    private void give(final int flow) {
        final byte[] payload = new byte[PAYLOAD_LENGTH];
        payload[payload.length - 1] = (byte) flow;
        node.give(
                flow,
                PodTun.inet("192.0.2." + flow),
                CraftedPacket.udp(InvokedNode.POD, InvokedNode.PEER_POD, 1, 2, payload),
                0);
    }

    /** So many of each wait, behind some that the socket keeps. Returns how many these are. */
    private int press() {
        for (int i = 0; i < FRAMES_EACH; i++) {
            FLOWS.forEach(this::give);
            node.sender.doWork();
        }
        packets.take(DatagramBatch.MAX_MESSAGES);
        node.sender.doWork();
        assertEquals(DatagramBatch.MAX_MESSAGES, packets.sent().size());
        return 2 * DatagramBatch.MAX_MESSAGES; // it keeps as many again
    }

    private void takeUpTo(final int messages) {
        while (packets.sent().size() < messages) {
            packets.take(Math.min(10, messages - packets.sent().size()));
            node.sender.doWork();
        }
    }

    private int lastSent() {
        return packets.sent().get(packets.sent().size() - 1);
    }

    private List<Integer> sentSince(final int messages) {
        return packets.sent().subList(messages, packets.sent().size());
    }

    @Test
    void shouldShareByFlowAndNotByPort() {
        press();
        final int begin = packets.sent().size();
        takeUpTo(begin + FLOWS.size() * 60);
        for (final int flow : FLOWS) {
            final int sent = Collections.frequency(sentSince(begin), flow);
            assertTrue(sent > 30 && sent < 90, () -> sent + " of flow " + flow);
        }
        takeUpTo(FLOWS.size() * FRAMES_EACH);
        for (final int flow : FLOWS) {
            assertEquals(FRAMES_EACH, Collections.frequency(packets.sent(), flow));
        }
        assertEquals(Map.of(), node.counters.drops());
        assertEquals(0, node.ring.inFlight());
        assertTrue(node.waiting.isEmpty());
    }

    /** Behind what the socket keeps, and before all that waits for either port. */
    @Test
    void shouldSendAFlowThatHasNotWaitedFirstWhoseverTurnItIs() {
        final int kept = press();
        takeUpTo(kept);
        while (ALONE != lastSent()) {
            takeUpTo(packets.sent().size() + 1);
        }
        while (ALONE == lastSent()) {
            takeUpTo(packets.sent().size() + 1);
        }
        give(LATE); // by the port of the flow that is alone, when the turn of the other port has begun
        node.sender.doWork();
        final int begin = packets.sent().size();
        takeUpTo(begin + DatagramBatch.MAX_MESSAGES + 1);
        assertTrue(sentSince(begin).contains(LATE), () -> sentSince(begin).toString());
    }
}
