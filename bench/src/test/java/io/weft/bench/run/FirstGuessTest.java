/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.bench.lab.Offload;
import io.weft.bench.machine.MachineCosts;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

class FirstGuessTest {
    /** 500 ns a call, wake-ups of 2 and 20 µs, copies at 40 and 5 GB/s. */
    private static final MachineCosts COSTS =
            new MachineCosts(500, OptionalDouble.of(2_000), OptionalDouble.of(20_000), 40, 5);

    private static Results results(final Pairing pairing) {
        final Results results = new Results();
        results.add(new Sample(
                pairing,
                Offload.SEGMENT,
                Measure.TCP1,
                0,
                Map.of(
                        Metric.DAEMON_PROCESSORS, 1.25,
                        Metric.DAEMON_CALLS_PER_SECOND, 200_000.0,
                        Metric.DAEMON_WAITS_PER_SECOND, 10_000.0,
                        Metric.PAYLOAD_BYTES_PER_SECOND, 1e9)));
        return results;
    }

    @Test
    void shouldMultiplyWhatWasCountedWithWhatTheMachineTakes() {
        final List<FirstGuess> guesses = FirstGuess.of(results(Pairing.WEFT), COSTS);
        assertEquals(
                List.of(
                        "weft, tcp1, segment: daemons take 1.25 processors; calls of the TUN 0.10, wake-ups 0.02 to 0.20,"
                                + " copies 0.10 to 0.80"),
                guesses.stream().map(FirstGuess::toString).toList());
    }

    @Test
    void shouldGuessNothingWhereTheKernelForwardsToo() {
        assertEquals(List.of(), FirstGuess.of(results(Pairing.WEFT_KERNEL), COSTS));
    }
}
