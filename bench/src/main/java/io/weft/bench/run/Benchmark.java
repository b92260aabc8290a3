/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import io.weft.bench.lab.Offload;
import io.weft.bench.lab.Teardown;
import io.weft.bench.lab.Weftd;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Runs a plan. All pairings are up at once and take turns at each measurement, in changing order, so that whatever the
 * machine does from minute to minute hits them alike.
 */
public final class Benchmark {
    private static final double WARM_UP_S = 1;

    /** A trial of the loss-free search as a fraction of a measurement. */
    private static final double TRIAL_FRACTION = 0.25;

    private final Plan plan;
    private final Consumer<String> progress;
    private final Consumer<String> status;
    private final Results results = new Results();
    private final List<Testbed> testbeds = new ArrayList<>();
    private int step;

    /**
     * @param progress hears a line about each thing done.
     * @param status hears what is begun, and which step of how many it is.
     */
    public Benchmark(final Plan plan, final Consumer<String> progress, final Consumer<String> status) {
        this.plan = plan;
        this.progress = progress;
        this.status = status;
    }

    /**
     * Brings everything up and measures.
     *
     * @param teardown what closes all that is brought up.
     */
    public Results run(final String labPrefix, final Weftd weftd, final Teardown teardown) throws IOException {
        for (final Pairing pairing : plan.pairings()) {
            begin("bring up " + pairing);
            testbeds.add(Testbed.up(pairing, labPrefix, weftd, plan, teardown));
        }
        progress.accept("up: " + plan.pairings());
        warmUp();
        for (final Offload offload : plan.offloads()) {
            testbeds.forEach(testbed -> testbed.offload(offload));
            for (int round = 0; round < plan.rounds(); round++) {
                round(offload, round);
            }
            for (final Measure measure : plan.searched()) {
                lossFree(offload, measure);
            }
        }
        for (final Testbed testbed : testbeds) {
            if (testbed.pairing().hasWeft()) {
                testbed.jvmReports().forEach(results::add);
            }
        }
        return results;
    }

    /** Lets the JIT compilers of all that forward or talk see each kind of traffic once. */
    private void warmUp() throws IOException {
        for (final Testbed testbed : testbeds) {
            for (final Measure measure : plan.warmUps(testbed.pairing())) {
                begin("warm up " + testbed.pairing() + ", " + measure);
                testbed.measure(measure, WARM_UP_S);
            }
        }
    }

    private void begin(final String what) {
        step++;
        status.accept("[" + step + "/" + plan.steps() + "] " + what);
    }

    private void round(final Offload offload, final int round) throws IOException {
        final List<Testbed> order = new ArrayList<>(testbeds);
        Collections.rotate(order, round);
        for (final Measure measure : plan.sampled()) {
            for (final Testbed testbed : order) {
                if (round < plan.rounds(testbed.pairing())) {
                    begin(offload + ", round " + (round + 1) + " of " + plan.rounds() + ", " + measure + ", "
                            + testbed.pairing());
                    final Map<Metric, Double> values = testbed.measure(measure, plan.seconds());
                    results.add(new Sample(testbed.pairing(), offload, measure, round, values));
                }
            }
            progress.accept(line(offload, measure, round));
        }
    }

    private String line(final Offload offload, final Measure measure, final int round) {
        final List<Sample> samples = results.samples().stream()
                .filter(sample -> sample.offload() == offload && sample.measure() == measure && sample.round() == round)
                .sorted(Comparator.comparing(Sample::pairing))
                .toList();
        final String values = samples.stream()
                .map(sample -> sample.pairing() + " "
                        + measure.headlines().stream()
                                .map(metric -> metric.format(sample.value(metric)) + " " + metric.unit())
                                .collect(Collectors.joining(", ")))
                .collect(Collectors.joining("   "));
        return String.format("%-11s %d/%d  %-8s ", offload, round + 1, plan.rounds(), measure)
                + ratio(samples, measure)
                + values;
    }

    /** weft's figures over the kernel's in this round; nothing unless both are there. */
    private static String ratio(final List<Sample> samples, final Measure measure) {
        final Map<Pairing, Sample> byPairing =
                samples.stream().collect(Collectors.toMap(Sample::pairing, Function.identity()));
        final Sample weft = byPairing.get(Pairing.WEFT);
        final Sample kernel = byPairing.get(Pairing.KERNEL);
        if (null == weft || null == kernel) {
            return "";
        }
        return measure.headlines().stream()
                .mapToDouble(metric -> weft.value(metric) / kernel.value(metric))
                .mapToObj(value -> Double.isNaN(value) ? "-" : String.format("%.2f", value))
                .collect(Collectors.joining(" / ", "ratio ", "   "));
    }

    /** The loss-free rate of each, then the latencies of all at the same rates: fractions of the lowest. */
    private void lossFree(final Offload offload, final Measure measure) throws IOException {
        final List<Testbed> compared = testbeds.stream()
                .filter(testbed -> plan.searches(testbed.pairing(), offload))
                .toList();
        if (compared.isEmpty()) {
            return;
        }
        double lowest = Double.MAX_VALUE;
        for (final Testbed testbed : compared) {
            begin(offload + ", search of " + measure + ", " + testbed.pairing());
            final double rate = testbed.peers().searchLossFreeRate(measure, plan.seconds() * TRIAL_FRACTION);
            results.add(new LossFree(testbed.pairing(), offload, measure, rate));
            progress.accept(
                    String.format("%-11s      %s %s %.1f kpps", offload, measure, testbed.pairing(), rate / 1e3));
            lowest = Math.min(lowest, rate);
        }
        if (0 == lowest) {
            progress.accept(
                    String.format("%-11s      no rate without loss: latencies at fractions of it left out", offload));
            return;
        }
        for (final int percent : Plan.LOAD_PERCENTS) {
            for (final Testbed testbed : compared) {
                begin(offload + ", latencies at " + percent + " % of " + measure + ", " + testbed.pairing());
                final Curve curve = testbed.peers()
                        .curve(testbed.pairing(), offload, measure, percent, lowest * percent / 100, plan.seconds());
                results.add(curve);
                progress.accept(String.format(
                        "%-11s      at %d %% (%.1f kpps)  %s p50 %.1f µs, p99 %.1f µs",
                        offload,
                        percent,
                        curve.packetsPerSecond() / 1e3,
                        testbed.pairing(),
                        curve.latencyUs(50),
                        curve.latencyUs(99)));
            }
        }
    }
}
