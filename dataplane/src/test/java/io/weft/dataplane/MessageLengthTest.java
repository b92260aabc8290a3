/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A message has fewer datagrams than the kernel takes from a queue at once, 64: docs/decisions/0018. */
class MessageLengthTest {
    private static final int LENGTH = 200;

    @ParameterizedTest
    @CsvSource({"63, 1", "64, 2"})
    void shouldSendAllThatWasReadInOneCall(final int packets, final int messages) throws Exception {
        try (InvokedNode node = new InvokedNode(DataPlaneContext.MAX_SEGMENTS_DEFAULT)) {
            for (int i = 0; i < packets; i++) {
                node.give(packet(i));
            }
            node.invoke();
            for (int i = 0; i < packets; i++) {
                assertArrayEquals(packet(i), node.receiveAtPeer());
            }
            assertEquals(messages, node.counters().of(DataPlaneCounter.EGRESS_MESSAGES));
            assertEquals(1, node.sendPort().sendCalls());
            node.counters().assertConserved();
        }
    }

    private static byte[] packet(final int seed) {
        return CraftedPacket.udp(InvokedNode.POD, InvokedNode.PEER_POD, 1000, 2000, CraftedPacket.payload(LENGTH, seed))
                .bytes();
    }
}
