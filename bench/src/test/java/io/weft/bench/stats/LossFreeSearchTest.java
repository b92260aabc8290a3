/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.stats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LossFreeSearchTest {
    private static final double RESOLUTION = 0.01;
    private static final double MAX_RATE = 100_000;

    private final LossFreeSearch search = new LossFreeSearch(RESOLUTION);

    @ParameterizedTest
    @ValueSource(doubles = {3_000, 42_000, 77_777, 99_999})
    void shouldFindTheCapacityWhenAllAboveItLoses(final double capacity) throws IOException {
        final double found = search.search(MAX_RATE, rate -> rate <= capacity ? 0 : 1 - capacity / rate);

        assertTrue(found <= capacity, found + " loses");
        assertTrue(capacity - found <= RESOLUTION * MAX_RATE, found + " is too far under " + capacity);
    }

    @Test
    void shouldTakeTheGreatestRateWhenItLosesNothing() throws IOException {
        assertEquals(MAX_RATE, search.search(MAX_RATE, rate -> 0));
    }

    @Test
    void shouldGiveZeroWhenEachRateLoses() throws IOException {
        assertEquals(0, search.search(MAX_RATE, rate -> 1e-9));
    }

    @Test
    void shouldNotBelieveALossThatDoesNotRepeat() throws IOException {
        final Set<Double> tried = new HashSet<>();

        final double found = search.search(MAX_RATE, rate -> tried.add(rate) || rate > 60_000 ? 0.1 : 0);

        assertEquals(60_000, found, RESOLUTION * MAX_RATE);
    }
}
