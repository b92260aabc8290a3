/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class PaceTest {
    private static final long START_NS = -1_000; // what System.nanoTime() gives may be negative

    private final Pace pace = new Pace();

    @Test
    void shouldBeDueAtFirst() {
        assertTrue(pace.isDue(START_NS));
    }

    @Test
    void shouldBeDueAgainWhenWhatItTookIsASmallPartOfTheTimeSince() {
        pace.took(START_NS, START_NS + 100);
        assertFalse(pace.isDue(START_NS + Pace.PART * 100 - 1));
        assertTrue(pace.isDue(START_NS + Pace.PART * 100));
    }
}
