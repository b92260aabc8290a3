/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import io.weft.dataplane.counters.DataPlaneCounter;
import java.util.function.ToLongFunction;

/** Whether a counter has grown since it was last looked at. Used by one thread. */
final class CounterGrowth {
    private final ToLongFunction<DataPlaneCounter> counters;
    private final DataPlaneCounter counter;
    private long before;

    /** @param counters tells what all workers have counted. */
    CounterGrowth(final ToLongFunction<DataPlaneCounter> counters, final DataPlaneCounter counter) {
        this.counters = counters;
        this.counter = counter;
    }

    /** Whether it has grown since {@link #begin}. */
    boolean hasGrown() {
        return before != counters.applyAsLong(counter);
    }

    /** What is counted by now is no news: also when the counters have gone on from another process's. */
    void begin() {
        before = counters.applyAsLong(counter);
    }
}
