/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.soak;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class FlatnessTest {
    private static Flatness grown(final boolean isOneProcess, final double residentEach, final int descriptorsEach) {
        final Flatness flatness = new Flatness("weftd B", isOneProcess);
        for (int i = 0; i < 9; i++) {
            flatness.add(new Footprint(100 + i * residentEach, 10, 20, 40 + i * descriptorsEach, 15));
        }
        return flatness;
    }

    @Test
    void shouldComplainOfWhatGrowsToTheEnd() {
        assertEquals(List.of(), grown(true, 1, 1).complaints());
        assertEquals(
                List.of("weftd B: 170.0 resident MiB, after 140.0", "weftd B: 61.0 descriptors, after 52.0"),
                grown(true, 10, 3).complaints());
    }

    @Test
    void shouldSayNothingOfWhatIsThereForAMoment() {
        final Flatness flatness = new Flatness("weftd B", true);
        for (int i = 0; i < 9; i++) {
            flatness.add(new Footprint(7 == i ? 160 : 100, 10, 20, 7 == i ? 60 : 40, 15));
        }
        assertEquals(List.of(), flatness.complaints());
    }

    /** Of one that is replaced, the age decides what is resident. */
    @Test
    void shouldCompareDescriptorsOfOneThatIsReplaced() {
        assertEquals(
                List.of("weftd B: 61.0 descriptors, after 52.0"),
                grown(false, 10, 3).complaints());
    }

    @Test
    void shouldSayNothingOfAFewFootprints() {
        final Flatness flatness = new Flatness("weftd B", true);
        for (int i = 1; i < Flatness.FOOTPRINTS_MIN; i++) {
            flatness.add(new Footprint(100 * i, 10 * i, 20 * i, 40 * i, 15 * i));
        }
        assertEquals(List.of(), flatness.complaints());
    }
}
