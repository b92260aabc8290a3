/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.dataplane.testing.NodeCounters;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.status.CountersManager;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RecentCountersTest {
    private static final int NEIGH_FAILED = WorkerCounters.DROP_TYPE_ID_BASE + DropReason.NEIGH_FAILED.id();
    private static final int MULTICAST = WorkerCounters.DROP_TYPE_ID_BASE + DropReason.MULTICAST.id();

    private final CountersManager manager = NodeCounters.newManager();
    private final WorkerCounters worker = new WorkerCounters(manager, 0);
    private final RecentCounters recent = new RecentCounters(manager, List.of(worker));

    @BeforeEach
    void begin() {
        recent.begin(0);
    }

    /** A second for each look, as seen by both clocks. */
    private void sample(final long second) {
        recent.sample(TimeUnit.SECONDS.toNanos(second), TimeUnit.SECONDS.toMillis(second));
    }

    private long value(final int typeId) {
        return value(manager, typeId);
    }

    private static long value(final CountersManager of, final int typeId) {
        final long[] found = {-1};
        of.forEach((id, type, key, label) -> found[0] = typeId == type ? of.getCounterValue(id) : found[0]);
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

    /** What another process has counted is of no minute of this one, and was seen when the other saw it. */
    @Test
    void shouldGoOnFromAnotherProcess() {
        worker.drop(DropReason.NEIGH_FAILED, 3);
        sample(1);
        worker.drop(DropReason.NEIGH_FAILED, 1);
        sample(9);
        worker.drop(DropReason.MULTICAST, 1); // of which the other process has not told yet
        final CountersManager laterManager = NodeCounters.newManager();
        final WorkerCounters laterWorker = new WorkerCounters(laterManager, 0);
        final RecentCounters later = new RecentCounters(laterManager, List.of(laterWorker));
        laterWorker.drop(DropReason.NEIGH_FAILED, 4);
        laterWorker.drop(DropReason.MULTICAST, 1);
        laterWorker.add(DataPlaneCounter.EGRESS_HOST_LOSSES, 1_000);
        later.begin(TimeUnit.SECONDS.toNanos(10));
        later.goOn(manager, 10_000);
        later.sample(TimeUnit.SECONDS.toNanos(11), 11_000);
        assertEquals(0, value(laterManager, RecentCounters.MINUTE_TYPE_ID + NEIGH_FAILED));
        assertEquals(0, value(laterManager, RecentCounters.MINUTE_TYPE_ID + DataPlaneCounter.EGRESS_HOST_LOSSES.id()));
        assertEquals(1_000, value(laterManager, RecentCounters.FIRST_TYPE_ID + NEIGH_FAILED));
        assertEquals(9_000, value(laterManager, RecentCounters.LAST_TYPE_ID + NEIGH_FAILED));
        assertEquals(10_000, value(laterManager, RecentCounters.FIRST_TYPE_ID + MULTICAST));
        laterWorker.drop(DropReason.NEIGH_FAILED, 2);
        later.sample(TimeUnit.SECONDS.toNanos(12), 12_000);
        assertEquals(2, value(laterManager, RecentCounters.MINUTE_TYPE_ID + NEIGH_FAILED));
        assertEquals(1_000, value(laterManager, RecentCounters.FIRST_TYPE_ID + NEIGH_FAILED));
        assertEquals(12_000, value(laterManager, RecentCounters.LAST_TYPE_ID + NEIGH_FAILED));
    }
}
