/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.report;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.bench.lab.Offload;
import io.weft.bench.machine.MachineCosts;
import io.weft.bench.run.Curve;
import io.weft.bench.run.FirstGuess;
import io.weft.bench.run.JvmReport;
import io.weft.bench.run.LossFree;
import io.weft.bench.run.Measure;
import io.weft.bench.run.Metric;
import io.weft.bench.run.Pairing;
import io.weft.bench.run.Results;
import io.weft.bench.run.Sample;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

class ReportTest {
    private static final Map<String, String> MACHINE = Map.of("processor", "<fast> & new");

    private final Results results = new Results();

    @BeforeEach
    void measure() {
        final double[] weft = {9, 12, 10};
        final double[] kernel = {8, 8, 5};
        for (int round = 0; round < weft.length; round++) {
            add(Pairing.WEFT, round, weft[round]);
            add(Pairing.KERNEL, round, kernel[round]);
        }
        results.add(new LossFree(Pairing.WEFT, Offload.SEGMENT, Measure.LOSSFREE, 123_000));
        final List<Curve.Point> points = List.of(new Curve.Point(50, 20), new Curve.Point(99, 400));
        results.add(new Curve(Pairing.WEFT, Offload.SEGMENT, Measure.LOSSFREE, 50, 61_500, 1_000, 2, 3.5, points));
        results.add(new LossFree(Pairing.WEFT, Offload.SEGMENT, Measure.LOSSFREE1300, 77_000));
        results.add(new Curve(Pairing.WEFT, Offload.SEGMENT, Measure.LOSSFREE1300, 90, 69_300, 1_000, 0, 3.5, points));
        results.add(new JvmReport(Pairing.WEFT, "A", 4, 1.25, 17));
    }

    private void add(final Pairing pairing, final int round, final double gigabitsPerSecond) {
        results.add(new Sample(
                pairing,
                Offload.SEGMENT,
                Measure.TCP1,
                round,
                Map.of(Metric.GIGABITS_PER_SECOND, gigabitsPerSecond, Metric.CPU_SECONDS_PER_GIGABIT, 0.2)));
    }

    @Test
    void shouldGiveMediansAndRatiosInTheJson() {
        final JsonNode json = new ObjectMapper().readTree(JsonReport.render(results, MACHINE, List.of()));

        final JsonNode summary = json.path("summary").path(0);
        assertEquals("weft", summary.path("pairing").asString());
        assertEquals(10, summary.path("median").asDouble());
        assertEquals(10.0 / 8, summary.path("ratio_to_kernel").asDouble());
        assertEquals(9.0 / 8, summary.path("ratio_min").asDouble());
        assertEquals(2, summary.path("ratio_max").asDouble());
        assertEquals(6, json.path("samples").size());
        assertEquals(2, json.path("latency_curves").path(0).path("lost").asInt());
        assertEquals(
                123_000,
                json.path("loss_free").path(0).path("packets_per_second").asDouble());
        assertEquals(64, json.path("loss_free").path(0).path("payload_bytes").asInt());
        assertEquals(1300, json.path("loss_free").path(1).path("payload_bytes").asInt());
        assertEquals(
                1300, json.path("latency_curves").path(1).path("payload_bytes").asInt());
        assertEquals(
                1.25, json.path("weftd_jvms").path(0).path("gc_max_pause_ms").asDouble());
    }

    @Test
    void shouldTellWhatWasDoneForEachSuperframe() throws IOException {
        results.add(new Sample(
                Pairing.WEFT,
                Offload.SEGMENT,
                Measure.TCP4,
                0,
                Map.of(
                        Metric.DAEMON_CALLS_PER_SECOND, 1e6,
                        Metric.CARRIED_PER_SECOND, 1e5,
                        Metric.READS_PER_CARRIED, 1.25,
                        Metric.COPIED_BYTES_PER_CARRIED, 131_000.0)));
        final List<FirstGuess> guesses =
                FirstGuess.of(results, new MachineCosts(100, OptionalDouble.empty(), OptionalDouble.empty(), 40, 5));

        final JsonNode json = new ObjectMapper().readTree(JsonReport.render(results, MACHINE, guesses));
        final JsonNode guess = json.path("first_guess").path(0);
        assertEquals("superframe", guess.path("carried").asString());
        assertEquals(1.25, guess.path("reads_per_carried").asDouble());
        assertEquals(0.1, guess.path("calls_processors").asDouble(), 1e-9);
        assertEquals("superframe", json.path("samples").path(6).path("carried").asString());
        assertTrue(HtmlReport.render(results, MACHINE, guesses)
                .contains("<td>superframe</td><td>1.25</td><td>-</td><td>-</td><td>-</td><td>-</td><td>-</td>"
                        + "<td>-</td><td>131.00</td>"));
    }

    @Test
    void shouldFillThePageAndEscapeWhatItShows() throws IOException {
        final String html = HtmlReport.render(results, MACHINE, List.of());

        assertFalse(html.contains("{{"), "a placeholder is left");
        assertTrue(html.contains("&lt;fast&gt; &amp; new"));
        assertTrue(html.contains("<b>1.25</b><small>1.13 – 2.00</small>"), "ratio of the medians");
        assertFalse(html.contains("http"), "the page stands alone");
    }

    @Test
    void shouldDrawWellFormedPlots() throws IOException, ParserConfigurationException {
        final DocumentBuilder parser = DocumentBuilderFactory.newInstance().newDocumentBuilder();
        final List<String> plots = Pattern.compile("<svg.*?</svg>", Pattern.DOTALL)
                .matcher(HtmlReport.render(results, MACHINE, List.of()))
                .results()
                .map(MatchResult::group)
                .toList();

        assertEquals(6, plots.size(), "throughput, two loss-free rates, a curve of each, processor time");
        for (final String plot : plots) {
            assertDoesNotThrow(() -> parser.parse(new ByteArrayInputStream(plot.getBytes(UTF_8))), plot);
        }
    }

    @Test
    void shouldDrawBarsInProportion() throws IOException {
        final String html = HtmlReport.render(results, MACHINE, List.of());

        assertEquals(10.0 / 8, barHeight(html, "bar weft") / barHeight(html, "bar kernel"), 0.01);
    }

    private static double barHeight(final String html, final String style) {
        final var matcher = Pattern.compile("class=\"" + style + "\"[^>]* height=\"([0-9.]+)\"")
                .matcher(html);
        assertTrue(matcher.find(), style);
        return Double.parseDouble(matcher.group(1));
    }

    @Test
    void shouldAlignColumns() {
        final String table = new ConsoleTable("what", "value")
                .row("a", "1.0")
                .row("long name", "100.0")
                .render();

        assertEquals("""
                  what        value
                  ─────────────────
                  a             1.0
                  long name   100.0
                """, table);
    }
}
