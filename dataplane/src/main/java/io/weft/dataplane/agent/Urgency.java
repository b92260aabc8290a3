/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import io.weft.linux.Errno;
import io.weft.linux.SchedulingPolicy;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Has a data thread come before all ordinary ones while a receiver of its worker is behind, as the network code of the kernel always does.
 *
 * <p>A thread of real time is let in for each packet that wakes it, and two of them that did no more than a packet each time left the
 * programs nothing. So it does not wait for packets then but rests, for a time in which some come, as a network device moderates its
 * interrupts; in that time programs send, and receivers take what they were given.
 *
 * <p>Belongs to the thread.
 */
public final class Urgency {
    /** Adds as much to the way of a packet at the most at each node; some thirty small ones come in it from a program that floods. */
    static final long REST_NS = TimeUnit.MICROSECONDS.toNanos(100);

    /**
     * After the duty cycle in which so much has passed it rests though it has work: others must not starve, an ordinary data thread of the
     * same processor among them, and the kernel must not stop it. That it would do for 50 ms of each second, to a thread of real time that
     * takes all of one (sched_rt_runtime_us).
     */
    static final long MAX_BUSY_NS = TimeUnit.MICROSECONDS.toNanos(500);

    /** A priority that no thread has: none is made one of real time. */
    public static final int NEVER = 0;

    private final List<Backlog> backlogs;
    private final int priority;
    private final SchedulingRefusals refusals;
    private @Nullable SchedulingPolicy policy;
    private boolean isOn;

    /**
     * @param backlogs of the worker's receivers, be they on this thread or not.
     * @param priority among threads of real time, 1 to 99, or {@link #NEVER}.
     * @param refusals told by the thread what it is refused.
     */
    public Urgency(final List<Backlog> backlogs, final int priority, final SchedulingRefusals refusals) {
        this.backlogs = backlogs;
        this.priority = priority;
        this.refusals = refusals;
    }

    /** The thread has begun. */
    void onStart(final long sliceNs) {
        final SchedulingPolicy own = new SchedulingPolicy();
        final int result = own.slice(sliceNs);
        if (result < 0) {
            refusals.onSliceRefused(-result);
        }
        policy = NEVER == priority ? null : own;
    }

    /** Whether the thread is to rest in the place of waiting. */
    boolean isOn() {
        boolean isWanted = false;
        for (int i = 0; i < backlogs.size(); i++) {
            isWanted |= backlogs.get(i).isUrgent();
        }
        if (isWanted != isOn && null != policy) {
            turn(policy, isWanted);
        }
        return isOn;
    }

    private void turn(final SchedulingPolicy own, final boolean toUrgent) {
        if (!toUrgent) {
            isOn = own.makeOrdinary() < 0; // which is tried again, and until then it rests
            return;
        }
        final int result = own.makeRealTime(priority);
        isOn = 0 == result;
        if (result < 0) {
            policy = null;
            if (-Errno.EINVAL != result) { // it has another policy than an ordinary one, from whoever started it
                refusals.onRealTimeRefused(-result);
            }
        }
    }

    /** Lets others run. */
    static void rest() {
        LockSupport.parkNanos(REST_NS);
    }
}
