/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import io.weft.bench.lab.Teardown;
import io.weft.bench.stats.Stopwatch;
import java.io.IOException;
import java.util.List;

/** A trial of one budget whose figures a test chooses. */
public final class ScriptedTrial implements Trial {
    private static final int ROUNDS = 3;

    private final Budget budget;
    private final String lack;
    private final Budget.Taking figureTaking;
    private final Budget.Taking referenceTaking;

    private ScriptedTrial(
            final Budget budget,
            final String lack,
            final Budget.Taking figureTaking,
            final Budget.Taking referenceTaking) {
        this.budget = budget;
        this.lack = lack;
        this.figureTaking = figureTaking;
        this.referenceTaking = referenceTaking;
    }

    private static Budget budget(final String figure, final double bound) {
        return new Budget(figure, Unit.SECONDS, "reference", bound);
    }

    /** A figure that is so many times the reference. */
    public static Trial withRatio(final String figure, final double ratio, final double bound) {
        return new ScriptedTrial(budget(figure, bound), "", () -> ratio, () -> 1);
    }

    /** Two figures that are measured. */
    public static Trial measured(final double bound) {
        return new ScriptedTrial(
                budget("measured", bound),
                "",
                () -> Stopwatch.seconds(List.of("true")),
                () -> Stopwatch.seconds(List.of("true")));
    }

    /** One that the machine lacks something for. */
    public static Trial lacking(final String lack) {
        return new ScriptedTrial(budget("impossible", 1), lack, () -> 1, () -> 1);
    }

    @Override
    public String name() {
        return budget.figure();
    }

    @Override
    public String subject() {
        return "scripted";
    }

    @Override
    public String lack() {
        return lack;
    }

    @Override
    public List<String> remarks() {
        return List.of("remark on " + budget.figure());
    }

    @Override
    public List<Finding> run(final Site site, final Teardown teardown) throws IOException {
        return List.of(budget.compare(ROUNDS, figureTaking, referenceTaking));
    }
}
