/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import io.weft.dataplane.counters.ThreadCounters;
import io.weft.linux.Poller;
import java.util.List;
import org.agrona.concurrent.IdleStrategy;
import org.agrona.concurrent.NanoClock;

/**
 * Waits in poll(2) for a packet, the doorbell, or the next second; before that it spins for a bounded time where that
 * pays. A spin keeps the core awake, which halves the latency of a request and its answer; but it takes the core from
 * whoever shares it, which costs throughput of a bulk transfer. So it spins for long only if the work before was sparse, as
 * single small packets are, and else no longer than about what waking a core costs; and only if the last wait was so short that a
 * long spin would have met its end. It yields at every turn. While it is urgent that packets are read it neither spins nor waits for one
 * of them, but rests for a fixed time ({@link Urgency}).
 *
 * <p>Belongs to the thread of the agents it is made for.
 */
final class PollIdleStrategy implements IdleStrategy {
    /** Bounds what a lost wake-up could cost, and lets an idle thread be seen alive. */
    private static final int MAX_WAIT_MS = 1000;

    /** Work of one waking up to which traffic counts as sparse: a few small packets, as against a superframe. */
    private static final int MAX_SPARSE_WORK = 8;

    /** How much shorter a spin behind bulk is: of 120 microseconds 30, where waking another core of a virtual machine takes 35. */
    private static final int BULK_DIVISOR = 4;

    /** Of each agent. */
    private static final int FDS = 2;

    private final PolledAgent[] agents;
    private final Doorbell doorbell;
    private final PausePoint pausePoint;
    private final Poller poller;
    private final Urgency urgency;
    private final NanoClock clock;
    private final long spinNs;
    private final ThreadCounters counters;
    private long idleSinceNs;
    private long countedUntilNs;
    private long cycleSinceNs;
    private long longestCycleNs;
    private boolean hasBegun;
    private long restedNs;
    private boolean wasUrgent;
    private long urgentUntilNs;
    private boolean idle;
    private long spinLimitNs;
    private boolean spinPays;
    private long workSinceIdle;
    private volatile boolean closing;

    PollIdleStrategy(
            final List<? extends PolledAgent> agents,
            final Doorbell doorbell,
            final PausePoint pausePoint,
            final Urgency urgency,
            final NanoClock clock,
            final long spinNs,
            final ThreadCounters counters) {
        this.agents = agents.toArray(new PolledAgent[0]);
        this.doorbell = doorbell;
        this.pausePoint = pausePoint;
        this.urgency = urgency;
        this.clock = clock;
        this.spinNs = spinNs;
        this.counters = counters;
        int outputs = 0;
        for (final PolledAgent agent : agents) {
            outputs += agent.maxOutputs();
        }
        poller = new Poller(FDS * this.agents.length + 1 + outputs);
    }

    @Override
    public void idle(final int workCount) {
        if (workCount > 0) {
            idle = false;
            workSinceIdle += workCount;
            counters.cycles().getAndAddPlain(1);
            final long nowNs = clock.nanoTime();
            counters.busyNs().getAndAddPlain(onCycle(nowNs));
            if (isUrgent(nowNs, true) && nowNs - restedNs >= Urgency.MAX_BUSY_NS) {
                rest();
                counters.busyNs().getAndAddPlain(restedNs - nowNs); // there is work all the same
            }
        } else {
            idle();
        }
    }

    @Override
    @SuppressWarnings("ThreadPriorityCheck") // a hint is all that the yield is meant to be
    public void idle() {
        final long nowNs = clock.nanoTime();
        onCycle(nowNs);
        if (isUrgent(nowNs, false)) {
            rest();
            counters.idleNs().getAndAddPlain(restedNs - nowNs);
            return;
        }
        if (!idle) {
            idle = true;
            idleSinceNs = nowNs;
            spinLimitNs = spinPays ? (workSinceIdle <= MAX_SPARSE_WORK ? spinNs : spinNs / BULK_DIVISOR) : 0;
            workSinceIdle = 0;
            countedUntilNs = nowNs;
        }
        count(nowNs);
        for (final PolledAgent agent : agents) {
            agent.onIdle();
        }
        if (nowNs - idleSinceNs < spinLimitNs) {
            counters.yields().getAndAddPlain(1);
            Thread.yield();
            return;
        }
        await();
        final long wokenNs = clock.nanoTime();
        count(wokenNs);
        spinPays = wokenNs - idleSinceNs < spinNs;
        idle = false;
        cycleSinceNs = wokenNs;
    }

    private boolean isUrgent(final long nowNs, final boolean hasWork) {
        final boolean isOn = urgency.onCycle(nowNs, hasWork);
        if (isOn) {
            counters.urgentNs().getAndAddPlain(wasUrgent ? nowNs - urgentUntilNs : 0);
            urgentUntilNs = nowNs;
        }
        wasUrgent = isOn;
        return isOn;
    }

    /** As idleness, but that nothing ends it before its time. */
    private void rest() {
        for (final PolledAgent agent : agents) {
            agent.onIdle();
        }
        Urgency.rest();
        restedNs = clock.nanoTime();
        cycleSinceNs = restedNs;
        idle = false;
        spinPays = false;
    }

    /**
     * A cycle has ended; returns how long it was, in nanoseconds. Whatever takes the thread from its work for long, packets wait for:
     * a cycle of its own, or whoever shares its core.
     */
    private long onCycle(final long nowNs) {
        final long durationNs = hasBegun ? nowNs - cycleSinceNs : 0;
        if (durationNs > longestCycleNs) {
            longestCycleNs = durationNs;
            counters.longestCycleNs().setPlain(durationNs);
        }
        hasBegun = true;
        cycleSinceNs = nowNs;
        return durationNs;
    }

    /** Spinning is idleness too; its last turn is not counted, for nobody looks at the clock when work is there. */
    private void count(final long nowNs) {
        counters.idleNs().getAndAddPlain(nowNs - countedUntilNs);
        countedUntilNs = nowNs;
    }

    private void await() {
        doorbell.expect();
        boolean work = closing || pausePoint.isWanted();
        for (int i = 0; i < agents.length; i++) {
            final PolledAgent agent = agents[i];
            work |= agent.hasWork();
            final boolean wantsInput = agent.wantsInput();
            poller.set(FDS * i, wantsInput ? agent.pollFd() : -1, Poller.POLLIN);
            poller.set(FDS * i + 1, wantsInput ? agent.secondPollFd() : -1, Poller.POLLIN);
        }
        boolean rung = false;
        if (!work) {
            poller.set(FDS * agents.length, doorbell.fd(), Poller.POLLIN);
            counters.polls().getAndAddPlain(1);
            poller.poll(setOutputs(FDS * agents.length + 1), MAX_WAIT_MS);
            rung = poller.isReady(FDS * agents.length);
        }
        doorbell.silence(rung);
    }

    /** Sets from {@code from} on what agents wait to write to, and returns how many descriptors that makes. */
    private int setOutputs(final int from) {
        int count = from;
        for (final PolledAgent agent : agents) {
            final int outputs = agent.outputs();
            for (int i = 0; i < outputs; i++) {
                poller.set(count++, agent.outputFd(i), Poller.POLLOUT);
            }
        }
        return count;
    }

    /** Any thread: never waits again, so that the thread sees that it is to end. */
    void close() {
        closing = true;
        doorbell.ring();
    }

    @Override
    public void reset() {
        idle = false;
    }

    @Override
    public String alias() {
        return "poll";
    }
}
