/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.dataplane.counters.ThreadCounter;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.testing.IdleAgent;
import io.weft.dataplane.testing.NodeCounters;
import io.weft.linux.Errno;
import io.weft.linux.SchedulingPolicy;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.RefusedCalls;
import io.weft.linux.testing.RequiresRoot;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.agrona.concurrent.status.CountersManager;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AgentThreadTest {
    private static final String NAME = "weft-test";

    private final CountersManager manager = NodeCounters.newManager();
    private final WorkerCounters counters = new WorkerCounters(manager, 0);
    private final RecordedRefusals refusals = new RecordedRefusals();
    private final AtomicLong nowNs = new AtomicLong();
    private final Backlog backlog = new Backlog(nowNs::get, null);
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
            final CountDownLatch hangs = hang(thread);
            final long before = thread.dutyCycles();
            assertEquals(before, thread.dutyCycles());
            hangs.countDown();
            awaitTurn(thread);
        }
    }

    @Test
    void shouldGoOnWhenWhoPausesItIsInterrupted() {
        try (Doorbell doorbell = new Doorbell();
                AgentThread thread = start(doorbell, true)) {
            awaitTurn(thread);
            final CountDownLatch hangs = hang(thread);
            Thread.currentThread().interrupt();
            assertThrows(InterruptedException.class, thread::pause);
            hangs.countDown();
            awaitTurn(thread);
        }
    }

    /** Has the agent hang until what is returned is counted down. */
    private CountDownLatch hang(final AgentThread thread) {
        final CountDownLatch hangs = new CountDownLatch(1);
        hindrance = hangs;
        Await.until(
                () -> "the agent hangs",
                Await.TIMEOUT_MS,
                () -> Thread.State.WAITING == thread.thread().getState());
        return hangs;
    }

    /** A long one is lost whenever the thread gives way. */
    @Test
    void shouldRunInSlicesOfItsOwn() {
        assumeTrue(SchedulingPolicy.sliceNs() > 0, "slices of threads are known since Linux 6.12");
        try (Doorbell doorbell = new Doorbell();
                AgentThread thread = start(doorbell, true)) {
            awaitTurn(thread);
            assertEquals(AgentThread.TIME_SLICE_NS, sliceNs);
        }
        assertEquals(List.of(), refusals.told());
    }

    /** As by the filter of a container's system calls. */
    @Test
    void shouldTellWhyItHasNoSliceOfItsOwnAndTurn() throws Exception {
        try (Doorbell doorbell = new Doorbell();
                AgentThread thread =
                        RefusedCalls.refusing(RefusedCalls.SCHED_SETATTR, Errno.EPERM, () -> start(doorbell, true))) {
            awaitTurn(thread);
            assertEquals(List.of("slice: EPERM"), refusals.told());
        }
    }

    @Test
    @RequiresRoot
    void shouldComeBeforeOrdinaryThreadsWhileAreceiverIsBehind() throws Exception {
        try (Doorbell doorbell = new Doorbell();
                AgentThread thread = start(doorbell, false)) {
            awaitTurn(thread);
            assertEquals(Tasks.ORDINARY, Tasks.policyOf(NAME));
            backlog.onBatch(0, true);
            backlog.onBatch(Backlog.MANY, true);
            doorbell.ring();
            awaitPolicy(thread, Tasks.FIFO);
            for (int i = 0; i <= Backlog.MAX_FEW_WINDOWS; i++) {
                nowNs.addAndGet(Backlog.WINDOW_NS);
                backlog.onBatch(0, false);
            }
            awaitPolicy(thread, Tasks.ORDINARY);
            assertEquals(AgentThread.TIME_SLICE_NS, awaitSliceNs(thread));
            assertTrue(new NodeCounters(manager).of(ThreadCounter.URGENT_NS) > 0);
        }
        assertEquals(List.of(), refusals.told());
    }

    @Test
    void shouldTellWhyItStaysOrdinaryAndTurn() throws Exception {
        try (Doorbell doorbell = new Doorbell();
                AgentThread thread =
                        RefusedCalls.refusing(RefusedCalls.SCHED_SETATTR, Errno.EPERM, () -> start(doorbell, false))) {
            awaitTurn(thread);
            backlog.onBatch(0, true);
            backlog.onBatch(Backlog.MANY, true);
            doorbell.ring();
            Await.until(
                    () -> "told: " + refusals.told(),
                    Await.TIMEOUT_MS,
                    () -> List.of("slice: EPERM", "real time: EPERM").equals(refusals.told()));
            awaitTurn(thread);
        }
    }

    private static void awaitPolicy(final AgentThread thread, final int policy) {
        Tasks.awaitPolicy(NAME, policy);
        awaitTurn(thread);
    }

    private long awaitSliceNs(final AgentThread thread) {
        awaitTurn(thread);
        return sliceNs;
    }

    private AgentThread start(final Doorbell doorbell, final boolean busyPoll) {
        final AgentThread thread = new AgentThread(
                NAME,
                List.of(new HinderedAgent()),
                doorbell,
                0,
                busyPoll,
                counters,
                failure -> {},
                new Urgency(List.of(backlog), List.of(backlog), 1, refusals));
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
            sliceNs = SchedulingPolicy.sliceNs();
            hindrance.await();
            return 0;
        }
    }
}
