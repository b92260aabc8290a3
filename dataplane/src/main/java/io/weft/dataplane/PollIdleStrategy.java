/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.linux.Poller;
import java.util.List;
import org.agrona.concurrent.IdleStrategy;
import org.agrona.concurrent.NanoClock;

/**
 * Spins for a bounded time and then waits in poll(2) for a packet, the doorbell, or the next second. Belongs to the
 * thread of the agents it is made for.
 */
final class PollIdleStrategy implements IdleStrategy {
    /** Bounds what a lost wake-up could cost, and lets an idle thread be seen alive. */
    private static final int MAX_WAIT_MS = 1000;

    private final PolledAgent[] agents;
    private final Doorbell doorbell;
    private final Poller poller;
    private final NanoClock clock;
    private final long spinNs;
    private long idleSinceNs;
    private boolean idle;
    private volatile boolean closing;

    PollIdleStrategy(
            final List<? extends PolledAgent> agents,
            final Doorbell doorbell,
            final NanoClock clock,
            final long spinNs) {
        this.agents = agents.toArray(new PolledAgent[0]);
        this.doorbell = doorbell;
        this.clock = clock;
        this.spinNs = spinNs;
        poller = new Poller(this.agents.length + 1);
    }

    @Override
    public void idle(final int workCount) {
        if (workCount > 0) {
            idle = false;
        } else {
            idle();
        }
    }

    @Override
    public void idle() {
        if (spinNs > 0) {
            final long nowNs = clock.nanoTime();
            if (!idle) {
                idle = true;
                idleSinceNs = nowNs;
            }
            if (nowNs - idleSinceNs < spinNs) {
                Thread.onSpinWait();
                return;
            }
        }
        await();
        idle = false;
    }

    private void await() {
        doorbell.expect();
        boolean work = closing;
        for (int i = 0; i < agents.length; i++) {
            final PolledAgent agent = agents[i];
            work |= agent.hasWork();
            poller.set(i, agent.wantsInput() ? agent.pollFd() : -1, Poller.POLLIN);
        }
        boolean rung = false;
        if (!work) {
            poller.set(agents.length, doorbell.fd(), Poller.POLLIN);
            poller.poll(MAX_WAIT_MS);
            rung = poller.isReady(agents.length);
        }
        doorbell.silence(rung);
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
