/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.linux.testing.Command;
import io.weft.overlay.GeneratedText;
import io.weft.overlay.forwarding.CounterSample;
import io.weft.overlay.registry.RegistryStatus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NodeMetricsTest {
    private static final Path DOCS = Path.of(System.getProperty("weft.root", ".."), "docs");
    private static final Pattern FAMILY = Pattern.compile("# HELP (\\S+) (.*)\n# TYPE \\S+ (\\S+)\n\\1(?:\\{(.*?)})? ");
    private static final Pattern SAMPLE =
            Pattern.compile("([a-z][a-z0-9_]*)(\\{[a-z]+=\"[^\"\\\\]*\"(,[a-z]+=\"[^\"\\\\]*\")*})? -?[0-9.E-]+");

    /** Of two devices and two workers, each value another one. */
    private static String text() {
        final List<CounterSample> samples = new ArrayList<>();
        for (final String device : List.of("weft.1", "weft-v6.1")) {
            for (int worker = 0; worker < 2; worker++) {
                for (final DataPlaneCounter counter : DataPlaneCounter.values()) {
                    samples.add(new CounterSample(device, worker, counter.label(), samples.size()));
                }
                for (final DropReason reason : DropReason.values()) {
                    samples.add(new CounterSample(device, worker, reason.name(), samples.size()));
                }
                samples.add(new CounterSample(device, worker, "weft-worker-" + worker + " idle ns", 2_500_000_000L));
                samples.add(new CounterSample(device, worker, "weft-worker-" + worker + " urgent ns", 1_500_000_000L));
                samples.add(new CounterSample(device, worker, "weft-worker-" + worker + " boosts", 7));
                samples.add(new CounterSample(device, worker, "weft-worker-" + worker + " polls", 8));
                samples.add(new CounterSample(device, worker, "weft-worker-" + worker + " yields", 9));
            }
        }
        return new NodeMetrics(new RegistryStatus(), "etcd", new Conditions()).text(samples);
    }

    @Test
    void shouldWriteThePrometheusFormat() {
        final Set<String> series = new HashSet<>();
        final Set<String> ended = new HashSet<>();
        String family = "";
        for (final String line : text().split("\n", -1)) {
            if (line.startsWith("# HELP ")) {
                family = line.split(" ", -1)[2];
                assertTrue(ended.add(family), () -> "comes twice: " + line);
            } else if (!line.isEmpty() && !line.startsWith("# TYPE ")) {
                final Matcher sample = SAMPLE.matcher(line);
                assertTrue(sample.matches(), line);
                assertEquals(family, sample.group(1), "samples of one name stand together");
                assertTrue(series.add(line.substring(0, line.lastIndexOf(' '))), () -> "comes twice: " + line);
            }
        }
        assertTrue(
                text().contains("weft_thread_idle_seconds_total{device=\"weft-v6.1\",thread=\"weft-worker-1\"} 2.5\n"));
        assertTrue(text().contains(
                        "weft_thread_urgent_seconds_total{device=\"weft-v6.1\",thread=\"weft-worker-1\"} 1.5\n"));
        assertTrue(text().contains("weft_thread_boosts_total{device=\"weft-v6.1\",thread=\"weft-worker-1\"} 7\n"));
        assertTrue(text().contains("weft_thread_polls_total{device=\"weft-v6.1\",thread=\"weft-worker-1\"} 8\n"));
        assertTrue(text().contains("weft_thread_yields_total{device=\"weft-v6.1\",thread=\"weft-worker-1\"} 9\n"));
    }

    @Test
    void shouldBeInTheReference() throws IOException {
        final StringBuilder table = new StringBuilder("| metric | labels | |\n|---|---|---|\n");
        final Matcher family = FAMILY.matcher(text());
        while (family.find()) {
            final String labels = null == family.group(4) ? "" : family.group(4).replaceAll("=\"[^\"]*\"", "");
            assertEquals(family.group(1).endsWith("_total"), "counter".equals(family.group(3)), family.group(1));
            table.append("| `")
                    .append(family.group(1))
                    .append("` | ")
                    .append(labels.replace(",", ", "))
                    .append(" | ")
                    .append(family.group(2))
                    .append(" |\n");
        }
        GeneratedText.hold("metrics.md", "metrics", table.toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"weft.json", "weft-alerts.yml"})
    void shouldHaveWhatTheDashboardShowsAndTheAlertsLookAt(final String file) throws IOException {
        final Set<String> known =
                FAMILY.matcher(text()).results().map(family -> family.group(1)).collect(Collectors.toSet());
        final Set<String> shown = Pattern.compile("weft_[a-z0-9_]+")
                .matcher(Files.readString(DOCS.resolve("grafana").resolve(file)))
                .results()
                .map(found -> found.group())
                .collect(Collectors.toSet());
        shown.removeAll(known);
        assertEquals(Set.of(), shown);
    }

    /** Each in a case of promtool's in which it fires: one that never does says nothing. */
    @Test
    void shouldHaveACaseInWhichEachAlertFires() throws IOException {
        final Path rules = DOCS.resolve("grafana");
        final Set<String> alerts = Pattern.compile("- alert: (\\w+)")
                .matcher(Files.readString(rules.resolve("weft-alerts.yml")))
                .results()
                .map(found -> found.group(1))
                .collect(Collectors.toSet());
        final Set<String> fired = Pattern.compile("alertname: (\\w+)\\s+exp_alerts:\\s+- exp_labels")
                .matcher(Files.readString(rules.resolve("weft-alerts-test.yml")))
                .results()
                .map(found -> found.group(1))
                .collect(Collectors.toSet());
        assertEquals(alerts, fired);
    }

    @Test
    void shouldAlertAsPromtoolSays() {
        final Path rules = DOCS.resolve("grafana");
        Command.run(List.of(
                "promtool", "check", "rules", rules.resolve("weft-alerts.yml").toString()));
        Command.run(List.of(
                "promtool",
                "test",
                "rules",
                rules.resolve("weft-alerts-test.yml").toString()));
    }
}
