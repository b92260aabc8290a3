/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class SockperfTest {
    /** As sockperf 3.7 prints it, with its colours. */
    private static final String OUTPUT = """
            sockperf: \u001b[2;35mSummary: Latency is 33.812 usec\u001b[0m
            sockperf: Total 59001 observations; each percentile contains 590.01 observations
            sockperf: ---> <MAX> observation =  512.345
            sockperf: ---> percentile 99.900 =  101.250
            sockperf: ---> percentile 99.000 =   70.125
            sockperf: ---> percentile 50.000 =   33.800
            """;

    @Test
    void shouldReadPercentiles() throws IOException {
        assertEquals(new Sockperf.Latency(33.8, 70.125, 101.25), Sockperf.parse(OUTPUT));
    }

    @Test
    void shouldTellWhatWasPrintedWhenThereAreNoPercentiles() {
        final IOException ex = assertThrows(IOException.class, () -> Sockperf.parse("No messages were received"));

        assertEquals("sockperf gave no percentile 50.000: No messages were received", ex.getMessage());
    }
}
