/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.dataplane.testing.NodeCounters;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class WorkerCountersTest {
    private static final int DROPS = 1_000_000;

    /** With a thread for each agent, who receives and who sends give up packets for one reason at once. */
    @Test
    void shouldCountAllDropsOfTwoThreadsForOneReason() throws InterruptedException {
        final WorkerCounters counters = new WorkerCounters(NodeCounters.newManager(), 0);
        final Runnable dropping = () -> {
            for (int i = 0; i < DROPS; i++) {
                counters.drop(DropReason.UNDERLAY_UNREACHABLE, 1);
            }
        };
        final Thread[] threads =
                Stream.generate(() -> new Thread(dropping)).limit(2).toArray(Thread[]::new);
        for (final Thread thread : threads) {
            thread.start();
        }
        for (final Thread thread : threads) {
            thread.join();
        }

        assertEquals(2L * DROPS, counters.dropped(DropReason.UNDERLAY_UNREACHABLE));
    }
}
