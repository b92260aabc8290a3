/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.linux.testing.Await;
import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** VXLAN, Ethernet, IP, TCP and UDP from the underlay: each datagram is delivered or counted as dropped, and throws nothing. */
class DatagramFuzzTest {
    private static final int LENGTH_MAX = 0xFFE3; // of UDP over IPv4

    private static @Nullable InvokedNode node;

    @BeforeAll
    static void setUp() throws IOException {
        node = new InvokedNode(DataPlaneContext.MAX_SEGMENTS_DEFAULT);
    }

    @AfterAll
    static void tearDown() {
        if (null != node) {
            node.close();
        }
    }

    @FuzzTest(maxDuration = "10m")
    void shouldDeliverOrCount(final byte[] datagram) throws IOException {
        final InvokedNode invoked = node;
        if (null == invoked || datagram.length > LENGTH_MAX) {
            return;
        }
        final long messages = invoked.counters().of(DataPlaneCounter.INGRESS_MESSAGES) + 1;
        invoked.sendDatagramFromPeer(datagram);
        Await.until(() -> "a datagram", Await.TIMEOUT_MS, () -> {
            invoked.invoke();
            return messages == invoked.counters().of(DataPlaneCounter.INGRESS_MESSAGES);
        });
        invoked.host().written().clear();
        invoked.counters().assertConserved();
    }
}
