/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench;

import io.weft.bench.budget.BudgetCheck;
import io.weft.bench.budget.Budgets;
import io.weft.bench.budget.Site;
import io.weft.bench.budget.Trial;
import io.weft.bench.handover.HandoverCheck;
import io.weft.bench.handover.HandoverPlan;
import io.weft.bench.handover.LabHandovers;
import io.weft.bench.lab.Command;
import io.weft.bench.lab.CpuLimit;
import io.weft.bench.lab.Offload;
import io.weft.bench.lab.Overlay;
import io.weft.bench.lab.Teardown;
import io.weft.bench.lab.Weftd;
import io.weft.bench.machine.DearCalls;
import io.weft.bench.machine.Machine;
import io.weft.bench.machine.MachineCosts;
import io.weft.bench.report.Console;
import io.weft.bench.report.ConsoleTable;
import io.weft.bench.report.HtmlReport;
import io.weft.bench.report.JsonReport;
import io.weft.bench.run.Benchmark;
import io.weft.bench.run.FirstGuess;
import io.weft.bench.run.Measure;
import io.weft.bench.run.Metric;
import io.weft.bench.run.Pairing;
import io.weft.bench.run.Plan;
import io.weft.bench.run.Results;
import io.weft.bench.stats.Spread;
import io.weft.linux.SystemCallFilter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** weft against the kernel's VXLAN and the old way, interleaved in one run; leaves JSON and a page with plots. */
@CommandLine.Command(
        name = "weft bench",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = "Measures weft against the kernel's VXLAN in network namespaces of this machine.")
public final class BenchMain implements Callable<Integer> {
    private static final String BUDGETS = "budgets";
    private static final String HANDOVER = "handover";

    @Option(names = "--quick", description = "End within five minutes: fewer and shorter rounds.")
    private boolean quick;

    @Option(
            names = "--rounds",
            description =
                    "How often each is measured (default: 5; quick: 2, with --only 3;" + " handover: 20, quick 3).")
    private int rounds;

    @Option(
            names = "--seconds",
            description = "Length of a measurement (default: 4; quick: 2, with --only 3; handover: 8).")
    private int seconds;

    @Option(names = "--offload", split = ",", description = "Of ${COMPLETION-CANDIDATES} (default: all).")
    private List<Offload> offloads = List.of(Offload.values());

    @Option(
            names = "--only",
            split = ",",
            completionCandidates = Subjects.class,
            description =
                    "Of ${COMPLETION-CANDIDATES} (default: all but the last two, quick: TCP, UDP of 64 and 1300 B, superframes, latency"
                            + " and the loss-free rate of 64 B). The last two come alone: budgets is each figure beside a"
                            + " reference, handover is weftd started anew under load; both with exit code 1 for what is"
                            + " beyond its bound.")
    private List<String> subjects = List.of();

    @Option(
            names = "--trials",
            split = ",",
            completionCandidates = Trials.class,
            description = "With --only=" + BUDGETS + ", of ${COMPLETION-CANDIDATES} (default: all).")
    private List<String> trialNames = List.of();

    @Option(
            names = "--pairings",
            split = ",",
            description =
                    "From node to node, of ${COMPLETION-CANDIDATES} (default: all that can be had on this machine;"
                            + " quick: weft,kernel,single).")
    private List<Pairing> pairings = List.of();

    @Option(
            names = "--absent-nodes",
            defaultValue = "0",
            description = "So many nodes have a lease beside the two that talk, 0 to " + Overlay.MAX_ABSENT_NODES
                    + ", for what full tables cost (default: ${DEFAULT-VALUE}).")
    private int absentNodes;

    @Option(
            names = "--congestion-control",
            description = "Of TCP between pods, such as cubic (default: the machine's own).")
    private @Nullable String congestionControl;

    @Option(
            names = "--cpus",
            defaultValue = "0",
            description = "So many CPUs for each weftd, such as 0.1, as by a container's limit (default: no limit).")
    private double cpus;

    @Option(
            names = "--call-cost",
            paramLabel = "NS",
            defaultValue = "0",
            description = "So many nanoseconds for a system call, " + DearCalls.MIN_NS + " to " + DearCalls.MAX_NS
                    + ", in all processes of the run, as on machines where calls are dear; wake-ups stay as they are"
                    + " (default: what a call costs here).")
    private int callCostNs;

