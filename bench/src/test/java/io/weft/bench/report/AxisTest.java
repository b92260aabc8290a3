/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AxisTest {
    @ParameterizedTest
    @CsvSource({"9.2, 10", "10, 10", "10.1, 15", "0.37, 0.4", "287, 300", "1, 1"})
    void shouldEndAtARoundNumberNotUnderTheGreatestValue(final double greatest, final double end) {
        assertEquals(end, Axis.linear(greatest).end(), 1e-9);
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 0.001, 1, 3.3, 12, 99, 1e6})
    void shouldHaveFewTicks(final double greatest) {
        final int count = Axis.linear(greatest).ticks().size();

        assertTrue(count >= 3 && count <= 6, count + " ticks");
    }

    @Test
    void shouldHoldBothValuesWhenLogarithmic() {
        final Axis axis = Axis.decades(12, 4_500);

        assertEquals(List.of(10.0, 100.0, 1_000.0, 10_000.0), axis.ticks());
        assertEquals(0.5, axis.logarithmicFraction(316.2278), 1e-6);
        assertEquals(0, axis.logarithmicFraction(1), 0);
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "0.25, 0.25",
        "0.1234, 0.123",
        "9.256, 9.26",
        "15, 15",
        "15.94, 15.9",
        "287.4, 287",
        "12345, 12 345"
    })
    void shouldFormatWithThreeDigitsThatSaySomething(final double value, final String text) {
        assertEquals(text, Axis.format(value));
    }
}
