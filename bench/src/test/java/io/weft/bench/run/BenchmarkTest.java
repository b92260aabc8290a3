/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.bench.lab.Offload;
import io.weft.bench.lab.Teardown;
import io.weft.bench.lab.Weftd;
import io.weft.linux.testing.RequiresRoot;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

@RequiresRoot
class BenchmarkTest {
    private static final List<Pairing> PAIRINGS = List.of(Pairing.KERNEL, Pairing.SINGLE);
    private static final List<Measure> MEASURES = List.of(
            Measure.FLOWS100,
            Measure.REQUESTS64,
            Measure.CONNECTIONS,
            Measure.LATENCY,
            Measure.FLOOD64,
            Measure.LOSSFREE,
            Measure.LOSSFREE1300);
    private static final List<Offload> OFFLOADS = List.of(Offload.PASSTHROUGH, Offload.PLAIN);

    @Test
    void shouldTellEachStepThatItBeginsAndHowManyThereAre() throws IOException {
        final Plan plan = new Plan(PAIRINGS, OFFLOADS, MEASURES, 2, 1, OFFLOADS.subList(0, 1), 300, "reno", 1);
        final List<String> lines = new ArrayList<>();
        final List<String> statuses = new ArrayList<>();
        try (Teardown teardown = new Teardown()) {
            final String prefix = "weft-benchtest-" + ProcessHandle.current().pid();
            new Benchmark(plan, lines::add, statuses::add)
                    .run(prefix, new Weftd(List.of(), List.of(), "", ""), teardown);
        }

        for (int i = 0; i < statuses.size(); i++) {
            assertTrue(statuses.get(i).startsWith("[" + (i + 1) + "/" + plan.steps() + "] "), statuses.toString());
        }
        assertTrue(statuses.contains("[1/" + plan.steps() + "] bring up kernel"), statuses.toString());
        // Where nothing is forwarded without loss, there are no latencies at fractions of the rate.
        final long without = lines.stream()
                .filter(line -> line.contains("no rate without loss"))
                .count();
        assertEquals(plan.steps(), statuses.size() + without * Plan.LOAD_PERCENTS.size(), statuses.toString());
    }
}
