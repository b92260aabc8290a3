/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.weft.dataplane.counters.ThreadCounters;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.testing.IdleAgent;
import io.weft.dataplane.testing.NodeCounters;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.RequiresRoot;
import java.util.List;
import org.agrona.concurrent.status.AtomicCounter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PollIdleStrategyTest {
    private static final long SPIN_NS = 1_000;

    private final Urgency urgency = new Urgency(List.of(), List.of(), Urgency.NEVER, SchedulingRefusals.UNTOLD);
    private long nowNs;

    @Test
    void shouldCountWaitsAndSpinsAsIdleButNotWork() {
        final ThreadCounters counters = new WorkerCounters(NodeCounters.newManager(), 0).ofThread("test");
        final AtomicCounter idleNs = counters.idleNs();
        try (Doorbell doorbell = new Doorbell()) {
            final PollIdleStrategy strategy = new PollIdleStrategy(
                    List.of(new BusyAgent()), doorbell, new PausePoint(), urgency, () -> nowNs, SPIN_NS, counters);
            nowNs = 100;
            strategy.idle(0); // waits, and the agent has work 250 ns later
            assertEquals(250, idleNs.get());
            nowNs = 700;
            strategy.idle(1);
            assertEquals(250, idleNs.get());
            strategy.idle(0); // spins, since the wait before was short
            nowNs = 740;
            strategy.idle(0);
            assertEquals(250 + 40, idleNs.get());
            assertEquals(0, counters.polls().get(), "there was work before it asked");
            assertEquals(2, counters.yields().get());
            nowNs = 5_000;
            strategy.idle(1);
            assertEquals(250 + 40, idleNs.get());
            assertEquals(2, counters.cycles().get());
            assertEquals(350 + 4_260, counters.busyNs().get());
            assertEquals(5_000 - 740, counters.longestCycleNs().get());
        }
    }

    /** The doorbell rang before the thread said that it waits: nobody rings again. */
    @Test
    void shouldNotWaitWhenAPauseIsWantedAlready() {
        final ThreadCounters counters = new WorkerCounters(NodeCounters.newManager(), 0).ofThread("test");
        final PausePoint pausePoint = new PausePoint();
        final WaitingAgent agent = new WaitingAgent();
        try (Doorbell doorbell = new Doorbell()) {
            final PollIdleStrategy strategy =
                    new PollIdleStrategy(List.of(agent), doorbell, pausePoint, urgency, () -> nowNs, 0, counters);
            pausePoint.request();
            doorbell.ring();
            strategy.idle(0);
            assertEquals(0, agent.waits);
            pausePoint.release(Thread.currentThread());
            assertEquals(0, counters.polls().get());
            strategy.idle(0);
            assertEquals(1, agent.waits);
            assertEquals(1, counters.polls().get());
        }
    }

    /** Others get the core in both cases: the agents are told. */
    @Test
    void shouldTellAgentsThatOthersHaveTheirTurnWhetherItWaitsOrSpins() {
        final ThreadCounters counters = new WorkerCounters(NodeCounters.newManager(), 0).ofThread("test");
        final BusyAgent agent = new BusyAgent();
        try (Doorbell doorbell = new Doorbell()) {
            final PollIdleStrategy strategy = new PollIdleStrategy(
                    List.of(agent), doorbell, new PausePoint(), urgency, () -> nowNs, SPIN_NS, counters);
            strategy.idle(0); // waits
            assertEquals(1, agent.idles);
            strategy.idle(1);
            assertEquals(1, agent.idles);
            strategy.idle(0); // spins
            assertEquals(2, agent.idles);
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1000", "100, 250"})
    void shouldSpinForAquarterOfTheTimeBehindBulk(final int work, final int spinNs) {
        final ThreadCounters counters = new WorkerCounters(NodeCounters.newManager(), 0).ofThread("test");
        final BusyAgent agent = new BusyAgent();
        try (Doorbell doorbell = new Doorbell()) {
            final PollIdleStrategy strategy = new PollIdleStrategy(
                    List.of(agent), doorbell, new PausePoint(), urgency, () -> nowNs, SPIN_NS, counters);
            strategy.idle(0); // a short wait: a spin would have met its end
            strategy.idle(work);
            final long idleSinceNs = nowNs;
            strategy.idle(0);
            nowNs = idleSinceNs + spinNs - 1;
            strategy.idle(0);
            assertEquals(1, agent.waits);
            nowNs = idleSinceNs + spinNs;
            strategy.idle(0);
            assertEquals(2, agent.waits);
        }
    }

    /** On a thread of its own, which is made one of real time. */
    @Test
    @RequiresRoot
    void shouldRestInThePlaceOfWaitingWhileAreceiverIsBehind() throws Exception {
        final ThreadCounters counters = new WorkerCounters(NodeCounters.newManager(), 0).ofThread("test");
        final BusyAgent agent = new BusyAgent();
        final Backlog backlog = new Backlog(() -> nowNs, null);
        final Urgency onDemand = new Urgency(List.of(backlog), List.of(backlog), 1, SchedulingRefusals.UNTOLD);
        try (Doorbell doorbell = new Doorbell()) {
            final PollIdleStrategy strategy = new PollIdleStrategy(
                    List.of(agent), doorbell, new PausePoint(), onDemand, () -> nowNs, SPIN_NS, counters);
            final Thread thread = new Thread(() -> {
                onDemand.onStart(AgentThread.TIME_SLICE_NS);
                strategy.idle(0);
                assertEquals(1, agent.waits);
                backlog.onBatch(0, true);
                backlog.onBatch(Backlog.MANY, true);
                strategy.idle(0);
                nowNs += Urgency.MAX_BUSY_NS;
                strategy.idle(1);
            });
            thread.start();
            thread.join(Await.TIMEOUT_MS);
            assertFalse(thread.isAlive());
        }
        assertEquals(1, agent.waits, "it rested");
        assertEquals(3, agent.idles, "others had their turn in each rest");
        assertEquals(Urgency.MAX_BUSY_NS, counters.urgentNs().get());
    }

    /** Is asked what it waits to write to when its thread is about to wait. */
    private static final class WaitingAgent extends IdleAgent {
        private int waits;

        @Override
        public int outputs() {
            waits++;
            return 0;
        }
    }

    /** Has work as soon as somebody is about to wait for it. */
    private final class BusyAgent extends IdleAgent {
        private int idles;
        private int waits;

        @Override
        public void onIdle() {
            idles++;
        }

        @Override
        public boolean hasWork() {
            waits++;
            nowNs += 250;
            return true;
        }
    }
}
