/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.bench.lab.Jvm;
import io.weft.bench.lab.Offload;
import io.weft.bench.lab.Teardown;
import io.weft.bench.lab.Weftd;
import io.weft.bench.machine.MachineCosts;
import io.weft.linux.testing.RequiresRoot;
import io.weft.overlay.daemon.WeftdMain;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
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
    /** A few may be on their way when it is looked. */
    private static final double MOST = 0.9;

    /** Of the least packet, IP and UDP. */
    private static final int HEADERS_LENGTH = 28;

    private static final List<Offload> OFFLOADS = List.of(Offload.PASSTHROUGH, Offload.PLAIN);

    @Test
    void shouldTellEachStepThatItBeginsAndHowManyThereAre() throws IOException {
        final Plan plan = new Plan(PAIRINGS, OFFLOADS, MEASURES, 2, 1, OFFLOADS.subList(0, 1), 300, "reno", 1);
        final List<String> lines = new ArrayList<>();
        final List<String> statuses = new ArrayList<>();
        final Results results;
        try (Teardown teardown = new Teardown()) {
            final String prefix = "weft-benchtest-" + ProcessHandle.current().pid();
            results = new Benchmark(plan, lines::add, statuses::add)
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
        results.samples()
                .forEach(sample -> assertEquals(
                        Pairing.SINGLE == sample.pairing(),
                        sample.value(Metric.READS_PER_CARRIED) > 0,
                        () -> "the kernel has no daemon that reads: " + sample));
    }

    @Test
    void shouldCountWhatDaemonsDoForEachSuperframeAndPacket() throws IOException {
        final List<Measure> measures = List.of(Measure.TCP1, Measure.UDP64, Measure.REQUESTS1, Measure.LATENCY);
        final Plan plan = new Plan(
                List.of(Pairing.WEFT, Pairing.SINGLE), OFFLOADS.subList(0, 1), measures, 1, 1, List.of(), 0, null, 1);
        final Results results;
        try (Teardown teardown = new Teardown()) {
            final String prefix = "weft-benchtest-" + ProcessHandle.current().pid();
            results = new Benchmark(plan, line -> {}, status -> {})
                    .run(prefix, new Weftd(weftd(), List.of(), "", ""), teardown);
        }

        assertEquals(2 * measures.size(), results.samples().size());
        results.samples().forEach(BenchmarkTest::assertCounted);
        final MachineCosts costs = new MachineCosts(100, OptionalDouble.empty(), OptionalDouble.empty(), 40, 5);
        assertEquals(2 * measures.size(), FirstGuess.of(results, costs).size());
    }

    /** Without the launcher, but with the JVM options that it takes. */
    private static List<String> weftd() {
        final List<String> command = new ArrayList<>(List.of("sh", "-c", "exec \"$0\" $WEFT_JAVA_OPTS \"$@\""));
        command.addAll(Jvm.words(WeftdMain.class));
        return command;
    }

    private static void assertCounted(final Sample sample) {
        final double reads = sample.value(Metric.READS_PER_CARRIED);
        final double writes = sample.value(Metric.WRITES_PER_CARRIED);
        final double sends = sample.value(Metric.SENDS_PER_CARRIED);
        final double receives = sample.value(Metric.RECEIVES_PER_CARRIED);
        assertTrue(reads > 0 && writes > 0 && sends > 0 && receives > 0, sample::toString);
        if (Carried.SUPERFRAME == sample.measure().carried()) {
            assertTrue(reads + writes > 2 * MOST, () -> "each is read at one node and written at the other: " + sample);
        }
        if (Pairing.SINGLE == sample.pairing()) {
            assertTrue(reads > MOST && sends > MOST, () -> "one at a time: " + sample);
            assertTrue(
                    sample.value(Metric.DAEMON_DEVICE_CALLS_PER_SECOND)
                            > MOST * (reads + writes) * sample.value(Metric.CARRIED_PER_SECOND),
                    () -> "the kernel counts reads and writes too, but for those by io_uring: " + sample);
        }
        assertTrue(
                sample.value(Metric.COPIED_BYTES_PER_CARRIED) >= 4 * HEADERS_LENGTH,
                () -> "from the kernel and to it at each node: " + sample);
        assertTrue(sample.value(Metric.DAEMON_CALLS_PER_SECOND) > 0, sample::toString);
    }
}
