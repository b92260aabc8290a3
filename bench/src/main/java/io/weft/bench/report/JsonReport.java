/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.report;

import io.weft.bench.lab.Offload;
import io.weft.bench.run.Curve;
import io.weft.bench.run.FirstGuess;
import io.weft.bench.run.JvmReport;
import io.weft.bench.run.LossFree;
import io.weft.bench.run.Measure;
import io.weft.bench.run.Metric;
import io.weft.bench.run.Pairing;
import io.weft.bench.run.Results;
import io.weft.bench.run.Sample;
import io.weft.bench.stats.Spread;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Results for programs: the machine, each sample, the medians with their ratio to the kernel's, loss-free rates, latency
 * curves and the daemons' JVMs. Units are in the names; times without one in theirs are seconds.
 */
public final class JsonReport {
    private static final ObjectMapper JSON =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private final Results results;
    private final ObjectNode root = JSON.createObjectNode();

    private JsonReport(final Results results) {
        this.results = results;
    }

    /** The report as text. */
    public static String render(
            final Results results, final Map<String, String> machine, final List<FirstGuess> guesses) {
        final JsonReport report = new JsonReport(results);
        final ObjectNode about = report.root.putObject("machine");
        machine.forEach(about::put);
        report.samples();
        report.summary();
        report.lossFree();
        report.curves();
        report.jvms();
        report.guesses(guesses);
        return JSON.writeValueAsString(report.root);
    }

    private void samples() {
        final ArrayNode array = root.putArray("samples");
        for (final Sample sample : results.samples()) {
            final ObjectNode node = array.addObject()
                    .put("pairing", sample.pairing().toString())
                    .put("offload", sample.offload().toString())
                    .put("measure", sample.measure().toString())
                    .put("round", sample.round());
            if (sample.values().containsKey(Metric.CARRIED_PER_SECOND)) {
                node.put("carried", sample.measure().carried().toString());
            }
            sample.values().forEach((metric, value) -> node.put(metric.key(), value));
        }
    }

    private void summary() {
        final ArrayNode array = root.putArray("summary");
        for (final Offload offload : results.offloads()) {
            for (final Measure measure : results.measures()) {
                for (final Pairing pairing : results.pairings()) {
                    for (final Metric metric : Metric.values()) {
                        results.spread(pairing, offload, measure, metric)
                                .ifPresent(spread -> summary(array, pairing, offload, measure, metric, spread));
                    }
                }
            }
        }
    }

    private void summary(
            final ArrayNode array,
            final Pairing pairing,
            final Offload offload,
            final Measure measure,
            final Metric metric,
            final Spread spread) {
        final ObjectNode node = array.addObject()
                .put("pairing", pairing.toString())
                .put("offload", offload.toString())
                .put("measure", measure.toString())
                .put("metric", metric.key())
                .put("median", spread.median())
                .put("min", spread.min())
                .put("max", spread.max())
                .put("rounds", spread.count());
        results.ratioToKernel(pairing, offload, measure, metric)
                .ifPresent(ratio -> node.put("ratio_to_kernel", ratio.median())
                        .put("ratio_min", ratio.min())
                        .put("ratio_max", ratio.max()));
    }

    private void lossFree() {
        final ArrayNode array = root.putArray("loss_free");
        for (final LossFree rate : results.lossFree()) {
            array.addObject()
                    .put("pairing", rate.pairing().toString())
                    .put("offload", rate.offload().toString())
                    .put("payload_bytes", rate.measure().searchedLength())
                    .put("packets_per_second", rate.packetsPerSecond());
        }
    }

    private void curves() {
        final ArrayNode array = root.putArray("latency_curves");
        for (final Curve curve : results.curves()) {
            final ObjectNode node = array.addObject()
                    .put("pairing", curve.pairing().toString())
                    .put("offload", curve.offload().toString())
                    .put("payload_bytes", curve.measure().searchedLength())
                    .put("load_percent", curve.loadPercent())
                    .put("packets_per_second", curve.packetsPerSecond())
                    .put("sent", curve.sent())
                    .put("lost", curve.lost())
                    .put("cpu_seconds_per_million", curve.cpuSecondsPerMillion());
            final ArrayNode points = node.putArray("percentile_and_latency_us");
            curve.points()
                    .forEach(point -> points.addArray().add(point.percentile()).add(point.latencyUs()));
        }
    }

    private void guesses(final List<FirstGuess> guesses) {
        final ArrayNode array = root.putArray("first_guess");
        for (final FirstGuess guess : guesses) {
            final ObjectNode node = array.addObject()
                    .put("pairing", guess.pairing().toString())
                    .put("offload", guess.offload().toString())
                    .put("measure", guess.measure().toString())
                    .put("carried", guess.measure().carried().toString());
            guess.counted().forEach((metric, value) -> node.put(metric.key(), value));
            node.put("processors", guess.processors())
                    .put("calls_processors", guess.calls())
                    .put("wake_ups_processors", guess.wakeUps())
                    .put("wake_ups_across_processors", guess.wakeUpsAcross())
                    .put("copies_near_processors", guess.copiesNear())
                    .put("copies_far_processors", guess.copiesFar());
        }
    }

    private void jvms() {
        final ArrayNode array = root.putArray("weftd_jvms");
        for (final JvmReport jvm : results.jvms()) {
            array.addObject()
                    .put("pairing", jvm.pairing().toString())
                    .put("node", jvm.node())
                    .put("gc_pauses", jvm.collections())
                    .put("gc_max_pause_ms", jvm.maxPauseMs())
                    .put("cpu_seconds", jvm.cpuSeconds());
        }
    }
}
