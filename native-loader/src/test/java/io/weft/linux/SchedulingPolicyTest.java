/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.RefusedCalls;
import io.weft.linux.testing.RequiresRoot;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;

class SchedulingPolicyTest {
    private static final long SLICE_NS = 250_000;
    private static final int PRIORITY = 3;

    @Test
    void shouldBeThatOfTheCallingThreadAlone() throws Exception {
        final long before = SchedulingPolicy.sliceNs();
        assumeTrue(before > 0, "slices of threads are known since Linux 6.12");
        assertNotEquals(SLICE_NS, before);
        assertEquals(SLICE_NS, onAnotherThread(() -> {
            assertEquals(0, new SchedulingPolicy().slice(SLICE_NS));
            return SchedulingPolicy.sliceNs();
        }));
        assertEquals(before, SchedulingPolicy.sliceNs());
    }

    @Test
    void shouldTellWhatRefusesIt() throws Exception {
        assertEquals(
                -Errno.EPERM,
                RefusedCalls.refusing(
                        RefusedCalls.SCHED_SETATTR, Errno.EPERM, () -> new SchedulingPolicy().slice(SLICE_NS)));
        assertEquals(
                -Errno.EPERM,
                RefusedCalls.refusing(
                        RefusedCalls.SCHED_SETATTR, Errno.EPERM, () -> new SchedulingPolicy().makeRealTime(PRIORITY)));
    }

    /** As on kernels that have one slice for all, or none of this call. */
    @Test
    void shouldBeRefusedNowhereWhereItIsNotKnown() throws Exception {
        assertEquals(0, onAnotherThread(() -> new SchedulingPolicy().slice(SLICE_NS)));
    }

    @Test
    @RequiresRoot
    void shouldComeBeforeOrdinaryOnesUntilTakenBack() throws Exception {
        onAnotherThread(() -> {
            final SchedulingPolicy policy = new SchedulingPolicy();
            assertEquals(0, policy.slice(SLICE_NS));
            final String before = Proc.stat();
            final long sliceNs = SchedulingPolicy.sliceNs();
            assertEquals(0, policy.makeRealTime(PRIORITY));
            assertEquals("SCHED_FIFO 3", Proc.stat());
            assertEquals(0, policy.makeOrdinary());
            assertEquals(before, Proc.stat());
            assertEquals(sliceNs, SchedulingPolicy.sliceNs());
            return true;
        });
    }

    /** Whoever started it so has had a reason. */
    @Test
    @RequiresRoot
    void shouldLeaveARealTimeThreadAsItIs() throws Exception {
        onAnotherThread(() -> {
            assertEquals(0, new SchedulingPolicy().makeRealTime(PRIORITY));
            final SchedulingPolicy second = new SchedulingPolicy();
            assertEquals(0, second.slice(SLICE_NS));
            assertEquals(-Errno.EINVAL, second.makeRealTime(PRIORITY + 1));
            assertEquals("SCHED_FIFO 3", Proc.stat());
            return true;
        });
    }

    private static <T> T onAnotherThread(final Callable<T> task) throws Exception {
        final FutureTask<T> other = new FutureTask<>(task);
        new Thread(other).start();
        try {
            return other.get();
        } catch (final ExecutionException failure) {
            if (failure.getCause() instanceof final AssertionError failed) {
                throw failed;
            }
            throw failure;
        }
    }

    /** What the kernel tells of the calling thread (proc_pid_stat(5)). */
    private static final class Proc {
        private static final int NICE = 16;
        private static final int PRIORITY = 37;
        private static final int POLICY = 38;

        static String stat() throws Exception {
            final String line = Files.readString(Path.of("/proc/thread-self/stat"));
            final String[] fields =
                    line.substring(line.lastIndexOf(')') + 2).trim().split(" ", -1);
            return "1".equals(fields[POLICY])
                    ? "SCHED_FIFO " + fields[PRIORITY]
                    : "policy " + fields[POLICY] + ", nice " + fields[NICE];
        }
    }
}
