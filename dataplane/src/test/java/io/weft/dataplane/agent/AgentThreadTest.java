/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.testing.IdleAgent;
import io.weft.dataplane.testing.NodeCounters;
import io.weft.linux.Errno;
import io.weft.linux.TimeSlice;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.RefusedCalls;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AgentThreadTest {
    private final WorkerCounters counters = new WorkerCounters(NodeCounters.newManager(), 0);
    private final Queue<Integer> refusals = new ConcurrentLinkedQueue<>();
    private volatile long sliceNs;
    private volatile CountDownLatch hindrance = new CountDownLatch(0);

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldTurnWhetherThereIsWorkOrNot(final boolean busyPoll) {
        try (Doorbell doorbell = new Doorbell();
                AgentThread thread = start(doorbell, busyPoll)) {
            awaitTurn(thread);
            awaitTurn(thread);
        }
    }

    @Test
    void shouldNotTurnWhileAnAgentHangs() throws Exception {
        try (Doorbell doorbell = new Doorbell();
                AgentThread thread = start(doorbell, true)) {
            awaitTurn(thread);
            final CountDownLatch hangs = new CountDownLatch(1);
            hindrance = hangs;
            Await.until(
                    () -> "the agent hangs",
                    Await.TIMEOUT_MS,
                    () -> Thread.State.WAITING == thread.thread().getState());
            final long before = thread.dutyCycles();
            assertEquals(before, thread.dutyCycles());
            hangs.countDown();
            awaitTurn(thread);
        }
    }

    /** A long one is lost whenever the thread gives way. */
    @Test
    void shouldRunInSlicesOfItsOwn() {
        assumeTrue(TimeSlice.ns() > 0, "slices of threads are known since Linux 6.12");
        try (Doorbell doorbell = new Doorbell();
                AgentThread thread = start(doorbell, true)) {
            awaitTurn(thread);
            assertEquals(AgentThread.TIME_SLICE_NS, sliceNs);
        }
        assertEquals(List.of(), List.copyOf(refusals));
    }

    /** As by the filter of a container's system calls. */
    @Test
    void shouldTellWhyItHasNoSliceOfItsOwnAndTurn() throws Exception {
        try (Doorbell doorbell = new Doorbell();
                AgentThread thread =
                        RefusedCalls.refusing(RefusedCalls.SCHED_SETATTR, Errno.EPERM, () -> start(doorbell, true))) {
            awaitTurn(thread);
            assertEquals(List.of(Errno.EPERM), List.copyOf(refusals));
        }
    }

    private AgentThread start(final Doorbell doorbell, final boolean busyPoll) {
        final AgentThread thread = new AgentThread(
                "weft-test",
                List.of(new HinderedAgent()),
                doorbell,
                0,
                busyPoll,
                counters,
                failure -> {},
                refusals::add);
        thread.start();
        return thread;
    }

    private static void awaitTurn(final AgentThread thread) {
        final long before = thread.dutyCycles();
        Await.until(() -> "a turn", Await.TIMEOUT_MS, () -> thread.dutyCycles() > before);
    }

    private final class HinderedAgent extends IdleAgent {
        @Override
        public int doWork() throws InterruptedException {
            sliceNs = TimeSlice.ns();
            hindrance.await();
            return 0;
        }
    }
}
