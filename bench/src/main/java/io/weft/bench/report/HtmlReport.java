/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.report;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.weft.bench.lab.Offload;
import io.weft.bench.run.Curve;
import io.weft.bench.run.FirstGuess;
import io.weft.bench.run.LossFree;
import io.weft.bench.run.Measure;
import io.weft.bench.run.Metric;
import io.weft.bench.run.Pairing;
import io.weft.bench.run.Results;
import io.weft.bench.stats.Spread;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/** Results for people: one page that stands alone, with plots. Its frame and style are in {@code report.html}. */
public final class HtmlReport {
    private static final String TEMPLATE = "report.html";

    private final Results results;

    private HtmlReport(final Results results) {
        this.results = results;
    }

    /** The page as text. */
    public static String render(
            final Results results, final Map<String, String> machine, final List<FirstGuess> guesses)
            throws IOException {
        final HtmlReport report = new HtmlReport(results);
        return template()
                .replace("{{machine}}", definitions(machine))
                .replace("{{ratios}}", report.ratios())
                .replace("{{legend}}", report.legend())
                .replace("{{bars}}", report.bars())
                .replace("{{curves}}", report.curves())
                .replace("{{costs}}", report.costs())
                .replace("{{guesses}}", guesses(guesses))
                .replace("{{jvms}}", report.jvms());
    }

    private static String template() throws IOException {
        try (InputStream input = Objects.requireNonNull(
                HtmlReport.class.getResourceAsStream(TEMPLATE), TEMPLATE + " is missing from the jar")) {
            return new String(input.readAllBytes(), UTF_8);
        }
    }

    private static String definitions(final Map<String, String> entries) {
        return entries.entrySet().stream()
                .map(entry ->
                        "<dt>" + Svg.escape(entry.getKey()) + "</dt><dd>" + Svg.escape(entry.getValue()) + "</dd>")
                .collect(Collectors.joining("\n"));
    }

    private static String guesses(final List<FirstGuess> guesses) {
        if (guesses.isEmpty()) {
            return "";
        }
        final StringBuilder html = new StringBuilder("""
                <h2>What may bound it: a first guess</h2>
                <p>Processors, that is seconds in each second. Measured: what both daemons took. Counted, times what the machine above
                takes for one: system calls; waits, by a wake-up on the same core and from another one; copies, within L2 and in
                memory. What is left is the network stack's and the daemons' own.</p>
                <div class="card scroll"><table><tr><th>measurement</th><th>underlay</th><th></th><th>measured</th>
                <th>calls</th><th>wake-ups</th><th>copies</th></tr>
                """);
        for (final FirstGuess guess : guesses) {
            html.append(String.format(
                    Locale.ROOT,
                    "<tr><td>%s</td><td>%s</td><td>%s</td><td>%.2f</td><td>%.2f</td><td>%.2f – %.2f</td>"
                            + "<td>%.2f – %.2f</td></tr>\n",
                    guess.measure().title(),
                    guess.offload(),
                    describe(guess.pairing()),
                    guess.processors(),
                    guess.calls(),
                    guess.wakeUps(),
                    guess.wakeUpsAcross(),
                    guess.copiesNear(),
                    guess.copiesFar()));
        }
        return html.append("</table></div>").append(counted(guesses)).toString();
    }

    private static String counted(final List<FirstGuess> guesses) {
        final StringBuilder html = new StringBuilder("""
                <h2>Calls, wake-ups and copies for each superframe or packet</h2>
                <p>Of both daemons together, for one that passes both. Reads and writes are of the pods' device, sends and receives of
                the underlay, each of which may carry several; calls that found nothing are counted too.</p>
                <div class="card scroll"><table><tr><th>measurement</th><th>underlay</th><th></th><th>for each</th>
                """);
        FirstGuess.COUNTED.forEach(
                metric -> html.append("<th>").append(metric.unit()).append("</th>"));
        html.append("</tr>\n");
        for (final FirstGuess guess : guesses) {
            html.append("<tr><td>").append(guess.measure().title()).append("</td><td>");
            html.append(guess.offload()).append("</td><td>").append(describe(guess.pairing()));
            html.append("</td><td>").append(guess.measure().carried()).append("</td>");
            guess.countedText().forEach(text -> html.append("<td>").append(text).append("</td>"));
            html.append("</tr>\n");
        }
        return html.append("</table></div>").toString();
    }

