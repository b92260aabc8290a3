/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The path to a peer has a smaller MTU than pods' packets need: the kernel cuts no message for it, and fragments each datagram. */
@RequiresRoot
class NarrowUnderlayTest {
    private static final int MTU = 1_000;
    private static final int LONG = 1_300;
    private static final int SHORT = 600;
    private static final int BATCH = 20;

    @Test
    void shouldBeRefusedOnceAndThenSendAllInOneCall() throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final NetworkNamespace namespace = resources.add(NetworkNamespace.create("narrow"));
            namespace.ip("link", "set", "lo", "mtu", Integer.toString(MTU));
            final InvokedNode node = resources.add(namespace.call(() -> new InvokedNode(64)));
            sendAndReceive(node, LONG);
            assertEquals(1 + BATCH, node.sendPort().sendCalls(), "a message, and each of its datagrams");
            for (int round = 0; round < 3; round++) {
                sendAndReceive(node, LONG);
            }
            assertEquals(1 + BATCH + 3, node.sendPort().sendCalls());
            assertEquals(4 * BATCH, node.counters().of(DataPlaneCounter.EGRESS_MESSAGES));
            sendAndReceive(node, SHORT);
            assertEquals(4 * BATCH + 1, node.counters().of(DataPlaneCounter.EGRESS_MESSAGES), "what fits is joined");
            assertEquals(Map.of(), node.counters().drops());
            node.counters().assertConserved();
        }
    }

    private static void sendAndReceive(final InvokedNode node, final int length) throws Exception {
        for (int i = 0; i < BATCH; i++) {
            node.give(packet(length, i));
        }
        node.invoke();
        for (int i = 0; i < BATCH; i++) {
            assertArrayEquals(packet(length, i), node.receiveAtPeer());
        }
    }

    private static byte[] packet(final int length, final int seed) {
        return CraftedPacket.udp(InvokedNode.POD, InvokedNode.PEER_POD, 1000, 2000, CraftedPacket.payload(length, seed))
                .bytes();
    }
}
