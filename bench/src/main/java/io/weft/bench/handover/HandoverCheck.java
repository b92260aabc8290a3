/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.handover;

import io.weft.bench.budget.Site;
import io.weft.bench.lab.Teardown;
import io.weft.bench.report.Console;
import io.weft.bench.report.ConsoleTable;
import io.weft.bench.stats.Spread;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** Has handovers measured, and judges whether pods noticed them. */
public final class HandoverCheck {
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .build();

    private final Taking taking;
    private final Console console;

    /** What takes the figures. */
    @FunctionalInterface
    public interface Taking {
        /**
         * Brings up what it needs, and takes the figures.
         *
         * @param site what it works with.
         * @param console tells of each interval.
         * @param teardown closes what is brought up, also when the program is ended from outside.
         */
        Findings take(Site site, Console console, Teardown teardown) throws IOException;
    }

    public HandoverCheck(final Taking taking, final Console console) {
        this.taking = taking;
        this.console = console;
    }

    /**
     * Takes all figures, prints them with their verdicts, and writes both as {@code handover.json}.
     *
     * @param out the directory of the file.
     * @param machine what it was measured on.
     * @return whether pods noticed nothing.
     */
    public boolean run(final Site site, final Path out, final Map<String, String> machine) throws IOException {
        final Findings findings;
        try (Teardown teardown = new Teardown()) {
            findings = taking.take(site, console, teardown);
        }
        final List<Verdict> verdicts = Verdict.of(findings);
        print(findings, verdicts);
        final Map<String, Object> report = new LinkedHashMap<>();
        report.put("machine", machine);
        report.put("findings", findings);
        report.put("verdicts", verdicts);
        Files.createDirectories(out);
        final Path file = Files.writeString(out.resolve("handover.json"), JSON.writeValueAsString(report));
        console.line("Results: " + file);
        return verdicts.stream().allMatch(Verdict::isKept);
    }

    private void print(final Findings findings, final List<Verdict> verdicts) {
        console.line("");
        console.part(turns(findings).render());
        console.line("");
        final ConsoleTable gaps = new ConsoleTable("restart, packets at a low rate", "longest silence, ms", "lost");
        findings.gaps()
                .forEach(gap -> gaps.row(gap.restart(), format(gap.silenceMs(), "%.1f"), String.valueOf(gap.lost())));
        console.part(gaps.render());
        console.line("");
        findings.left().forEach(left -> console.line("not measured: " + left));
        verdicts.forEach(verdict -> console.line((verdict.isKept() ? console.good("kept: ") : console.bad("missed: "))
                + verdict.respect() + ": " + verdict.found()));
    }

    private static ConsoleTable turns(final Findings findings) {
        final ConsoleTable table = new ConsoleTable("median (min-max)", "without", "with a handover");
        final List<Turn<PacketInterval>> packets = findings.packets();
        if (!packets.isEmpty()) {
            total(table, "packets lost, of all", packets, PacketInterval::lost);
            total(table, "  of these by a full receiving socket", packets, PacketInterval::overflowed);
            spread(table, "latest packet, ms", packets, PacketInterval::latestMs, "%.1f");
            spread(table, "longest silence, ms", packets, PacketInterval::longestSilenceMs, "%.1f");
            pause(table, packets);
        }
        final List<Turn<StreamInterval>> streams = findings.streams();
        if (!streams.isEmpty()) {
            spread(table, "TCP, 4 streams, Gbit/s", streams, StreamInterval::gigabitsPerSecond, "%.2f");
            total(table, "retransmission timeouts, of all", streams, StreamInterval::timeouts);
            pause(table, streams);
        }
        return table;
    }

    private static <T> void total(
            final ConsoleTable table, final String name, final List<Turn<T>> turns, final ToLongFunction<T> value) {
        table.row(
                name,
                String.valueOf(turns.stream()
                        .mapToLong(turn -> value.applyAsLong(turn.quiet()))
                        .sum()),
                String.valueOf(turns.stream()
                        .mapToLong(turn -> value.applyAsLong(turn.handover()))
                        .sum()));
    }

    private static <T> void spread(
            final ConsoleTable table,
            final String name,
            final List<Turn<T>> turns,
            final ToDoubleFunction<T> value,
            final String format) {
        table.row(
                name,
                format(spread(turns, turn -> value.applyAsDouble(turn.quiet())), format),
                format(spread(turns, turn -> value.applyAsDouble(turn.handover())), format));
    }

    private static <T> void pause(final ConsoleTable table, final List<Turn<T>> turns) {
        table.row("  no daemon forwarded, ms", "", format(spread(turns, Turn::pauseMs), "%.1f"));
    }

    private static <T> Spread spread(final List<Turn<T>> turns, final ToDoubleFunction<Turn<T>> value) {
        return Spread.of(turns.stream().mapToDouble(value).toArray());
    }

    private static String format(final Spread spread, final String format) {
        return String.format(
                Locale.ROOT, format + " (" + format + "-" + format + ")", spread.median(), spread.min(), spread.max());
    }
}
