/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.handover;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * How much is measured.
 *
 * @param rounds handovers under each load, each beside an interval without one.
 * @param seconds length of an interval; a handover has to fit.
 * @param otherJava the home of another JVM to hand over to; null for none.
 */
public record HandoverPlan(
        int rounds, int seconds, @Nullable Path otherJava) {
    private static final int FULL_ROUNDS = 20;
    private static final int QUICK_ROUNDS = 3;
    private static final int SECONDS = 8;

    /** Of restarts whose gap is a figure and has no bound. */
    private static final int ROUNDS_OF_A_FIGURE = 5;

    /**
     * Fills what was not asked for.
     *
     * @param rounds 0 for the plan's own.
     * @param seconds 0 for the plan's own.
     */
    public static HandoverPlan of(
            final boolean quick, final int rounds, final int seconds, final @Nullable Path otherJava) {
        final int planned = quick ? QUICK_ROUNDS : FULL_ROUNDS;
        return new HandoverPlan(0 == rounds ? planned : rounds, 0 == seconds ? SECONDS : seconds, otherJava);
    }

    /** How often a restart is measured whose gap is a figure. */
    int figureRounds() {
        return Math.min(ROUNDS_OF_A_FIGURE, rounds);
    }
}
