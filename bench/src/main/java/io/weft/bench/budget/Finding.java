/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import io.weft.bench.stats.Spread;

/**
 * A budget, and what was found.
 *
 * @param budget that is judged.
 * @param figure of all rounds.
 * @param reference of all rounds.
 * @param ratio figure divided by reference: of the medians, and the least and greatest of a round.
 */
record Finding(Budget budget, Spread figure, Spread reference, Spread ratio) {
    static Finding of(final Budget budget, final double[] figures, final double[] references) {
        return new Finding(budget, Spread.of(figures), Spread.of(references), Spread.ofRatios(figures, references));
    }

    boolean isKept() {
        return ratio.median() <= budget.bound();
    }
}
