/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.bench.traffic.Ping;
import java.util.Map;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

class FloodTest {
    @Test
    void shouldGiveLatenciesOfTheEchoesThatWereAnswered() {
        final Histogram roundTripsNs = new Histogram(3);
        roundTripsNs.recordValue(2_000);

        assertEquals(
                Map.of(
                        Metric.ANSWERED_PERCENT, 0.5,
                        Metric.RECEIVED_PER_SECOND, 1e6,
                        Metric.P50_US, 2.0,
                        Metric.P99_US, 2.0),
                Flood.values(new Ping.Echoes(0.5, roundTripsNs), 1e6));
    }

    @Test
    void shouldGiveNoLatencyWhereNoEchoIsAnswered() {
        assertEquals(
                Map.of(Metric.ANSWERED_PERCENT, 0.0, Metric.RECEIVED_PER_SECOND, 1e6),
                Flood.values(new Ping.Echoes(0, new Histogram(3)), 1e6));
    }
}
