/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.report;

import java.util.List;
import java.util.Locale;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/**
 * Where the lines of a scale go.
 *
 * @param start the value at its beginning.
 * @param end the value at its end.
 * @param ticks the values that have a line.
 */
record Axis(double start, double end, List<Double> ticks) {
    private static final int MAX_TICKS = 5;

    /** From 0 to a round number not under {@code greatest}, with at most {@value #MAX_TICKS} steps of 1, 2 or 5. */
    static Axis linear(final double greatest) {
        if (greatest <= 0) {
            return linear(1);
        }
        final double raw = greatest / MAX_TICKS;
        final double decade = Math.pow(10, Math.floor(Math.log10(raw)));
        final double step = DoubleStream.of(1, 2, 5, 10)
                        .filter(factor -> factor * decade >= raw * (1 - 1e-9))
                        .findFirst()
                        .orElse(10)
                * decade;
        final int steps = (int) Math.ceil(greatest / step - 1e-9);
        return new Axis(
                0,
                steps * step,
                IntStream.rangeClosed(0, steps).mapToObj(i -> i * step).toList());
    }

    /** The decades that hold both values; both are over 0. */
    static Axis decades(final double least, final double greatest) {
        final int first = (int) Math.floor(Math.log10(least));
        final int last = Math.max(first + 1, (int) Math.ceil(Math.log10(greatest)));
        return new Axis(
                Math.pow(10, first),
                Math.pow(10, last),
                IntStream.rangeClosed(first, last)
                        .mapToObj(i -> Math.pow(10, i))
                        .toList());
    }

    /** How far along a logarithmic scale a value lies, 0 to 1. */
    double logarithmicFraction(final double value) {
        return Math.log(Math.max(start, value) / start) / Math.log(end / start);
    }

    /** Three significant digits at most, none that say nothing, thousands grouped. */
    static String format(final double value) {
        if (value >= 1000) {
            return String.format(Locale.ROOT, "%,.0f", value).replace(',', ' ');
        }
        final int digits = value >= 100 || value == 0 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
        final String text = String.format(Locale.ROOT, "%." + digits + "f", value);
        return text.contains(".") ? text.replaceAll("0+$", "").replaceAll("\\.$", "") : text;
    }
}
