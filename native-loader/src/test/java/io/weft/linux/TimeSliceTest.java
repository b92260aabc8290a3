/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.RefusedCalls;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;

class TimeSliceTest {
    private static final long SLICE_NS = 250_000;

    @Test
    void shouldBeThatOfTheCallingThreadAlone() throws Exception {
        final long before = TimeSlice.ns();
        assumeTrue(before > 0, "slices of threads are known since Linux 6.12");
        assertNotEquals(SLICE_NS, before);
        final FutureTask<Long> other = new FutureTask<>(() -> {
            assertEquals(0, TimeSlice.set(SLICE_NS));
            return TimeSlice.ns();
        });
        new Thread(other).start();
        assertEquals(SLICE_NS, other.get());
        assertEquals(before, TimeSlice.ns());
    }

    @Test
    void shouldTellWhatRefusesIt() throws Exception {
        assertEquals(
                -Errno.EPERM,
                RefusedCalls.refusing(RefusedCalls.SCHED_SETATTR, Errno.EPERM, () -> TimeSlice.set(SLICE_NS)));
    }

    /** As on kernels that have one slice for all, or none of this call. */
    @Test
    void shouldBeRefusedNowhereWhereItIsNotKnown() throws Exception {
        final FutureTask<Integer> other = new FutureTask<>(() -> TimeSlice.set(SLICE_NS));
        new Thread(other).start();
        assertEquals(0, other.get());
    }
}
