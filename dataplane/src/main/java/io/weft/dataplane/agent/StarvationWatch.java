/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import java.util.List;

/**
 * Sees whether the data threads of one worker starve. One does that ended no duty cycle between two looks, and was about to run at both: on a
 * processor or waiting for one. One that is long at a single duty cycle is taken for it; it is let in, and for a bounded time.
 *
 * <p>Belongs to the booster's thread, but for {@link #alarm}.
 */
public final class StarvationWatch {
    /** So many looks without an alarm, and the worker is left alone. */
    private static final int MAX_QUIET_LOOKS = 200;

    /** After so many without the end of a duty cycle it is no want of a processor that the thread has, and it must not take one from others. */
    static final int MAX_BOOSTED_LOOKS = 20;

    private final Booster booster;
    private AgentThread[] threads = {};
    private long[] dutyCycles = {};
    private boolean[] wasRunnable = {};
    private int[] boostedLooks = {};
    private int quietLooks = MAX_QUIET_LOOKS;
    private volatile boolean isAlarmed;

    StarvationWatch(final Booster booster) {
        this.booster = booster;
    }

    /** Before the booster is started. */
    public void threads(final List<AgentThread> ofWorker) {
        threads = ofWorker.toArray(new AgentThread[0]);
        dutyCycles = new long[threads.length];
        wasRunnable = new boolean[threads.length];
        boostedLooks = new int[threads.length];
    }

    /** Any thread: a receiver of the worker got many packets at once that nobody holds back. */
    void alarm() {
        if (!isAlarmed) {
            isAlarmed = true;
        }
        booster.wakeUp();
    }

    boolean isAlarmed() {
        return isAlarmed;
    }

    /** Boosts who starves; returns whether there is to be another look soon. */
    boolean look() {
        final boolean isFirst = quietLooks >= MAX_QUIET_LOOKS;
        if (isAlarmed) {
            isAlarmed = false;
            quietLooks = 0;
        } else {
            quietLooks++;
        }
        if (quietLooks >= MAX_QUIET_LOOKS) {
            quietLooks = MAX_QUIET_LOOKS;
            endBoosts();
            return false;
        }
        for (int i = 0; i < threads.length; i++) {
            look(i, isFirst);
        }
        return true;
    }

    /** Nobody would look after them. */
    private void endBoosts() {
        for (final AgentThread thread : threads) {
            thread.urgency().endBoost();
        }
    }

    private void look(final int i, final boolean isFirst) {
        final Urgency urgency = threads[i].urgency();
        final long ended = threads[i].dutyCycles();
        final boolean hasTurned = isFirst || ended != dutyCycles[i];
        dutyCycles[i] = ended;
        final boolean isRunnable = !hasTurned && urgency.isRunnable();
        if (isRunnable && wasRunnable[i] && urgency.boost()) {
            threads[i].onBoosted();
        }
        wasRunnable[i] = isRunnable;
        boostedLooks[i] = isRunnable && urgency.isBoosted() ? boostedLooks[i] + 1 : 0;
        if (boostedLooks[i] > MAX_BOOSTED_LOOKS) {
            urgency.endBoost();
        }
    }
}
