/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * What a figure of weft's may be at the most, as a multiple of a reference that the same machine gives at the same time. A machine
 * that is slower, or busy, is so for both.
 *
 * @param figure in words.
 * @param unit of both.
 * @param reference in words.
 * @param bound figure divided by reference, of the medians of all rounds.
 */
record Budget(String figure, Unit unit, String reference, double bound) {
    /** Takes a figure once, in its unit. */
    @FunctionalInterface
    interface Taking {
        double take() throws IOException;
    }

    /** What takes the figure of a budget. */
    record Judged(Budget budget, Taking figureTaking) {}

    /** Takes both in turns, after a round that fills caches and is thrown away. */
    Finding compare(final int rounds, final Taking figureTaking, final Taking referenceTaking) throws IOException {
        return compareAll(rounds, List.of(new Judged(this, figureTaking)), referenceTaking)
                .get(0);
    }

    /** The same of several that have one reference. */
    static List<Finding> compareAll(final int rounds, final List<Judged> all, final Taking referenceTaking)
            throws IOException {
        final double[][] figures = new double[all.size()][rounds];
        final double[] references = new double[rounds];
        for (final Judged judged : all) {
            judged.figureTaking.take();
        }
        referenceTaking.take();
        for (int round = 0; round < rounds; round++) {
            for (int i = 0; i < all.size(); i++) {
                figures[i][round] = all.get(i).figureTaking.take();
            }
            references[round] = referenceTaking.take();
        }
        final List<Finding> findings = new ArrayList<>();
        for (int i = 0; i < all.size(); i++) {
            findings.add(Finding.of(all.get(i).budget, figures[i], references));
        }
        return findings;
    }
}
