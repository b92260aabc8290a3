/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.NanoClock;
import org.jspecify.annotations.Nullable;

/**
 * What a receiver does not get to read: whether there is always more, for how long, and whether that is urgent.
 *
 * <p>Where a receiver is behind for long with packets that nobody holds back, whoever sends them takes the processors that it would need,
 * and the host drops what it has no room for, from whoever it is. (Receivers of TCP and SCTP hold their senders back; who gets nothing but
 * that is behind for other reasons, and fares better as it is.) Nothing tells when that is over but trying: so it is urgent for a while, and
 * if the receiver is behind again soon after, for twice that while. It ends when few packets come, and when they are less than half as many
 * as came on average before: who sends what remains may have time for it, and would pay for rests.
 *
 * <p>Belongs to the receiver, but for {@link #isUrgent} and {@link #onStarved}.
 */
public final class Backlog {
    /** How long there may be more to read than a batch before it counts as standing, and not as a burst: as in CoDel (RFC 8289). */
    static final long STANDING_NS = TimeUnit.MILLISECONDS.toNanos(5);

    /**
     * So many without a pause are urgent: what an ordinary thread reads in two slices, for each of which it may have to wait longer. Those
     * do not count that were there when it was first seen that there is more. A burst may be as long, and costs some windows' urgency.
     */
    static final int MANY = 256;

    /** Soon after it was urgent fewer tell. */
    static final int MANY_AGAIN = MANY / 2;

    /** So many are urgent when the thread was let in because it got no processor, and they wait for it or come at once. */
    static final int MANY_STARVED = 64;

    /** So many in a batch may be the beginning of a flood: more than come while a thread that is not kept from its processor looks away. */
    static final int ALARMING = 16;

    static final long MIN_URGENCY_NS = TimeUnit.SECONDS.toNanos(4);
    static final long MAX_URGENCY_NS = TimeUnit.SECONDS.toNanos(64);

    /** How often it is looked whether many come yet. */
    static final long WINDOW_NS = TimeUnit.MILLISECONDS.toNanos(10);

    /** 50 000 packets a second, a tenth of what a thread by itself reads. */
    static final long MANY_IN_WINDOW = 500;

    /** In a row that bring few, or less than half: whoever floods may be kept from its processor for as long as some of them. */
    static final int MAX_FEW_WINDOWS = 2;

    static final int MAX_LESSER_WINDOWS = 10;

    private final NanoClock clock;
    private final @Nullable StarvationWatch watch;
    private boolean isBehind;
    private long behindSinceNs;
    private long countedSinceNs;
    private long counted;
    private boolean isStanding;
    private volatile boolean isUrgent;
    private long urgencyNs = MIN_URGENCY_NS;
    private long urgentUntilNs;

    /** Whether the receiver's thread was let in because it got no processor, and has not read all since. */
    private volatile boolean isStarved;

    private volatile long starvedNs;
    private long countedStarved;

    /** Whether it was urgent for as long as it was to be. */
    private boolean hasTried;

    private long windowSinceNs;
    private long pushedInWindow;

    /** What came while it is urgent, and in how long, but for windows that brought less than half. */
    private long pushedBefore;

    private long lengthBeforeNs;
    private int fewWindows;
    private int lesserWindows;

    /**
     * @param watch to be alarmed; null for none.
     */
    public Backlog(final NanoClock clock, final @Nullable StarvationWatch watch) {
        this.clock = clock;
        this.watch = watch;
    }

    /**
     * The receiver has read.
     *
     * @param pushed packets of this batch whose receivers do not hold their senders back.
     * @param isMore whether there is more to be read, as far as it knows.
     */
    public void onBatch(final int pushed, final boolean isMore) {
        if (pushed >= ALARMING && !isUrgent && null != watch) {
            watch.alarm();
        }
        final boolean isFlooded = isStarved && isFloodedAfter(pushed, isMore);
        if (!isMore && !isUrgent && !isFlooded) {
            isBehind = false;
            isStanding = false;
            return;
        }
        final long nowNs = clock.nanoTime();
        if (isBehind) {
            counted += pushed;
        } else {
            behindSinceNs = nowNs;
            countFrom(nowNs);
        }
        isBehind = isMore;
        isStanding = isMore && nowNs - behindSinceNs >= STANDING_NS;
        if (isUrgent) {
            relax(nowNs, pushed);
        } else {
            urge(nowNs, isFlooded);
        }
    }

    /** Any thread: the receiver's thread got no processor, and comes before ordinary ones now. What waits for it tells of a flood. */
    void onStarved() {
        starvedNs = clock.nanoTime();
        isStarved = true;
    }

    private boolean isFloodedAfter(final int pushed, final boolean isMore) {
        final long lengthNs = clock.nanoTime() - starvedNs;
        countedStarved += pushed;
        final boolean isFlooded = countedStarved >= MANY_STARVED && !isFew(countedStarved, lengthNs);
        if (isFlooded || !isMore || lengthNs >= WINDOW_NS) {
            countedStarved = 0;
            isStarved = false;
        }
        return isFlooded;
    }

    private void countFrom(final long nowNs) {
        countedSinceNs = nowNs;
        counted = 0;
    }

    private void urge(final long nowNs, final boolean isFlooded) {
        final boolean isAgain = hasTried && nowNs - urgentUntilNs < urgencyNs;
        final long lengthNs = nowNs - countedSinceNs;
        if (!isFlooded && (counted < (isAgain ? MANY_AGAIN : MANY) || isFew(counted, lengthNs))) {
            if (lengthNs >= WINDOW_NS) {
                countFrom(nowNs); // it may have been behind for long with what is held back
            }
            return;
        }
        urgencyNs = isAgain ? Math.min(2 * urgencyNs, MAX_URGENCY_NS) : MIN_URGENCY_NS;
        urgentUntilNs = nowNs + urgencyNs;
        windowSinceNs = nowNs;
        pushedInWindow = 0;
        pushedBefore = 0;
        lengthBeforeNs = 0;
        fewWindows = 0;
        lesserWindows = 0;
        isUrgent = true;
    }

    private void relax(final long nowNs, final int pushed) {
        pushedInWindow += pushed;
        final long lengthNs = nowNs - windowSinceNs;
        if (lengthNs < WINDOW_NS) {
            return;
        }
        fewWindows = isFew(pushedInWindow, lengthNs) ? fewWindows + 1 : 0;
        if (lengthBeforeNs > 0 && 2.0 * pushedInWindow / lengthNs < (double) pushedBefore / lengthBeforeNs) {
            lesserWindows++;
        } else {
            lesserWindows = 0;
            pushedBefore += pushedInWindow;
            lengthBeforeNs += lengthNs;
        }
        hasTried = nowNs - urgentUntilNs >= 0;
        if (hasTried || fewWindows > MAX_FEW_WINDOWS || lesserWindows > MAX_LESSER_WINDOWS) {
            isUrgent = false;
            isBehind = false;
        }
        windowSinceNs = nowNs;
        pushedInWindow = 0;
    }

    private static boolean isFew(final long packets, final long lengthNs) {
        return packets * WINDOW_NS < MANY_IN_WINDOW * lengthNs;
    }

    /** Whether the receiver has been behind for longer than a burst is. */
    public boolean isStanding() {
        return isStanding;
    }

    /** Whether the threads of this receiver's worker should come before others. Any thread. */
    public boolean isUrgent() {
        return isUrgent;
    }
}
