/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.stats;

import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.ThreadCounter;
import io.weft.dataplane.counters.WorkerCounters;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** What a forwarder has counted, over all its workers and threads. */
public final class CounterTotals {
    private final Map<Integer, Long> byTypeId = new HashMap<>();

    private CounterTotals() {}

    /**
     * As a counters file has it now.
     *
     * @throws IllegalStateException if the file is not one of counters.
     */
    public static CounterTotals of(final Path countersFile) {
        final CounterTotals totals = new CounterTotals();
        try (CountersFile file = CountersFile.open(countersFile)) {
            file.reader()
                    .forEach((id, typeId, key, label) ->
                            totals.byTypeId.merge(typeId, file.reader().getCounterValue(id), Long::sum));
        }
        return totals;
    }

    /** Of all workers. */
    public long of(final DataPlaneCounter counter) {
        return ofType(counter.id());
    }

    /** Of all data threads. */
    public long of(final ThreadCounter counter) {
        return ofType(counter.id());
    }

    /** Packets of all workers. */
    public long of(final DropReason reason) {
        return ofType(WorkerCounters.DROP_TYPE_ID_BASE + reason.id());
    }

    private long ofType(final int typeId) {
        return byTypeId.getOrDefault(typeId, 0L);
    }
}