    private String legend() {
        return results.pairings().stream()
                .map(pairing -> "<span class=\"" + pairing + "\"><i></i>" + describe(pairing) + "</span>")
                .collect(Collectors.joining());
    }

    private static String describe(final Pairing pairing) {
        return switch (pairing) {
            case WEFT -> "weft";
            case WEFT_POD_PACKET -> "weft, packet pod port";
            case WEFT_ALL_PACKET -> "weft by packet sockets on both sides";
            case KERNEL -> "kernel VXLAN";
            case SINGLE -> "one packet per call (flannel udp)";
            case WEFT_KERNEL -> "weft to kernel";
            case WEFT_PACKET_KERNEL -> "weft by packet socket to kernel";
            case KERNEL_WEFT -> "kernel to weft";
            case WEFT_PACKET -> "weft by packet socket";
            case KERNEL_WEFT_PACKET -> "kernel to weft by packet socket";
            case OVS -> "Open vSwitch, userspace datapath";
            case WIREGUARD_GO -> "wireguard-go (encrypts)";
            case WIREGUARD -> "kernel WireGuard (encrypts)";
        };
    }

    private String ratios() {
        final List<Pairing> compared = results.pairings().stream()
                .filter(pairing -> pairing != Pairing.KERNEL)
                .toList();
        final StringBuilder html = new StringBuilder("<table><tr><th>measurement</th><th>underlay</th>");
        compared.forEach(
                pairing -> html.append("<th>").append(describe(pairing)).append("</th>"));
        html.append("</tr>\n");
        for (final Measure measure : results.measures()) {
            for (final Metric metric : measure.headlines()) {
                for (final Offload offload : results.offloads()) {
                    html.append("<tr><td>").append(title(measure, metric)).append("</td><td>");
                    html.append(offload).append("</td>");
                    compared.forEach(pairing -> html.append(ratioCell(pairing, offload, measure, metric)));
                    html.append("</tr>\n");
                }
            }
        }
        return html.append("</table>").toString();
    }

    private String ratioCell(final Pairing pairing, final Offload offload, final Measure measure, final Metric metric) {
        return results.ratioToKernel(pairing, offload, measure, metric)
                .map(ratio -> {
                    if (Pairing.SINGLE == pairing) {
                        return ratioCell("", ratio);
                    }
                    final boolean good = metric.isDelay() ? ratio.median() <= 1 : ratio.median() >= 1;
                    return ratioCell(good ? "up" : "down", ratio);
                })
                .orElse("<td></td>");
    }

    private static String ratioCell(final String style, final Spread ratio) {
        return String.format(
                Locale.ROOT,
                "<td class=\"%s\"><b>%.2f</b><small>%.2f – %.2f</small></td>",
                style,
                ratio.median(),
                ratio.min(),
                ratio.max());
    }

    private static String title(final Measure measure, final Metric metric) {
        return measure.title()
                + (measure.headlines().size() > 1 ? ", " + metric.unit().replaceFirst("^(µs|k/s) ", "") : "");
    }

    private String bars() {
        final StringBuilder html = new StringBuilder();
        for (final Measure measure : results.measures()) {
            for (final Metric metric : measure.headlines()) {
                html.append(barCard(title(measure, metric), measure, metric));
            }
        }
        results.searched().forEach(measure -> html.append(lossFreeCard(measure)));
        return html.toString();
    }

    private String barCard(final String title, final Measure measure, final Metric metric) {
        final BarChart chart = new BarChart(title, metric.unit());
        for (final Offload offload : results.offloads()) {
            chart.group(offload.toString());
            for (final Pairing pairing : results.pairings()) {
                results.spread(pairing, offload, measure, metric)
                        .ifPresent(spread -> chart.bar(pairing.toString(), scaled(spread, metric)));
            }
        }
        return chart.isEmpty() ? "" : card(title + " · " + metric.unit(), chart.render());
    }

