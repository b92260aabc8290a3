/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.RecentCounters;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.overlay.options.WeftOptions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CountersPlaceTest {
    /** In the mode DEDICATED. */
    private static final int THREADS_OF_WORKER = 4;

    private static final int REMARKS = 100;

    @TempDir
    private Path directory = Path.of(".");

    @Test
    void shouldHaveRoomForAllThatTheMostWorkersCount() {
        try (CountersFile file = CountersPlace.create(directory.resolve("counters"), WeftOptions.WORKERS_MAX)) {
            final List<WorkerCounters> workers = new ArrayList<>();
            for (int worker = 0; worker < WeftOptions.WORKERS_MAX; worker++) {
                final WorkerCounters counters = new WorkerCounters(file.manager(), worker);
                for (int thread = 0; thread < THREADS_OF_WORKER; thread++) {
                    counters.ofThread("weft-thread" + thread + '-' + worker);
                }
                for (final DropReason reason : DropReason.values()) {
                    counters.drop(reason, 1);
                }
                workers.add(counters);
            }
            new RecentCounters(file.manager(), workers).begin(0);
            for (int i = 0; i < REMARKS; i++) {
                file.remark("last of one kind");
            }
            final List<Integer> types = new ArrayList<>();
            file.reader().forEach((id, typeId, key, label) -> types.add(typeId));
            assertEquals(REMARKS, Collections.frequency(types, CountersFile.REMARK_TYPE_ID));
        }
    }
}
