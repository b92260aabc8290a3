/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.report;

import io.weft.bench.stats.Spread;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Groups of bars, each bar a median with a whisker from the least to the greatest round. */
final class BarChart {
    private static final int WIDTH = 560;
    private static final int HEIGHT = 250;
    private static final int LEFT = 46;
    private static final int RIGHT = 8;
    private static final int TOP = 16;
    private static final int BOTTOM = 28;
    private static final int PLOT_HEIGHT = HEIGHT - TOP - BOTTOM;
    private static final double MAX_BAR_WIDTH = 44;

    private record Bar(String series, Spread spread) {}

    private record Group(String label, List<Bar> bars) {}

    private final List<Group> groups = new ArrayList<>();
    private final String title;
    private final String unit;

    BarChart(final String title, final String unit) {
        this.title = title;
        this.unit = unit;
    }

    /** Bars that are added belong to the last group. */
    void group(final String label) {
        groups.add(new Group(label, new ArrayList<>()));
    }

    /**
     * Adds a bar.
     *
     * @param series the style class that gives its colour.
     */
    void bar(final String series, final Spread spread) {
        groups.get(groups.size() - 1).bars.add(new Bar(series, spread));
    }

    boolean isEmpty() {
        return groups.stream().allMatch(group -> group.bars.isEmpty());
    }

    String render() {
        final double greatest = groups.stream()
                .flatMap(group -> group.bars.stream())
                .mapToDouble(bar -> bar.spread.max())
                .max()
                .orElse(1);
        final Axis axis = Axis.linear(greatest);
        final Svg svg = new Svg(WIDTH, HEIGHT, title);
        for (final double tick : axis.ticks()) {
            final double y = y(tick, axis);
            svg.line("grid", LEFT, y, WIDTH - RIGHT, y);
            svg.text("tick", "end", LEFT - 6, y + 4, Axis.format(tick));
        }
        final double groupWidth = (double) (WIDTH - LEFT - RIGHT) / groups.size();
        for (int i = 0; i < groups.size(); i++) {
            draw(svg, groups.get(i), LEFT + i * groupWidth, groupWidth, axis);
        }
        return svg.render();
    }

    private void draw(final Svg svg, final Group group, final double x, final double width, final Axis axis) {
        svg.text("group", "middle", x + width / 2, HEIGHT - 8, group.label);
        if (group.bars.isEmpty()) {
            return;
        }
        final double barWidth = Math.min(MAX_BAR_WIDTH, width * 0.84 / group.bars.size());
        double left = x + (width - barWidth * group.bars.size()) / 2;
        for (final Bar bar : group.bars) {
            draw(svg, group, bar, left, barWidth, axis);
            left += barWidth;
        }
    }

    private void draw(
            final Svg svg, final Group group, final Bar bar, final double left, final double width, final Axis axis) {
        final Spread spread = bar.spread;
        final double y = y(spread.median(), axis);
        final String words = String.format(
                Locale.ROOT,
                "%s, %s: median %s %s, %s to %s in %d rounds",
                bar.series,
                group.label,
                Axis.format(spread.median()),
                unit,
                Axis.format(spread.min()),
                Axis.format(spread.max()),
                spread.count());
        svg.rect("bar " + bar.series, left + 1.5, y, width - 3, y(0, axis) - y, words);
        final double middle = left + width / 2;
        final double top = y(spread.max(), axis);
        if (spread.count() > 1) {
            final double bottom = y(spread.min(), axis);
            svg.line("whisker", middle, top, middle, bottom);
            svg.line("whisker", middle - 4, top, middle + 4, top);
            svg.line("whisker", middle - 4, bottom, middle + 4, bottom);
        }
        svg.text("value", "middle", middle, Math.min(y, top) - 4, Axis.format(spread.median()));
    }

    private static double y(final double value, final Axis axis) {
        return TOP + PLOT_HEIGHT * (1 - value / axis.end());
    }
}