    @Option(names = "--other-java", description = "Home of another JVM that weftd is handed over to (handover).")
    private @Nullable Path otherJava;

    @Option(
            names = "--out",
            defaultValue = "target/bench",
            description = "Directory for results.json and report.html, or handover.json (default: ${DEFAULT-VALUE}).")
    private Path out = Path.of("target", "bench");

    @Mixin
    private WeftdOptions weftd = new WeftdOptions();

    @Spec
    private @Nullable CommandSpec spec;

    /** What the machine asks without dear calls; null unless they are imitated. */
    private @Nullable MachineCosts asItIs;

    private final List<Trial> trials;
    private final Function<HandoverPlan, HandoverCheck.Taking> handovers;
    private final Console console;

    BenchMain(
            final List<Trial> trials,
            final Function<HandoverPlan, HandoverCheck.Taking> handovers,
            final Console console) {
        this.trials = trials;
        this.handovers = handovers;
        this.console = console;
    }

    /** What --only may name. */
    static final class Subjects implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return Stream.concat(Arrays.stream(Measure.values()).map(Measure::toString), Stream.of(BUDGETS, HANDOVER))
                    .iterator();
        }
    }

    /** What --trials may name. */
    static final class Trials implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return Budgets.trials().stream().map(Trial::name).iterator();
        }
    }

    public static void main(final String[] args) {
        System.exit(Entry.execute(new BenchMain(Budgets.trials(), LabHandovers::new, new Console()), args));
    }

    @Override
    public Integer call() throws IOException {
        validate();
        final boolean isBudgets = isAlone(BUDGETS);
        final boolean isHandover = isAlone(HANDOVER);
        if (isBudgets || isHandover) {
            refuseAlone("--cpus=" + cpus, 0 != cpus);
            refuseAlone("--call-cost=" + callCostNs, 0 != callCostNs);
        }
        final List<Trial> chosen = chosenTrials(isBudgets);
        final List<Measure> measures = isBudgets || isHandover ? List.of() : measures();
        Entry.requireRoot();
        if (isBudgets) {
            return exitCode(new BudgetCheck(chosen, console).run(site("budget")));
        }
        if (isHandover) {
            final HandoverPlan plan = HandoverPlan.of(quick, rounds, seconds, otherJava);
            return exitCode(new HandoverCheck(handovers.apply(plan), console)
                    .run(site(HANDOVER), out, machine(MachineCosts.measure())));
        }
        final Plan plan = ofThisMachine(
                Plan.of(quick, pairings, offloads, measures, rounds, seconds, absentNodes, congestionControl));
        if (0 != callCostNs) {
            makeCallsDear();
        }
        final long startNs = System.nanoTime();
        final Results results;
        try (Teardown teardown = new Teardown()) {
            try {
                results = new Benchmark(plan, console::line, console::status)
                        .run(Entry.labPrefix("bench"), limited(weftd.weftd(), teardown), teardown);
            } catch (final Command.CommandException | IOException ex) {
                if (teardown.isClosed()) {
                    return CommandLine.ExitCode.SOFTWARE;
                }
                throw ex;
            }
        }
        summarise(results);
        write(results, (System.nanoTime() - startNs) / 1e9);
        return CommandLine.ExitCode.OK;
    }

    private void validate() {
        if (absentNodes < 0 || absentNodes > Overlay.MAX_ABSENT_NODES) {
            throw refusal("--absent-nodes=" + absentNodes + ": it takes 0 to " + Overlay.MAX_ABSENT_NODES);
        }
        if (cpus != 0 && !(cpus >= CpuLimit.MIN_CPUS && Double.isFinite(cpus))) {
            throw refusal("--cpus=" + cpus + ": it takes " + CpuLimit.MIN_CPUS + " or more, or 0 for no limit");
        }
        if (callCostNs != 0 && (callCostNs < DearCalls.MIN_NS || callCostNs > DearCalls.MAX_NS)) {
            throw refusal("--call-cost=" + callCostNs + ": it takes " + DearCalls.MIN_NS + " to " + DearCalls.MAX_NS
                    + " (nanoseconds), or 0 for what a call costs here");
        }
        if (null != congestionControl && !Machine.congestionControls().contains(congestionControl)) {
            throw refusal("--congestion-control=" + congestionControl + ": this kernel has "
                    + String.join(", ", Machine.congestionControls()) + " (modprobe tcp_" + congestionControl
                    + " may bring it)");
        }
    }

    private void refuseAlone(final String option, final boolean isGiven) {
        if (isGiven) {
            throw refusal(option + ": not with --only=" + BUDGETS + " or " + HANDOVER);
        }
    }

    /** In this process, so that all that it starts from now on has inherited it: both nodes, senders and receivers, whatever the pairing. */
    private void makeCallsDear() {
        console.status("measure what a system call costs, and make it dearer");
        asItIs = MachineCosts.measure();
        final double dearNs;
        try {
            dearNs = DearCalls.imitate(callCostNs, SystemCallFilter::applyToProcess);
        } catch (final IllegalArgumentException ex) {
            throw refusal("--call-cost=" + callCostNs + ": " + ex.getMessage());
        }
        console.line(String.format(
                Locale.ROOT,
                "a system call costs %.2f µs from here on: imitated, in all processes of the run",
                dearNs / 1e3));
    }

    private Weftd limited(final Weftd unlimited, final Teardown teardown) throws IOException {
        return 0 == cpus ? unlimited : unlimited.under(teardown.add(new CpuLimit(Entry.labPrefix("bench"), cpus)));
    }

    /** Without what cannot be had here, unless it was asked for. */
    private Plan ofThisMachine(final Plan plan) {
        final Set<Pairing> missing = EnumSet.noneOf(Pairing.class);
        for (final Pairing pairing : plan.pairings()) {
            pairing.missing().ifPresent(remedy -> {
                if (pairings.contains(pairing)) {
                    throw refusal("--pairings=" + pairing + ": not on this machine; " + remedy);
                }
                console.line("left out: " + pairing + " (" + remedy + ")");
                missing.add(pairing);
            });
        }
        return plan.without(missing);
    }

    private Site site(final String what) {
        return new Site(Entry.labPrefix(what), weftd.weftd(), weftd.bin());
    }

    private static int exitCode(final boolean isKept) {
        return isKept ? CommandLine.ExitCode.OK : CommandLine.ExitCode.SOFTWARE;
    }

    /** Whether a subject is asked for that comes alone. */
    private boolean isAlone(final String name) {
        final boolean isAsked = subjects.stream().anyMatch(name::equalsIgnoreCase);
        if (isAsked && subjects.size() > 1) {
            throw refusal("--only=" + String.join(",", subjects) + ": " + name + " comes alone");
        }
        return isAsked;
    }

    private List<Trial> chosenTrials(final boolean isBudgets) {
        if (!isBudgets && !trialNames.isEmpty()) {
            throw refusal("--trials=" + String.join(",", trialNames) + ": only with --only=" + BUDGETS);
        }
        final List<String> known = trials.stream().map(Trial::name).toList();
        trialNames.stream().filter(name -> !known.contains(name)).findFirst().ifPresent(name -> {
            throw refusal("--trials=" + name + ": it takes " + String.join(", ", known));
        });
        return trialNames.isEmpty()
                ? trials
                : trials.stream()
                        .filter(trial -> trialNames.contains(trial.name()))
                        .toList();
    }

    private List<Measure> measures() {
        final List<Measure> measures = new ArrayList<>();
        for (final String subject : subjects) {
            measures.add(Arrays.stream(Measure.values())
                    .filter(measure -> measure.toString().equalsIgnoreCase(subject))
                    .findFirst()
                    .orElseThrow(
                            () -> refusal("--only=" + subject + ": it takes " + String.join(", ", new Subjects()))));
        }
        return measures;
    }

    private CommandLine.ParameterException refusal(final String message) {
        return new CommandLine.ParameterException(Objects.requireNonNull(spec).commandLine(), message);
    }

    private void summarise(final Results results) {
        final List<Pairing> columns = results.pairings();
        final List<String> headings = new ArrayList<>(List.of("median (min-max)"));
        columns.forEach(pairing -> headings.add(pairing.toString()));
        headings.add("weft/kernel");
        final ConsoleTable table = new ConsoleTable(headings.toArray(String[]::new));
        for (final Measure measure : results.measures()) {
            for (final Metric metric : measure.headlines()) {
                for (final Offload offload : results.offloads()) {
                    final List<String> cells = new ArrayList<>();
                    cells.add(measure + " " + offload + ", " + metric.unit());
                    for (final Pairing pairing : columns) {
                        cells.add(results.spread(pairing, offload, measure, metric)
                                .map(spread -> cell(spread, metric))
                                .orElse("-"));
                    }
                    cells.add(results.ratioToKernel(Pairing.WEFT, offload, measure, metric)
                            .map(ratio -> String.format(
                                    Locale.ROOT, "%.2f (%.2f-%.2f)", ratio.median(), ratio.min(), ratio.max()))
                            .orElse("-"));
                    table.row(cells.toArray(String[]::new));
                }
            }
        }
        for (final Measure measure : results.searched()) {
            for (final Offload offload : results.offloads()) {
                final List<String> cells = new ArrayList<>(List.of(measure + " " + offload + ", kpps"));
                for (final Pairing pairing : columns) {
                    cells.add(kpps(results.lossFreeRate(pairing, offload, measure)));
                }
                cells.add(lossFreeRatio(results, offload, measure));
                table.row(cells.toArray(String[]::new));
            }
        }
        console.line("");
        console.part(table.render());
    }

    private static String kpps(final OptionalDouble packetsPerSecond) {
        return packetsPerSecond.isPresent()
                ? String.format(Locale.ROOT, "%.1f", packetsPerSecond.getAsDouble() / 1e3)
                : "-";
    }

    /** One search of each: a ratio without a spread. */
    private static String lossFreeRatio(final Results results, final Offload offload, final Measure measure) {
        final OptionalDouble own = results.lossFreeRate(Pairing.WEFT, offload, measure);
        final OptionalDouble kernel = results.lossFreeRate(Pairing.KERNEL, offload, measure);
        return own.isPresent() && kernel.isPresent() && kernel.getAsDouble() > 0
                ? String.format(Locale.ROOT, "%.2f", own.getAsDouble() / kernel.getAsDouble())
                : "-";
    }

    private static String cell(final Spread spread, final Metric metric) {
        return metric.format(spread.median()) + " (" + metric.format(spread.min()) + "-" + metric.format(spread.max())
                + ")";
    }

    private void write(final Results results, final double elapsedS) throws IOException {
        final MachineCosts costs = MachineCosts.measure();
        final Map<String, String> machine = machine(costs);
        machine.put("seconds", String.format(Locale.ROOT, "%.0f", elapsedS));
        console.line("");
        machine.forEach((name, value) -> console.line("  " + name + ": " + value));
        final List<FirstGuess> guesses = FirstGuess.of(results, costs);
        if (!guesses.isEmpty()) {
            console.line("");
            console.part(counted(guesses));
        }
        guesses.forEach(guess -> console.line("  first guess: " + guess));
        Files.createDirectories(out);
        final Path json = Files.writeString(out.resolve("results.json"), JsonReport.render(results, machine, guesses));
        final Path html = Files.writeString(out.resolve("report.html"), HtmlReport.render(results, machine, guesses));
        console.line(String.format(Locale.ROOT, "%n%.0f s. Results: %s and %s", elapsedS, json, html));
    }

    /** What both daemons did for each superframe or packet. */
    private static String counted(final List<FirstGuess> guesses) {
        final List<String> headings = new ArrayList<>(List.of("counted", "for each"));
        FirstGuess.COUNTED.forEach(metric -> headings.add(metric.unit()));
        final ConsoleTable table = new ConsoleTable(headings.toArray(String[]::new));
        for (final FirstGuess guess : guesses) {
            final List<String> cells = new ArrayList<>();
            cells.add(guess.pairing() + ", " + guess.measure() + ", " + guess.offload());
            cells.add(guess.measure().carried().toString());
            cells.addAll(guess.countedText());
            table.row(cells.toArray(String[]::new));
        }
        return table.render();
    }

    private Map<String, String> machine(final MachineCosts costs) throws IOException {
        final Map<String, String> machine = new LinkedHashMap<>();
        machine.put("measured", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        machine.putAll(null == asItIs ? Machine.describe(costs) : Machine.describe(asItIs, costs));
        if (null != congestionControl) {
            machine.put(Machine.CONGESTION_CONTROL, congestionControl);
        }
        machine.put("absent nodes", String.valueOf(absentNodes));
        machine.put("CPUs of each weftd", 0 == cpus ? "no limit" : String.valueOf(cpus));
        machine.put(
                "weftd",
                (String.join(" ", weftd.weftd().arguments()) + " "
                                + weftd.weftd().javaOptions())
                        .strip());
        return machine;
    }
}
