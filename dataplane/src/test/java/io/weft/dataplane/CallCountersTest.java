/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.linux.Errno;
import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What packets cost in calls can be told from the counters: each call is one, and a batch is one call. */
class CallCountersTest {
    private static final int PACKETS = 3;

    private InvokedNode node;

    @BeforeEach
    void setUp() throws IOException {
        node = new InvokedNode(1);
    }

    @AfterEach
    void tearDown() {
        node.close();
    }

    private long of(final DataPlaneCounter counter) {
        return node.counters().of(counter);
    }

    private void give() {
        for (int i = 0; i < PACKETS; i++) {
            node.give(
                    CraftedPacket.udp(InvokedNode.POD, InvokedNode.PEER_POD, 1000, 2000, CraftedPacket.payload(100, i))
                            .bytes());
        }
    }

    @Test
    void shouldCountReadsThatFindNothingAndOneCallForABatchThatIsSent() throws IOException {
        give();
        node.invoke();
        for (int i = 0; i < PACKETS; i++) {
            node.receiveAtPeer();
        }

        assertEquals(PACKETS + 1, of(DataPlaneCounter.EGRESS_READ_CALLS));
        assertEquals(PACKETS, of(DataPlaneCounter.EGRESS_MESSAGES));
        assertEquals(1, of(DataPlaneCounter.EGRESS_SEND_CALLS));
        assertEquals(node.sendPort().sendCalls(), of(DataPlaneCounter.EGRESS_SEND_CALLS));
        assertEquals(0, of(DataPlaneCounter.EGRESS_MOVED_BYTES));
    }

    @Test
    void shouldCountSendsThatAreRefused() throws IOException {
        node.sendPort().failSend(Errno.EINTR);
        give();
        node.invoke();
        for (int i = 0; i < PACKETS; i++) {
            node.receiveAtPeer();
        }

        assertEquals(2, of(DataPlaneCounter.EGRESS_SEND_CALLS));
    }

    @Test
    void shouldCountReceivesAndWrites() throws IOException {
        node.invoke();
        assertEquals(1, of(DataPlaneCounter.INGRESS_RECEIVE_CALLS));
        assertEquals(0, of(DataPlaneCounter.INGRESS_WRITE_CALLS));

        node.sendFromPeer(
                CraftedPacket.udp(InvokedNode.PEER_POD, InvokedNode.POD, 1000, 2000, CraftedPacket.payload(100, 0))
                        .checksum(CraftedPacket.Checksum.RIGHT)
                        .bytes());
        node.invokeUntilReceived(1);

        assertEquals(1, of(DataPlaneCounter.INGRESS_WRITE_CALLS));
        assertEquals(1, node.host().written().size());
    }
}
