/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.RequiresRoot;
import java.util.List;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;

/** How long a boost lasts; on a thread of its own, which takes the booster's part as well. */
@RequiresRoot
class UrgencyTest {
    private static final String NAME = "weft-boosted";
    private static final long NOW_NS = -1_000;

    private final Urgency urgency = new Urgency(List.of(), List.of(), 1, SchedulingRefusals.UNTOLD);

    private void onItsThread(final Runnable body) throws Exception {
        final FutureTask<Integer> task = new FutureTask<>(() -> {
            urgency.onStart(AgentThread.TIME_SLICE_NS);
            body.run();
            assertFalse(urgency.isBoosted());
            return Tasks.policyOf(NAME);
        });
        final Thread thread = new Thread(task, NAME);
        thread.start();
        assertEquals(Tasks.ORDINARY, task.get());
        urgency.close();
    }

    @Test
    void shouldEndBoostWhenAllIsRead() throws Exception {
        onItsThread(() -> {
            assertTrue(urgency.boost());
            assertFalse(urgency.boost(), "it comes first already");
            urgency.onCycle(NOW_NS, false);
        });
    }

    @Test
    void shouldEndBoostWhenTheThreadHadItsTime() throws Exception {
        onItsThread(() -> {
            assertTrue(urgency.boost());
            urgency.onCycle(NOW_NS, true);
            urgency.onCycle(NOW_NS + Urgency.MAX_BUSY_NS - 1, true);
            assertTrue(urgency.isBoosted());
            urgency.onCycle(NOW_NS + Urgency.MAX_BUSY_NS, true);
        });
    }
}
