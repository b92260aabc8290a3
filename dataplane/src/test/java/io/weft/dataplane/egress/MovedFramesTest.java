/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Superframes and datagrams that were joined are sent as they are, wherever they had to lie meanwhile. */
class MovedFramesTest {
    private static final int SEGMENT_LENGTH = 1_000;
    private static final int JOINED = 8;

    /** Two superframes, and between them datagrams that are joined. */
    private static void giveSome(final PressedNode node) {
        superframe(node, 3 * SEGMENT_LENGTH + 1);
        for (int i = 0; i < 5; i++) {
            datagram(node, 2, 500, i);
        }
        superframe(node, 20 * SEGMENT_LENGTH);
        node.sender.doWork();
    }

    private static void datagram(final PressedNode node, final int flow, final int length, final int seed) {
        node.give(
                flow,
                InvokedNode.PEER_POD,
                CraftedPacket.udp(InvokedNode.POD, InvokedNode.PEER_POD, 1, 2, CraftedPacket.payload(length, seed)),
                0);
    }

    private static void superframe(final PressedNode node, final int length) {
        node.give(
                2,
                InvokedNode.PEER_POD,
                CraftedPacket.tcp(
                                InvokedNode.POD,
                                InvokedNode.PEER_POD,
                                1,
                                2,
                                3,
                                CraftedPacket.ACK,
                                new byte[0],
                                CraftedPacket.payload(length, length))
                        .checksum(CraftedPacket.Checksum.PARTIAL),
                SEGMENT_LENGTH);
    }

    /** So much passes by the other socket, now and then a moment late, that no memory stays what it was. */
    private static void passBy(final PressedNode node) {
        for (int i = 0; i < 3 * PressedNode.HELD_LENGTH / SEGMENT_LENGTH; i++) {
            node.second.take(i % 2 == 0 ? PressedNode.MANY : 0);
            for (int j = 0; j < 10; j++) {
                datagram(node, 3, 900, j);
            }
            node.sender.doWork();
        }
        node.second.take(PressedNode.MANY);
        node.sender.doWork();
    }

    private static List<byte[]> finish(final PressedNode node) {
        node.drain(PressedNode.MANY);
        assertEquals(Map.of(), node.counters.drops());
        assertEquals(0, node.ring.inFlight());
        return node.first.messages();
    }

    /** @param taken messages before the socket refuses more: those that it keeps begin in the middle of a superframe, or not. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void shouldSendTheSameAsIfNothingHadHadToWait(final int taken) {
        try (PressedNode prompt = new PressedNode(JOINED);
                PressedNode late = new PressedNode(JOINED)) {
            prompt.first.take(PressedNode.MANY);
            giveSome(prompt);
            giveSome(prompt);
            late.first.take(taken);
            giveSome(late);
            giveSome(late);
            assertFalse(late.waiting.isEmpty(), "the second half waits");
            passBy(late);
            assertTrue(late.second.messages().size() > 1_000);
            final List<byte[]> expected = finish(prompt);
            final List<byte[]> sent = finish(late);
            assertEquals(expected.size(), sent.size());
            for (int i = 0; i < sent.size(); i++) {
                assertArrayEquals(expected.get(i), sent.get(i), "message " + i);
            }
        }
    }
}