    private static Spread scaled(final Spread spread, final Metric metric) {
        return new Spread(
                metric.scaled(spread.median()),
                metric.scaled(spread.min()),
                metric.scaled(spread.max()),
                spread.count());
    }

    private String lossFreeCard(final Measure measure) {
        final BarChart chart = new BarChart(measure.title(), "kpps");
        final List<LossFree> rates = results.lossFree().stream()
                .filter(rate -> rate.measure() == measure)
                .toList();
        for (final Offload offload :
                rates.stream().map(LossFree::offload).distinct().toList()) {
            chart.group(offload.toString());
            rates.stream().filter(rate -> rate.offload() == offload).forEach(rate -> {
                final double kpps = rate.packetsPerSecond() / 1e3;
                chart.bar(rate.pairing().toString(), new Spread(kpps, kpps, kpps, 1));
            });
        }
        return card(measure.title() + " · kpps, by search (RFC 2544)", chart.render());
    }

    private String curves() {
        if (results.curves().isEmpty()) {
            return "";
        }
        final StringBuilder html = new StringBuilder("""
                <h2>Latency under load</h2>
                <p>One way, from the time at which the schedule says that a packet leaves to its arrival: a stall counts for
                every packet that it held up. UDP at fractions of the lowest loss-free rate of its length, the same rate for
                all. To the right: each further nine.</p>
                """)
                .append("<div class=\"legend\">")
                .append(legend())
                .append("</div><div class=\"grid3\">");
        for (final Measure measure : results.searched()) {
            for (final Offload offload : results.offloads()) {
                results.curves().stream()
                        .filter(curve -> curve.offload() == offload && curve.measure() == measure)
                        .map(Curve::loadPercent)
                        .distinct()
                        .sorted()
                        .forEach(percent -> html.append(curveCard(offload, measure, percent)));
            }
        }
        return html.append("</div>").toString();
    }

    private String curveCard(final Offload offload, final Measure measure, final int loadPercent) {
        final List<Curve> curves = results.curves().stream()
                .filter(curve ->
                        curve.offload() == offload && curve.measure() == measure && curve.loadPercent() == loadPercent)
                .toList();
        final String title = String.format(
                Locale.ROOT,
                "%d B · %s · %d %% load · %.0f kpps",
                measure.searchedLength(),
                offload,
                loadPercent,
                curves.get(0).packetsPerSecond() / 1e3);
        return card(title, new PercentileChart(title, curves).render());
    }

    private String costs() {
        final StringBuilder html = new StringBuilder();
        for (final Measure measure : results.measures()) {
            html.append(barCard(measure.title(), measure, Metric.CPU_SECONDS_PER_GIGABIT));
            html.append(barCard(measure.title(), measure, Metric.CPU_SECONDS_PER_MILLION));
        }
        return html.toString();
    }

    private String jvms() {
        if (results.jvms().isEmpty()) {
            return "";
        }
        final StringBuilder html = new StringBuilder("""
                <h2>weftd’s own JVMs</h2>
                <p>Over the whole run. What a data plane allocates for each packet, all its threads together, is beside the
                samples in the JSON.</p>
                <div class="card scroll"><table>
                <tr><th>pairing</th><th>node</th><th>CPU seconds</th><th>GC pauses</th><th>longest pause</th></tr>
                """);
        results.jvms()
                .forEach(jvm -> html.append(String.format(
                        Locale.ROOT,
                        "<tr><td>%s</td><td>%s</td><td>%.1f</td><td>%d</td><td>%.2f ms</td></tr>%n",
                        jvm.pairing(),
                        jvm.node(),
                        jvm.cpuSeconds(),
                        jvm.collections(),
                        jvm.maxPauseMs())));
        return html.append("</table></div>").toString();
    }

    private static String card(final String title, final String content) {
        return "<div class=\"card\"><h3>" + Svg.escape(title) + "</h3>" + content + "</div>\n";
    }
}
