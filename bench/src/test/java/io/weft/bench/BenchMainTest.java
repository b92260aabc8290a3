/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.bench.budget.ScriptedTrial;
import io.weft.bench.budget.Trial;
import io.weft.bench.handover.HandoverCheck;
import io.weft.bench.handover.ScriptedHandovers;
import io.weft.bench.report.Console;
import io.weft.linux.testing.RequiresRoot;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/** The command line's exit codes, with trials of the test's own. */
@RequiresRoot
class BenchMainTest {
    private static final int OK = 0;
    private static final int MISSED = 1;
    private static final int USAGE = 2;

    private final ByteArrayOutputStream printed = new ByteArrayOutputStream();

    @TempDir
    private Path directory = Path.of(".");

    private int run(final List<Trial> trials, final String... options) {
        return Entry.execute(
                new BenchMain(trials, plan -> ScriptedHandovers.unnoticed(), new Console(printed)), options);
    }

    private int runHandovers(final HandoverCheck.Taking handovers) {
        return Entry.execute(
                new BenchMain(List.of(), plan -> handovers, new Console(printed)),
                "--only=handover",
                "--out=" + directory);
    }

    private String output() {
        return printed.toString(UTF_8);
    }

    @Test
    void shouldExitWithOneAndNameTheBudgetWhenABoundIsMissed() {
        final List<Trial> trials =
                List.of(ScriptedTrial.withRatio("fast", 1.9, 2), ScriptedTrial.withRatio("slow", 2.1, 2));
        assertEquals(MISSED, run(trials, "--only=budgets"));
        assertTrue(output().contains("missed: slow\n"), this::output);
        assertFalse(output().contains("missed: fast"), this::output);
    }

    /** No machine does something in no time. */
    @Test
    void shouldExitWithOneWhenABoundThatIsMeasuredCannotBeKept() {
        assertEquals(MISSED, run(List.of(ScriptedTrial.measured(0)), "--only=budgets"), this::output);
    }

    @Test
    void shouldExitWithZeroWhenAllBudgetsAreKept() {
        assertEquals(
                OK,
                run(
                        List.of(ScriptedTrial.withRatio("fast", 2, 2), ScriptedTrial.measured(Double.MAX_VALUE)),
                        "--only=BUDGETS"),
                this::output);
        assertTrue(output().contains("All 2 budgets are kept."), this::output);
    }

    @Test
    void shouldRunNoTrialButTheOneThatIsAskedForAndPrintWhatItRemarks() {
        final List<Trial> trials =
                List.of(ScriptedTrial.withRatio("fast", 1.9, 2), ScriptedTrial.withRatio("slow", 2.1, 2));
        assertEquals(OK, run(trials, "--only=budgets", "--trials=fast"), this::output);
        assertTrue(output().contains("All 1 budgets are kept."), this::output);
        assertTrue(output().contains("remark on fast\n"), this::output);
        assertFalse(output().contains("slow"), this::output);
    }

    @Test
    void shouldRefuseATrialThatThereIsNotOrThatIsNoBudgets() {
        final List<Trial> trials = List.of(ScriptedTrial.withRatio("fast", 1, 2));
        assertEquals(USAGE, run(trials, "--only=budgets", "--trials=none"));
        assertEquals(USAGE, run(trials, "--only=tcp1", "--trials=fast"));
        assertEquals("", output());
    }

    @Test
    void shouldNameWhatCannotBeMeasured() {
        assertEquals(OK, run(List.of(ScriptedTrial.lacking("it needs a moon")), "--only=budgets"));
        assertTrue(output().contains("not measured: scripted: it needs a moon\n"), this::output);
    }

    @Test
    void shouldExitWithZeroAndWriteEachIntervalWhenNoHandoverIsNoticed() throws IOException {
        assertEquals(OK, runHandovers(ScriptedHandovers.unnoticed()), this::output);
        final JsonNode json = new ObjectMapper().readTree(Files.readString(directory.resolve("handover.json")));
        final JsonNode turn = json.path("findings").path("packets").path(0);
        assertEquals(0, turn.path("handover").path("lost").asInt(-1), json::toPrettyString);
        assertTrue(turn.path("quiet").path("latest_ms").isNumber(), json::toPrettyString);
    }

    @Test
    void shouldExitWithOneAndSayWhatPodsNoticedOfAHandover() {
        assertEquals(MISSED, runHandovers(ScriptedHandovers.withLoss(7)));
        assertTrue(output().contains("missed: no packet lost: 7 lost\n"), this::output);
        assertTrue(output().contains("kept: no TCP connection lost: none\n"), this::output);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--only=budgets,tcp1",
                "--only=handover,budgets",
                "--only=nonsense",
                "--only=tcp1,nonsense",
                "--absent-nodes=-1",
                "--absent-nodes=10001",
                "--congestion-control=none",
                "--cpus=-1",
                "--cpus=0.001",
                "--cpus=Infinity",
                "--call-cost=-1",
                "--call-cost=99",
                "--call-cost=10001",
                "--call-cost=much"
            })
    void shouldRefuseWhatItCannotMeasure(final String option) {
        assertEquals(USAGE, run(List.of(ScriptedTrial.withRatio("fast", 1, 2)), option));
        assertEquals("", output());
    }

    @ParameterizedTest
    @ValueSource(strings = {"--only=budgets", "--only=handover"})
    void shouldRefuseDearCallsWhereFiguresAreJudged(final String subject) {
        assertEquals(USAGE, run(List.of(ScriptedTrial.withRatio("fast", 1, 2)), subject, "--call-cost=1000"));
        assertEquals("", output());
    }
}
