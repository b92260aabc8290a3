/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.bench.lab.Offload;
import io.weft.bench.stats.Spread;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ResultsTest {
    private static final Offload OFFLOAD = Offload.PASSTHROUGH;
    private static final Measure MEASURE = Measure.FLOOD64;
    private static final Metric METRIC = Metric.P50_US;

    private final Results results = new Results();

    private void add(final Pairing pairing, final int round, final double... values) {
        results.add(new Sample(
                pairing, OFFLOAD, MEASURE, round, 0 == values.length ? Map.of() : Map.of(METRIC, values[0])));
    }

    @Test
    void shouldCompareWithinARoundWhereOneSideLacksTheFigureOfAnother() {
        add(Pairing.WEFT, 0);
        add(Pairing.WEFT, 1, 20);
        add(Pairing.WEFT, 2, 90);
        add(Pairing.KERNEL, 0, 1);
        add(Pairing.KERNEL, 1, 10);
        add(Pairing.KERNEL, 2, 30);

        assertEquals(
                new Spread(55 / 20.0, 2, 3, 2),
                results.ratioToKernel(Pairing.WEFT, OFFLOAD, MEASURE, METRIC).orElseThrow());
        assertEquals(
                new Spread(55, 20, 90, 2),
                results.spread(Pairing.WEFT, OFFLOAD, MEASURE, METRIC).orElseThrow());
    }

    @Test
    void shouldHaveNoSpreadOfWhatNoRoundGave() {
        add(Pairing.WEFT, 0);
        add(Pairing.KERNEL, 0, 1);

        assertTrue(results.spread(Pairing.WEFT, OFFLOAD, MEASURE, METRIC).isEmpty());
        assertTrue(results.ratioToKernel(Pairing.WEFT, OFFLOAD, MEASURE, METRIC).isEmpty());
    }
}
