/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import io.weft.linux.Errno;
import io.weft.linux.SchedulingPolicy;
import io.weft.linux.TaskStat;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.agrona.CloseHelper;
import org.jspecify.annotations.Nullable;

/**
 * Has a data thread come before all ordinary ones while a receiver of its worker is behind, as the network code of the kernel always does.
 *
 * <p>A thread of real time is let in for each packet that wakes it, and two of them that did no more than a packet each time left the
 * programs nothing. So it does not wait for packets then but rests, for a time in which some come, as a network device moderates its
 * interrupts; in that time programs send, and receivers take what they were given.
 *
 * <p>Where an ordinary thread gets no processor, so that it cannot know how far behind it is, the {@link Booster} has it come first for a moment;
 * it does not rest then.
 *
 * <p>Belongs to the thread, but for what is the booster's.
 */
public final class Urgency implements AutoCloseable {
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

    /** The thread's rank: as it began. */
    private static final int ORDINARY = 0;

    /** It comes first by its own wish, since packets wait. */
    private static final int FIRST = 1;

    /** It was let in by the booster. */
    private static final int BOOSTED = 2;

    /** Its rank is being changed, by the one of the two threads that made it so, whose the policy is until then. */
    private static final int CHANGING = 3;

    /** It has not begun, or was refused any other rank. */
    private static final int FIXED = 4;

    private final List<Backlog> backlogs;
    private final List<Backlog> own;
    private final int priority;
    private final SchedulingRefusals refusals;
    private final AtomicInteger rank = new AtomicInteger(FIXED);
    private @Nullable SchedulingPolicy policy;
    private @Nullable TaskStat task;
    private boolean isOn;
    private boolean isBoostSeen;
    private long boostSeenNs;

    /**
     * @param backlogs of the worker's receivers, be they on this thread or not.
     * @param own those of them whose receiver is on this thread.
     * @param priority among threads of real time, 1 to 99, or {@link #NEVER}.
     * @param refusals told by the thread what it is refused.
     */
    public Urgency(
            final List<Backlog> backlogs,
            final List<Backlog> own,
            final int priority,
            final SchedulingRefusals refusals) {
        this.backlogs = backlogs;
        this.own = own;
        this.priority = priority;
        this.refusals = refusals;
    }

    /** The thread has begun. */
    void onStart(final long sliceNs) {
        final SchedulingPolicy calling = new SchedulingPolicy();
        final int result = calling.slice(sliceNs);
        if (result < 0) {
            refusals.onSliceRefused(-result);
        }
        if (NEVER == priority) {
            return;
        }
        policy = calling;
        try {
            task = TaskStat.ofCallingThread();
        } catch (final IOException untold) {
            task = null; // nobody can see whether it starves
        }
        rank.set(ORDINARY);
    }

    /** The thread has ended, and so has the booster. */
    @Override
    public void close() {
        CloseHelper.quietClose(task);
    }

    /** Whether the thread has a processor or waits for one, as far as that is known. The booster's thread. */
    boolean isRunnable() {
        try {
            return FIXED != rank.get() && null != task && task.isRunnable();
        } catch (final IOException ended) {
            return false;
        }
    }

    /**
     * Has the thread run before ordinary ones until it has read all there is, or for as long as it may. The booster's thread.
     *
     * @return false if it comes first already, or was refused it.
     */
    boolean boost() {
        if (!rank.compareAndSet(ORDINARY, CHANGING)) {
            return false;
        }
        for (int i = 0; i < own.size(); i++) {
            own.get(i).onStarved();
        }
        return comeFirst(BOOSTED);
    }

    boolean isBoosted() {
        return BOOSTED == rank.get();
    }

    /** Takes a boost back. The thread's own and the booster's. */
    void endBoost() {
        if (rank.compareAndSet(BOOSTED, CHANGING)) {
            becomeOrdinary(BOOSTED);
        }
    }

    /** Whose the policy is. */
    private boolean comeFirst(final int asRank) {
        final int result = null == policy ? -Errno.EINVAL : policy.makeRealTime(priority);
        rank.set(0 == result ? asRank : FIXED);
        // With EINVAL it has another policy than an ordinary one, from whoever started it.
        if (result < 0 && -Errno.EINVAL != result) {
            refusals.onRealTimeRefused(-result);
        }
        return 0 == result;
    }

    /** Whose the policy is; what is refused is tried again. */
    private boolean becomeOrdinary(final int fromRank) {
        final boolean isDone = null != policy && policy.makeOrdinary() >= 0;
        rank.set(isDone ? ORDINARY : fromRank);
        return isDone;
    }

    /**
     * The thread has ended a duty cycle.
     *
     * @param hasWork whether it found something to do.
     * @return as {@link #isOn()}.
     */
    boolean onCycle(final long nowNs, final boolean hasWork) {
        final boolean isBoosted = isBoosted();
        if (isBoosted && !isBoostSeen) {
            boostSeenNs = nowNs;
        }
        isBoostSeen = isBoosted;
        if (!isOn() && isBoosted && (!hasWork || nowNs - boostSeenNs >= MAX_BUSY_NS)) {
            endBoost();
        }
        return isOn;
    }

    /** Whether the thread is to rest in the place of waiting. */
    boolean isOn() {
        boolean isWanted = false;
        for (int i = 0; i < backlogs.size(); i++) {
            isWanted |= backlogs.get(i).isUrgent();
        }
        if (isWanted && !isOn) {
            isOn = rank.compareAndSet(BOOSTED, FIRST) || (rank.compareAndSet(ORDINARY, CHANGING) && comeFirst(FIRST));
        } else if (!isWanted && isOn) {
            isOn = !becomeOrdinary(FIRST); // until then it rests
        }
        return isOn;
    }

    /** Lets others run. */
    static void rest() {
        LockSupport.parkNanos(REST_NS);
    }
}
