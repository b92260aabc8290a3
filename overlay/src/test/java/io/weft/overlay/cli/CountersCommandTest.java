/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.overlay.json.JsonText;
import io.weft.overlay.json.JsonValue;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.agrona.concurrent.status.CountersManager;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** What a script takes apart stays as it is, and a person is told what a drop reason means. */
class CountersCommandTest {
    @TempDir
    private Path directory;

    private Path path;

    @BeforeEach
    void countOnTwoWorkers() {
        path = directory.resolve("counters");
        try (CountersFile file = CountersFile.create(path, 256, 42, 0)) {
            final CountersManager manager = file.manager();
            for (int worker = 0; worker < 2; worker++) {
                final WorkerCounters counters = new WorkerCounters(manager, worker);
                counters.add(DataPlaneCounter.EGRESS_RECEIVED_PACKETS, 5);
                counters.drop(DropReason.NEIGH_FAILED, 2);
            }
        }
    }

    private String output(final String... arguments) {
        final StringWriter out = new StringWriter();
        final List<String> all = new ArrayList<>(List.of("--counters-file", path.toString()));
        all.addAll(List.of(arguments));
        final int status = new CommandLine(new CountersCommand())
                .setOut(new PrintWriter(out))
                .execute(all.toArray(new String[0]));
        assertEquals(0, status);
        return out.toString();
    }

    @Test
    void shouldSayWhatADropReasonMeansUnderItsLine() {
        assertEquals(
                List.of(
                        "                  10  egress received packets",
                        "                   4  NEIGH_FAILED",
                        "                      # " + DropReason.NEIGH_FAILED.description()),
                output().lines().skip(1).toList());
    }

    @Test
    void shouldSayWhatEachReasonMeansWhenAllAreWanted() {
        final List<String> lines = output("--all").lines().toList();
        for (final DropReason reason : DropReason.values()) {
            final int at = lines.indexOf(String.format("%20d  %s", DropReason.NEIGH_FAILED == reason ? 4 : 0, reason));
            assertTrue(at > 0, () -> reason + " in " + lines);
            assertEquals("# " + reason.description(), lines.get(at + 1).strip());
        }
    }

    @Test
    void shouldKeepCountersAndMeaningsApartInJson() throws Exception {
        final JsonValue json =
                JsonText.of(output("-o", "json").getBytes(UTF_8), "output").read();
        assertEquals(4, json.required("counters").required("NEIGH_FAILED").integer(0, 9));
        assertEquals(
                DropReason.NEIGH_FAILED.description(),
                json.required("meanings").required("NEIGH_FAILED").string());
        assertFalse(output("-o", "json").contains("MULTICAST"), "only what was counted");
    }
}
