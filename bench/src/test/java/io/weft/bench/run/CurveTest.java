/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.bench.lab.Offload;
import java.util.List;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

class CurveTest {
    @Test
    void shouldGiveLatenciesInMicroseconds() {
        final Histogram histogram = new Histogram(3);
        for (int us = 1; us <= 1_000; us++) {
            histogram.recordValue(us * 1_000L);
        }
        final Curve curve =
                new Curve(Pairing.WEFT, Offload.PLAIN, Measure.LOSSFREE, 50, 1, 1_000, 0, 0, Curve.points(histogram));

        assertEquals(500, curve.latencyUs(50), 10);
        assertEquals(990, curve.latencyUs(99), 10);
        assertEquals(1_000, curve.latencyUs(100), 1);
    }

    @Test
    void shouldGiveZeroWhenNothingArrived() {
        assertEquals(
                0, new Curve(Pairing.WEFT, Offload.PLAIN, Measure.LOSSFREE, 50, 1, 1, 1, 0, List.of()).latencyUs(99));
    }
}
