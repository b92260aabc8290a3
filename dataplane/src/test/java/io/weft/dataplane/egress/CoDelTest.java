/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Of a flow that waits for long packets are dropped, the more often the longer it does, and of one that only had a burst none is. */
class CoDelTest {
    private static final int FLOW = 5;
    private static final long MS = 1_000_000;
    private static final long LONG_NS = 10 * CoDel.TARGET_NS;

    private final CoDel coDel = new CoDel(8);
    private long nowNs = -1_000 * MS;

    private boolean drops(final long waitedNs) {
        return coDel.shouldDrop(FLOW, nowNs - waitedNs, nowNs);
    }

    /** Lets a flow wait for so long, a frame each millisecond. Returns how many were dropped. */
    private int stand(final long durationNs) {
        int dropped = 0;
        for (final long end = nowNs + durationNs; nowNs < end; nowNs += MS) {
            dropped += drops(LONG_NS) ? 1 : 0;
        }
        return dropped;
    }

    @Test
    void shouldLetABurstBe() {
        assertEquals(0, stand(CoDel.INTERVAL_NS));
        assertFalse(drops(CoDel.TARGET_NS - 1), "the burst has left");
        assertEquals(0, stand(CoDel.INTERVAL_NS), "another one");
    }

    @Test
    void shouldDropOnceAnIntervalAtFirst() {
        stand(CoDel.INTERVAL_NS);
        assertTrue(drops(LONG_NS));
        nowNs += MS;
        assertEquals(0, stand(CoDel.INTERVAL_NS - MS));
        assertTrue(drops(LONG_NS));
    }

    @Test
    void shouldDropMoreAndMoreOftenTheLongerAFlowStands() {
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
        assertFalse(drops(CoDel.TARGET_NS - 1));
        assertEquals(0, stand(CoDel.INTERVAL_NS));
        assertTrue(stand(CoDel.INTERVAL_NS) > 3, "what was learned is not forgotten at once");
        assertFalse(drops(0));
        nowNs += 100 * CoDel.INTERVAL_NS;
        stand(CoDel.INTERVAL_NS);
        assertEquals(1, stand(CoDel.INTERVAL_NS), "after a long rest it is");
    }

    @Test
    void shouldBeginAnewWhenTheQueueWasShort() {
        stand(20 * CoDel.INTERVAL_NS);
        coDel.onShort(FLOW);
        nowNs += 1_000 * CoDel.INTERVAL_NS;
        assertEquals(0, stand(CoDel.INTERVAL_NS));
    }

    /** The socket took nothing: nobody could have been dropped meanwhile. */
    @Test
    void shouldNotMakeUpForATimeInWhichNothingLeft() {
        stand(2 * CoDel.INTERVAL_NS);
        nowNs += 100 * CoDel.INTERVAL_NS;
        assertTrue(drops(LONG_NS));
        assertFalse(drops(LONG_NS));
    }

    @Test
    void shouldDropOfEachFlowForItself() {
        stand(2 * CoDel.INTERVAL_NS);
        assertFalse(coDel.shouldDrop(FLOW + 1, nowNs - LONG_NS, nowNs));
    }
}
