/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import io.weft.linux.Errno;
import io.weft.linux.SchedulingPolicy;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Lets in data threads that starve while a flood begins: that have something to do, and get no processor. A thread cannot see that of
 * itself. (It is what stalld does for any thread of a host, whose patience is seconds.)
 *
 * <p>A thread of real time of its own, which sleeps until a receiver gets many packets at once that nobody holds back, and then looks at the
 * threads of that worker ({@link StarvationWatch}) until it has got as many no more for a while.
 */
public final class Booster implements AutoCloseable {
    static final String NAME = "weft-booster";

    /** A data thread starves for twice to three times as long before it is let in; slices of ordinary threads are longer. */
    private static final long LOOK_NS = TimeUnit.MICROSECONDS.toNanos(500);

    private static final int MAX_PRIORITY = 99;

    private final int priority;
    private final SchedulingRefusals refusals;
    private final Thread runner;
    private final List<StarvationWatch> watches = new ArrayList<>();
    private volatile boolean isAsleep;
    private volatile boolean isClosing;

    /**
     * @param priority of the data threads among threads of real time, 1 to 99; the booster comes before them where there is a higher one.
     * @param refusals told if there is none for it; then nobody is let in.
     */
    public Booster(final int priority, final SchedulingRefusals refusals) {
        this.priority = Math.min(priority + 1, MAX_PRIORITY);
        this.refusals = refusals;
        runner = new Thread(this::run, NAME);
        runner.setDaemon(true);
    }

    /** A watch over one worker, before {@link #start}. */
    public StarvationWatch newWatch() {
        final StarvationWatch watch = new StarvationWatch(this);
        watches.add(watch);
        return watch;
    }

    /** Begins to look after the data threads, which have begun or are about to. */
    public void start() {
        runner.start();
    }

    /** Any thread: a watch is alarmed. Costs no call unless the booster sleeps. */
    void wakeUp() {
        if (isAsleep) {
            LockSupport.unpark(runner);
        }
    }

    private void run() {
        final int result = new SchedulingPolicy().makeRealTime(priority);
        if (result < 0 && -Errno.EINVAL != result) { // else it has such a policy, from whoever started the process
            refusals.onRealTimeRefused(-result);
            return;
        }
        while (!isClosing) {
            if (look()) {
                LockSupport.parkNanos(this, LOOK_NS);
            } else {
                sleep();
            }
        }
    }

    private boolean look() {
        boolean isOn = false;
        for (int i = 0; i < watches.size(); i++) {
            isOn |= watches.get(i).look();
        }
        return isOn;
    }

    private void sleep() {
        isAsleep = true;
        while (!isAlarmed() && !isClosing) {
            LockSupport.park(this);
        }
        isAsleep = false;
    }

    private boolean isAlarmed() {
        for (int i = 0; i < watches.size(); i++) {
            if (watches.get(i).isAlarmed()) {
                return true;
            }
        }
        return false;
    }

    /** Waits until nobody is let in any more: before a data thread ends, for the kernel may give its number to another. */
    @Override
    public void close() {
        isClosing = true;
        LockSupport.unpark(runner);
        boolean isInterrupted = false;
        while (runner.isAlive()) {
            try {
                runner.join();
            } catch (final InterruptedException interruption) {
                isInterrupted = true;
            }
        }
        if (isInterrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
