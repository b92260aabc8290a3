/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.bench.lab.Offload;
import io.weft.bench.machine.MachineCosts;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class FirstGuessTest {
    /** 500 ns a call, wake-ups of 2 and 20 µs, copies at 40 and 5 GB/s. */
    private static final MachineCosts COSTS =
            new MachineCosts(500, OptionalDouble.of(2_000), OptionalDouble.of(20_000), 40, 5);

    private static Results results(final Pairing pairing) {
        return results(pairing, Measure.TCP1);
    }

    private static Results results(final Pairing pairing, final Measure measure) {
        final Results results = new Results();
        results.add(new Sample(
                pairing,
                Offload.SEGMENT,
                measure,
                0,
                Map.of(
                        Metric.DAEMON_PROCESSORS, 1.25,
                        Metric.DAEMON_CALLS_PER_SECOND, 200_000.0,
                        Metric.DAEMON_WAITS_PER_SECOND, 10_000.0,
                        Metric.COPIED_BYTES_PER_SECOND, 4e9,
                        Metric.READS_PER_CARRIED, 1.5,
                        Metric.COPIED_BYTES_PER_CARRIED, 12_000.0)));
        return results;
    }

    @Test
    void shouldMultiplyWhatWasCountedWithWhatTheMachineTakes() {
        final List<FirstGuess> guesses = FirstGuess.of(results(Pairing.WEFT), COSTS);
        assertEquals(
                List.of("weft, tcp1, segment: daemons take 1.25 processors; calls 0.10, wake-ups 0.02 to 0.20,"
                        + " copies 0.10 to 0.80"),
                guesses.stream().map(FirstGuess::toString).toList());
    }

    /** Whatever talks: requests, a ping-pong and many flows make calls and wake-ups too. */
    @ParameterizedTest
    @EnumSource(names = {"TCP1", "UDP64", "UDPGSO", "FLOWS100", "REQUESTS64", "CONNECTIONS", "LATENCY", "FLOOD64"})
    void shouldGuessForWhateverWasCounted(final Measure measure) {
        final List<FirstGuess> guesses = FirstGuess.of(results(Pairing.SINGLE, measure), COSTS);
        assertEquals(1, guesses.size());
        assertEquals(
                List.of("1.50", "-", "-", "-", "-", "-", "-", "12.00"),
                guesses.get(0).countedText());
    }

    @Test
    void shouldGuessNothingWhereTheKernelForwardsToo() {
        assertEquals(List.of(), FirstGuess.of(results(Pairing.WEFT_KERNEL), COSTS));
    }
}
