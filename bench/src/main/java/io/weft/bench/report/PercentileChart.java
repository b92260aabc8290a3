/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.report;

import io.weft.bench.run.Curve;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Latency over percentile: the horizontal scale gives each further nine the same room, the vertical is logarithmic. */
final class PercentileChart {
    private static final int WIDTH = 380;
    private static final int HEIGHT = 250;
    private static final int LEFT = 52;
    private static final int RIGHT = 12;
    private static final int TOP = 12;
    private static final int BOTTOM = 28;

    private static final double[] PERCENTILES = {0, 90, 99, 99.9, 99.99};

    private final List<Curve> curves;
    private final String title;

    PercentileChart(final String title, final List<Curve> curves) {
        this.title = title;
        this.curves = curves;
    }

    String render() {
        final Axis latency = Axis.decades(extreme(false), extreme(true));
        final Svg svg = new Svg(WIDTH, HEIGHT, title);
        for (final double tick : latency.ticks()) {
            svg.line("grid", LEFT, y(tick, latency), WIDTH - RIGHT, y(tick, latency));
            svg.text("tick", "end", LEFT - 6, y(tick, latency) + 4, latency(tick));
        }
        for (final double percentile : PERCENTILES) {
            svg.line("grid", x(percentile), TOP, x(percentile), HEIGHT - BOTTOM);
            svg.text("tick", anchor(percentile), x(percentile), HEIGHT - 10, name(percentile));
        }
        for (final Curve curve : curves) {
            final String points = curve.points().stream()
                    .filter(point -> point.percentile() <= PERCENTILES[PERCENTILES.length - 1])
                    .map(point -> String.format(
                            Locale.ROOT, "%.1f,%.1f", x(point.percentile()), y(point.latencyUs(), latency)))
                    .collect(Collectors.joining(" "));
            svg.polyline("curve " + curve.pairing(), points);
        }
        return svg.render();
    }

    private double extreme(final boolean greatest) {
        final var latencies = curves.stream()
                .flatMap(curve -> curve.points().stream())
                .filter(point -> point.percentile() <= PERCENTILES[PERCENTILES.length - 1])
                .mapToDouble(point -> Math.max(0.1, point.latencyUs()));
        return (greatest ? latencies.max() : latencies.min()).orElse(1);
    }

    private static String name(final double percentile) {
        return "p" + Double.toString(percentile).replaceAll("\\.0$", "");
    }

    private static String latency(final double us) {
        return us >= 1_000_000
                ? Axis.format(us / 1_000_000) + " s"
                : us >= 1_000 ? Axis.format(us / 1_000) + " ms" : Axis.format(us) + " µs";
    }

    private static String anchor(final double percentile) {
        return 0 == percentile ? "start" : percentile == PERCENTILES[PERCENTILES.length - 1] ? "end" : "middle";
    }

    private static double x(final double percentile) {
        final double nines = -Math.log10(1 - percentile / 100);
        final double mostNines = -Math.log10(1 - PERCENTILES[PERCENTILES.length - 1] / 100);
        return LEFT + (WIDTH - LEFT - RIGHT) * Math.min(1, nines / mostNines);
    }

    private static double y(final double latencyUs, final Axis axis) {
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - axis.logarithmicFraction(latencyUs));
    }
}
