/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.dataplane.testing.NodeCounters;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.status.CountersManager;
import org.junit.jupiter.api.Test;

class RecentCountersTest {
    private static final int NEIGH_FAILED = WorkerCounters.DROP_TYPE_ID_BASE + DropReason.NEIGH_FAILED.id();

    private final CountersManager manager = NodeCounters.newManager();
    private final WorkerCounters worker = new WorkerCounters(manager, 0);
    private final RecentCounters recent = new RecentCounters(manager, List.of(worker), 0);

    /** A second for each look, as seen by both clocks. */
    private void sample(final long second) {
        recent.sample(TimeUnit.SECONDS.toNanos(second), TimeUnit.SECONDS.toMillis(second));
    }

    private long value(final int typeId) {
        final long[] found = {-1};
        manager.forEach((id, type, key, label) -> found[0] = typeId == type ? manager.getCounterValue(id) : found[0]);
        return found[0];
    }

    @Test
    void shouldTellWhatTheLastMinuteAddedAndWhenDropsWereSeen() {
        worker.drop(DropReason.NEIGH_FAILED, 3);
        sample(1);
        assertEquals(TimeUnit.SECONDS.toNanos(1), value(RecentCounters.WINDOW_TYPE_ID));
        for (int second = 2; second <= 40; second++) {
            sample(second);
        }
        worker.drop(DropReason.NEIGH_FAILED, 2);
        sample(41);
        assertEquals(5, value(RecentCounters.MINUTE_TYPE_ID + NEIGH_FAILED));
        for (int second = 42; second <= 90; second++) {
            sample(second);
        }
        assertEquals(2, value(RecentCounters.MINUTE_TYPE_ID + NEIGH_FAILED));
        assertEquals(TimeUnit.MINUTES.toNanos(1), value(RecentCounters.WINDOW_TYPE_ID));
        for (int second = 91; second <= 110; second++) {
            sample(second);
        }
        assertEquals(0, value(RecentCounters.MINUTE_TYPE_ID + NEIGH_FAILED));
        assertEquals(1_000, value(RecentCounters.FIRST_TYPE_ID + NEIGH_FAILED));
        assertEquals(41_000, value(RecentCounters.LAST_TYPE_ID + NEIGH_FAILED));
    }

    @Test
    void shouldTakeNoRoomForReasonsThatNeverCame() {
        sample(1);
        assertEquals(-1, value(RecentCounters.FIRST_TYPE_ID + NEIGH_FAILED));
    }
}
