/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import java.io.IOException;

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

    /** Takes both in turns, after a round that fills caches and is thrown away. */
    Finding compare(final int rounds, final Taking figureTaking, final Taking referenceTaking) throws IOException {
        final double[] figures = new double[rounds];
        final double[] references = new double[rounds];
        figureTaking.take();
        referenceTaking.take();
        for (int round = 0; round < rounds; round++) {
            figures[round] = figureTaking.take();
            references[round] = referenceTaking.take();
        }
        return Finding.of(this, figures, references);
    }
}
