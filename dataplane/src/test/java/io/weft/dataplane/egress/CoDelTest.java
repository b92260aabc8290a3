/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** A flow is told that it waits too long, the more often the longer it does, and one that only had a burst is not. */
class CoDelTest {
    private static final int FLOW = 5;
    private static final long MS = 1_000_000;
    private static final long LONG_NS = 10 * CoDel.TARGET_NS;

    private final CoDel coDel = new CoDel(8);
    private long nowNs = -1_000 * MS;

    private boolean tells(final long waitedNs) {
        return coDel.tells(FLOW, nowNs - waitedNs, nowNs, false);
    }

    /** Lets a flow wait for so long, a frame each millisecond. Returns how often it was told. */
    private int stand(final long durationNs) {
        int told = 0;
        for (final long end = nowNs + durationNs; nowNs < end; nowNs += MS) {
            told += tells(LONG_NS) ? 1 : 0;
        }
        return told;
    }

    @Test
    void shouldLetABurstBe() {
        assertEquals(0, stand(CoDel.INTERVAL_NS));
        assertFalse(tells(CoDel.TARGET_NS - 1), "the burst has left");
        assertEquals(0, stand(CoDel.INTERVAL_NS), "another one");
    }

    @Test
    void shouldTellAFlowThatStandsOnceAnIntervalAtFirst() {
        stand(CoDel.INTERVAL_NS);
        assertTrue(tells(LONG_NS));
        nowNs += MS;
        assertEquals(0, stand(CoDel.INTERVAL_NS - MS));
        assertTrue(tells(LONG_NS));
    }

    @Test
    void shouldTellMoreAndMoreOftenTheLongerAFlowStands() {
        stand(CoDel.INTERVAL_NS);
        final int first = stand(10 * CoDel.INTERVAL_NS);
        final int second = stand(10 * CoDel.INTERVAL_NS);
        final int third = stand(10 * CoDel.INTERVAL_NS);
        assertTrue(first < second && second < third, first + ", " + second + ", " + third);
        // by the control law the n-th comes after 2 * sqrt(n) intervals
        assertEquals(30 * 30 / 4, first + second + third, 30);
    }

    @Test
    void shouldStopWhenWaitingIsShortAgainAndGoOnAsBeforeWhenItSoonIsNot() {
        stand(20 * CoDel.INTERVAL_NS);
        assertFalse(tells(CoDel.TARGET_NS - 1));
        assertEquals(0, stand(CoDel.INTERVAL_NS));
        assertTrue(stand(CoDel.INTERVAL_NS) > 3, "what was learned is not forgotten at once");
        assertFalse(tells(0));
        nowNs += 100 * CoDel.INTERVAL_NS;
        stand(CoDel.INTERVAL_NS);
        assertEquals(1, stand(CoDel.INTERVAL_NS), "after a long rest it is");
    }

    @Test
    void shouldNotTakeTheLastThatWaits() {
        stand(CoDel.INTERVAL_NS);
        assertFalse(coDel.tells(FLOW, nowNs - LONG_NS, nowNs, true));
        assertFalse(tells(LONG_NS), "the queue was gone");
    }

    @Test
    void shouldTellEachFlowForItself() {
        stand(2 * CoDel.INTERVAL_NS);
        assertFalse(coDel.tells(FLOW + 1, nowNs - LONG_NS, nowNs, false));
    }
}
