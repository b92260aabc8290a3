/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Where a data thread stands still, between two duty cycles, when another thread wants it to. What the one wrote before is seen by the
 * other then. It costs the data thread one read in each cycle.
 */
final class PausePoint {
    private static final int NONE = 0;
    private static final long LOOK_INTERVAL_NS = TimeUnit.MICROSECONDS.toNanos(50);

    /** The pause that is wanted; each has a number of its own, so that none is taken for the one before. */
    private volatile int wanted = NONE;

    private volatile int reached = NONE;
    private int number = NONE;

    /** Data thread: stands still while that is wanted. */
    void pass() {
        final int pause = wanted;
        if (NONE == pause) {
            return;
        }
        reached = pause;
        while (wanted == pause && !Thread.currentThread().isInterrupted()) {
            LockSupport.park(this);
        }
    }

    /** Whether the data thread is to stand still: then it does not wait before. */
    boolean isWanted() {
        return NONE != wanted;
    }

    /** Wants the data thread to stand still. As all that follows, by one thread at a time. */
    void request() {
        wanted = ++number;
    }

    /**
     * Waits until it does.
     *
     * @param deadlineNs by {@link System#nanoTime}.
     * @return false if it does not come to that.
     */
    boolean await(final long deadlineNs) throws InterruptedException {
        while (reached != number) {
            if (System.nanoTime() - deadlineNs >= 0) {
                return false;
            }
            LockSupport.parkNanos(this, LOOK_INTERVAL_NS);
            if (Thread.interrupted()) {
                throw new InterruptedException("while a data thread was to stand still");
            }
        }
        return true;
    }

    /** Lets it go on. */
    void release(final Thread dataThread) {
        wanted = NONE;
        LockSupport.unpark(dataThread);
    }
}
