/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.ThreadCounters;
import io.weft.dataplane.counters.WorkerCounters;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.agrona.ErrorHandler;
import org.agrona.concurrent.Agent;
import org.agrona.concurrent.AgentRunner;
import org.agrona.concurrent.BusySpinIdleStrategy;
import org.agrona.concurrent.CompositeAgent;
import org.agrona.concurrent.SystemNanoClock;
import org.agrona.concurrent.status.AtomicCounter;

/** A data thread: the agents that share it, and how it waits. */
public final class AgentThread implements AutoCloseable {
    private static final long PAUSE_PATIENCE_NS = TimeUnit.SECONDS.toNanos(2);

    /**
     * A thread that gives way loses the rest of its slice (79104becf42b in Linux 6.18; kernel/sched/fair.c, {@code yield_task_fair}). Of a
     * slice as others have it, more than a millisecond, data threads that often give way lost so much that packets waited for up to 100 ms.
     */
    static final long TIME_SLICE_NS = TimeUnit.MICROSECONDS.toNanos(250);

    private final DutyCycles dutyCycles = new DutyCycles();
    private final PausePoint pausePoint = new PausePoint();
    private final Doorbell doorbell;
    private final Urgency urgency;
    private final AtomicCounter boosts;
    private final PollIdleStrategy idleStrategy;
    private final AgentRunner runner;
    private final Thread thread;

    /**
     * @param name at most 15 characters, so that it survives in {@code /proc/PID/task/TID/comm}.
     * @param doorbell that rings for this thread.
     * @param spinNs how long to spin before it waits.
     * @param busyPoll whether it never waits.
     * @param counters where its cycles, its idle time and its agents' exceptions are counted.
     * @param errorHandler told of an exception in an agent.
     * @param urgency of this thread.
     */
    public AgentThread(
            final String name,
            final List<? extends PolledAgent> agents,
            final Doorbell doorbell,
            final long spinNs,
            final boolean busyPoll,
            final WorkerCounters counters,
            final ErrorHandler errorHandler,
            final Urgency urgency) {
        final List<Agent> all = new ArrayList<>(agents);
        all.add(dutyCycles);
        this.doorbell = doorbell;
        this.urgency = urgency;
        final ThreadCounters ofThread = counters.ofThread(name);
        boosts = ofThread.boosts();
        idleStrategy =
                new PollIdleStrategy(agents, doorbell, pausePoint, urgency, SystemNanoClock.INSTANCE, spinNs, ofThread);
        runner = new AgentRunner(
                busyPoll ? BusySpinIdleStrategy.INSTANCE : idleStrategy,
                errorHandler,
                counters.of(DataPlaneCounter.AGENT_ERRORS),
                new SharingAgent(name, all, pausePoint, urgency));
        thread = new Thread(runner, name);
        thread.setDaemon(true);
    }

    /** Agrona's composite, but for its role name, which would be longer than a thread name may be, and that it can be paused. */
    private static final class SharingAgent extends CompositeAgent {
        private final String roleName;
        private final PausePoint pausePoint;
        private final Urgency urgency;

        SharingAgent(
                final String roleName,
                final List<? extends Agent> agents,
                final PausePoint pausePoint,
                final Urgency urgency) {
            super(agents);
            this.roleName = roleName;
            this.pausePoint = pausePoint;
            this.urgency = urgency;
        }

        @Override
        public void onStart() {
            urgency.onStart(TIME_SLICE_NS);
            super.onStart();
        }

        @Override
        public int doWork() throws Exception {
            pausePoint.pass();
            boolean isDone = false;
            try {
                final int work = super.doWork();
                isDone = true;
                return work;
            } finally {
                // The idle strategy is not asked after a failure, and one at each time must not take a core.
                if (!isDone && urgency.onCycle(System.nanoTime(), false)) {
                    Urgency.rest();
                }
            }
        }

        @Override
        public String roleName() {
            return roleName;
        }
    }

    /** Starts the thread. */
    public void start() {
        AgentRunner.startOnThread(runner, task -> thread);
    }

    /**
     * Has the thread stand still between two duty cycles, and waits until it does: what the agents have is seen by the caller then.
     *
     * @return false if it does not come to that, as one that hangs: it goes on by itself.
     */
    public boolean pause() throws InterruptedException {
        boolean isReached = false;
        try {
            pausePoint.request();
            doorbell.ring();
            isReached = pausePoint.await(System.nanoTime() + PAUSE_PATIENCE_NS);
        } finally {
            if (!isReached) { // or the caller was interrupted
                resume();
            }
        }
        return isReached;
    }

    /** Takes {@link #pause} back. */
    public void resume() {
        pausePoint.release(thread);
    }

    /** The thread, to be watched. */
    public Thread thread() {
        return thread;
    }

    /** How many duty cycles the thread has ended: one that goes on ends one within a good second, also with nothing to do. Any thread. */
    public long dutyCycles() {
        return dutyCycles.ended();
    }

    /** The booster's thread: this one was let in. */
    void onBoosted() {
        boosts.getAndAddPlain(1);
    }

    /** How the thread comes before others. */
    Urgency urgency() {
        return urgency;
    }

    /** Stops the thread and waits for its end. */
    @Override
    public void close() {
        resume();
        idleStrategy.close();
        runner.close();
        urgency.close();
    }
}
