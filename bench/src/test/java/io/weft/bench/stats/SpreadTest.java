/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.stats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class SpreadTest {
    private static final double EXACT = 1e-12;

    @Test
    void shouldTakeTheMiddleWhenTheCountIsOdd() {
        final Spread spread = Spread.of(9, 1, 5);

        assertEquals(new Spread(5, 1, 9, 3), spread);
    }

    @Test
    void shouldTakeTheMeanOfTheMiddleTwoWhenTheCountIsEven() {
        assertEquals(4, Spread.of(9, 1, 5, 3).median(), EXACT);
    }

    @Test
    void shouldRefuseNoValues() {
        assertThrows(IllegalArgumentException.class, Spread::of);
    }

    @Test
    void shouldCompareMediansAndBoundByRounds() {
        final Spread ratio = Spread.ofRatios(new double[] {2, 6}, new double[] {4, 4});

        assertEquals(1, ratio.median(), EXACT);
        assertEquals(0.5, ratio.min(), EXACT);
        assertEquals(1.5, ratio.max(), EXACT);
        assertEquals(2, ratio.count());
    }

    @Test
    void shouldRefuseRoundsThatOneSideLacks() {
        final double[] two = {2, 6};

        assertThrows(IllegalArgumentException.class, () -> Spread.ofRatios(two, new double[] {4}));
    }

    @Test
    void shouldGiveTheWidthAsFractionOfTheMedian() {
        assertEquals(0.4, Spread.of(8, 10, 12).relativeWidth(), EXACT);
        assertEquals(0, Spread.of(0).relativeWidth(), EXACT);
    }
}
