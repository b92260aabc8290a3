/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class BacklogTest {
    private static final long BATCH_NS = 100_000;
    private static final int BATCH = 64;

    private long nowNs = -1_000_000_000;
    private final Backlog backlog = new Backlog(() -> nowNs, null);

    /** One batch each tenth of a millisecond: 640 000 packets a second. */
    private void batches(final int pushed, final long durationNs, final boolean isMore) {
        final long endNs = nowNs + durationNs;
        while (nowNs - endNs < 0) {
            nowNs += BATCH_NS;
            backlog.onBatch(pushed, isMore);
        }
    }

    private void becomeUrgent() {
        batches(BATCH, Backlog.MANY / BATCH * BATCH_NS + BATCH_NS, true);
        assertTrue(backlog.isUrgent());
    }

    @Test
    void shouldStandAfterFiveMillisecondsAndNotWhenAllIsRead() {
        batches(1, Backlog.STANDING_NS, true);
        assertFalse(backlog.isStanding());
        batches(1, BATCH_NS, true);
        assertTrue(backlog.isStanding());
        batches(1, BATCH_NS, false);
        assertFalse(backlog.isStanding());
        batches(1, BATCH_NS, true);
        assertFalse(backlog.isStanding());
    }

    @Test
    void shouldBeUrgentWhenManyCameWithoutApause() {
        final int batches = 1 + (Backlog.MANY - 1) / BATCH;
        batches(BATCH, batches * BATCH_NS, true);
        assertFalse(backlog.isUrgent());
        batches(BATCH, BATCH_NS, true);
        assertTrue(backlog.isUrgent());
    }

    @Test
    void shouldNotBeUrgentWhereAllIsReadNowAndThen() {
        for (int i = 0; i < 100; i++) {
            batches(BATCH, Backlog.MANY / BATCH / 2 * BATCH_NS, true);
            batches(BATCH, BATCH_NS, false);
        }
        assertFalse(backlog.isUrgent());
    }

    /** Receivers of TCP hold their senders back. */
    @Test
    void shouldNotBeUrgentForWhatIsHeldBack() {
        batches(0, 1_000 * Backlog.STANDING_NS, true);
        assertTrue(backlog.isStanding());
        assertFalse(backlog.isUrgent());
    }

    /** As some UDP beside a stream of TCP that fills all batches. */
    @Test
    void shouldNotBeUrgentForFewBesideMuchElse() {
        batches(4, 20 * Backlog.MANY * BATCH_NS, true);
        assertFalse(backlog.isUrgent());
    }

    @Test
    void shouldBeUrgentNoLongerThanManyCome() {
        becomeUrgent();
        batches(BATCH, 10 * Backlog.WINDOW_NS, false);
        assertTrue(backlog.isUrgent(), "as many come, although all is read");
        batches(1, (Backlog.MAX_FEW_WINDOWS + 2) * Backlog.WINDOW_NS, false);
        assertFalse(backlog.isUrgent());
    }

    private void goesOnAfterMomentsOf(final int pushed, final int windows) {
        becomeUrgent();
        for (int i = 0; i < 10; i++) {
            batches(BATCH, 10 * Backlog.WINDOW_NS, false);
            batches(pushed, windows * Backlog.WINDOW_NS, false);
            assertTrue(backlog.isUrgent(), "after the " + i + "th moment");
        }
    }

    @Test
    void shouldGoOnWhereNothingComesForAmoment() {
        goesOnAfterMomentsOf(0, Backlog.MAX_FEW_WINDOWS);
    }

    /** What piled up while it was not looked at may have been many, and is read by an ordinary thread as well. */
    @Test
    void shouldNotBeUrgentForWhatWasThereWhenItWasFirstSeen() {
        batches(10 * Backlog.MANY, BATCH_NS, true);
        assertFalse(backlog.isUrgent());
        batches(0, BATCH_NS, false);
        batches(10 * Backlog.MANY, BATCH_NS, true);
        assertFalse(backlog.isUrgent());
    }

    @Test
    void shouldBeUrgentSoonAfterLongWithWhatIsHeldBack() {
        batches(0, 1_000 * Backlog.WINDOW_NS, true);
        batches(BATCH, 2 * Backlog.WINDOW_NS, true);
        assertTrue(backlog.isUrgent());
    }

    @Test
    void shouldEndWhenLessThanHalfAsManyCome() {
        becomeUrgent();
        batches(BATCH, Backlog.MIN_URGENCY_NS / 2, false);
        final int less = BATCH / 3;
        batches(less, Backlog.MAX_LESSER_WINDOWS * Backlog.WINDOW_NS, false);
        assertTrue(backlog.isUrgent(), "as whoever floods may be kept from its processor");
        batches(less, 3 * Backlog.WINDOW_NS, false);
        assertFalse(backlog.isUrgent());
    }

    @Test
    void shouldGoOnWhereLessComesForMomentsOnly() {
        goesOnAfterMomentsOf(BATCH / 3, Backlog.MAX_LESSER_WINDOWS);
    }

    @Test
    void shouldTryWhetherItIsOverLessAndLessOften() {
        becomeUrgent();
        long urgencyNs = Backlog.MIN_URGENCY_NS;
        for (int i = 0; i < 10; i++) {
            batches(BATCH, urgencyNs - Backlog.WINDOW_NS, false);
            assertTrue(backlog.isUrgent(), "urgent for the " + i + "th time");
            while (backlog.isUrgent()) {
                batches(BATCH, BATCH_NS, false);
            }
            batches(BATCH, (Backlog.MANY_AGAIN / BATCH + 1) * BATCH_NS, true);
            assertTrue(backlog.isUrgent(), "soon after, fewer tell");
            urgencyNs = Math.min(2 * urgencyNs, Backlog.MAX_URGENCY_NS);
        }
        assertEquals(Backlog.MAX_URGENCY_NS, urgencyNs);
    }

    @Test
    void shouldTakeWhatComesLongAfterForAnewOne() {
        becomeUrgent();
        batches(BATCH, Backlog.MIN_URGENCY_NS + Backlog.WINDOW_NS, false);
        assertFalse(backlog.isUrgent());
        nowNs += Backlog.MIN_URGENCY_NS;
        batches(BATCH, (Backlog.MANY_AGAIN / BATCH + 1) * BATCH_NS, true);
        assertFalse(backlog.isUrgent());
    }

    @Test
    void shouldBeUrgentAtOnceWhenManyWaitedForAstarvedThread() {
        backlog.onStarved();
        batches(Backlog.MANY_STARVED, BATCH_NS, false);
        assertTrue(backlog.isUrgent());
        batches(1, (Backlog.MAX_FEW_WINDOWS + 2) * Backlog.WINDOW_NS, false);
        assertFalse(backlog.isUrgent());
    }

    @Test
    void shouldCountWhatWaitedForAstarvedThreadUntilAllIsRead() {
        backlog.onStarved();
        batches(Backlog.MANY_STARVED / 2, BATCH_NS, true);
        assertFalse(backlog.isUrgent());
        batches(Backlog.MANY_STARVED / 2 - 1, BATCH_NS, false);
        assertFalse(backlog.isUrgent());
        batches(Backlog.MANY_STARVED, BATCH_NS, false);
        assertFalse(backlog.isUrgent(), "it did not starve again");
    }

    /** A receiver that never reads all, as with TCP, may see as many in the course of time. */
    @Test
    void shouldForgetThatAthreadStarvedSoonAfter() {
        backlog.onStarved();
        batches(1, 2 * Backlog.MANY_STARVED * BATCH_NS, true);
        assertFalse(backlog.isUrgent());
        batches(Backlog.MANY_STARVED, BATCH_NS, false);
        assertFalse(backlog.isUrgent());
    }
}
