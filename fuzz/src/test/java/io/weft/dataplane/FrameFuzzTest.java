/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.weft.dataplane.testing.InvokedNode;
import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** A virtio header with a packet or superframe behind it, from the host: each is sent or counted as dropped, and throws nothing. */
class FrameFuzzTest {
    private static final int LENGTH_MAX = 0xFFFF;

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
    void shouldSendOrCount(final byte[] frame) {
        final InvokedNode invoked = node;
        if (null == invoked || frame.length > LENGTH_MAX) {
            return;
        }
        invoked.host().give(frame);
        invoked.invoke();
        invoked.invoke(); // answers to pods
        invoked.output().sent().clear();
        invoked.counters().assertConserved();
    }
}
