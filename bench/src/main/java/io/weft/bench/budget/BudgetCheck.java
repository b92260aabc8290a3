/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import io.weft.bench.lab.Teardown;
import io.weft.bench.report.Console;
import io.weft.bench.report.ConsoleTable;
import io.weft.bench.stats.Spread;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Runs trials one after the other and judges what they find. */
public final class BudgetCheck {
    private final List<Trial> trials;
    private final Console console;

    public BudgetCheck(final List<Trial> trials, final Console console) {
        this.trials = trials;
        this.console = console;
    }

    /**
     * Takes all figures and prints them with their verdicts.
     *
     * @return whether every budget is kept; one that this machine cannot take is not missed, but named.
     */
    public boolean run(final Site site) throws IOException {
        final List<Finding> findings = new ArrayList<>();
        final List<String> left = new ArrayList<>();
        for (int i = 0; i < trials.size(); i++) {
            final Trial trial = trials.get(i);
            if (trial.lack().isEmpty()) {
                console.line("budgets " + (i + 1) + "/" + trials.size() + ": " + trial.subject());
                try (Teardown teardown = new Teardown()) {
                    findings.addAll(trial.run(site, teardown));
                }
                trial.remarks().forEach(remark -> console.line("  " + remark));
            } else {
                left.add("not measured: " + trial.subject() + ": " + trial.lack());
            }
        }
        console.line("");
        console.part(table(findings));
        console.line("");
        left.forEach(console::line);
        final List<Finding> missed =
                findings.stream().filter(finding -> !finding.isKept()).toList();
        missed.forEach(finding ->
                console.line(console.bad("missed: ") + finding.budget().figure()));
        if (missed.isEmpty()) {
            console.line(console.good("All " + findings.size() + " budgets are kept."));
        }
        return missed.isEmpty();
    }

    private static String table(final List<Finding> findings) {
        final ConsoleTable table =
                new ConsoleTable("median", "weft", "reference", "", "ratio (min-max)", "bound", "verdict");
        for (final Finding finding : findings) {
            final Budget budget = finding.budget();
            final Spread ratio = finding.ratio();
            table.row(
                    budget.figure(),
                    budget.unit().format(finding.figure().median()),
                    budget.unit().format(finding.reference().median()),
                    budget.reference(),
                    String.format(Locale.ROOT, "%.2f (%.2f-%.2f)", ratio.median(), ratio.min(), ratio.max()),
                    String.format(Locale.ROOT, budget.bound() < 1.5 ? "%.2f" : "%.1f", budget.bound()),
                    finding.isKept() ? "kept" : "MISSED");
        }
        return table.render();
    }
}
