/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.stats;

import java.util.Arrays;

/**
 * What several rounds of one measurement gave.
 *
 * @param median the middle value; of an even number the mean of the two in the middle.
 * @param min the least.
 * @param max the greatest.
 * @param count how many rounds.
 */
public record Spread(double median, double min, double max, int count) {
    /**
     * The spread of some values, in any order.
     *
     * @throws IllegalArgumentException if there is no value.
     */
    public static Spread of(final double... values) {
        if (0 == values.length) {
            throw new IllegalArgumentException("a median of no values");
        }
        final double[] sorted = Arrays.stream(values).sorted().toArray();
        final int middle = sorted.length / 2;
        final double median = 1 == sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(median, sorted[0], sorted[sorted.length - 1], sorted.length);
    }

    /** Distance from least to greatest, as a fraction of the median; 0 if the median is. */
    public double relativeWidth() {
        return 0 == median ? 0 : (max - min) / median;
    }

    /**
     * Compares two sides that were measured in turns: the ratio of their medians, with the least and greatest ratio
     * within one round.
     *
     * @param denominators of the same rounds.
     * @throws IllegalArgumentException if there is no value, or one side has more.
     */
    public static Spread ofRatios(final double[] numerators, final double[] denominators) {
        if (numerators.length != denominators.length) {
            throw new IllegalArgumentException(
                    numerators.length + " rounds of one side, " + denominators.length + " of the other");
        }
        final double median = of(numerators).median / of(denominators).median;
        final double[] ratios = new double[numerators.length];
        Arrays.setAll(ratios, i -> numerators[i] / denominators[i]);
        final Spread spread = of(ratios);
        return new Spread(median, spread.min, spread.max, ratios.length);
    }
}
