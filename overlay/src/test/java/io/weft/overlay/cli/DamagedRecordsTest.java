/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.WeftdProcess;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * A daemon that runs, with counters as another version writes them, beside half a status that another has left: what can be told is told.
 */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DamagedRecordsTest {
    private static final byte FORMER_FORMAT = 1;

    private final CloseAll resources = new CloseAll();
    private final Topology topology = resources.add(Topology.twoNodes());
    private final Topology.Node node = topology.node(0);
    private Path runDirectory = Path.of("run");
    private Operator operator = new Operator(node.namespace(), runDirectory);

    @BeforeAll
    void startTheDaemonAndDamageRecords(@TempDir final Path directory) throws IOException {
        runDirectory = directory.resolve("run");
        operator = new Operator(node.namespace(), runDirectory);
        final Topology.Node peer = topology.node(1);
        topology.kernelVxlan(peer);
        WeftdProcess.leases(directory, WeftdProcess.lease(node), WeftdProcess.lease(peer));
        resources.add(WeftdProcess.start(node, directory)).awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
        Await.until(
                "the tables are on record",
                Await.TIMEOUT_MS,
                () -> 0
                        == node.namespace()
                                .tryExec("grep", "-q", "^route 10.244.1.0/24 ", runDirectory + "/weft.1.tables")
                                .exitCode());
        try (FileChannel counters =
                FileChannel.open(runDirectory.resolve("weft.1.counters"), StandardOpenOption.WRITE)) {
            counters.write(ByteBuffer.wrap(new byte[] {FORMER_FORMAT, 0, 0, 0}), 0);
        }
        Files.writeString(runDirectory.resolve("blue.1.status"), "{\"pid\":");
    }

    @AfterAll
    void tearDown() {
        resources.close();
    }

    private void assertStatus(final String status) {
        for (final String words : List.of(
                "weft.1: live, network namespace ",
                "  registry  ok     file, followed\n",
                "  memory    ok     ",
                "  record    WRONG  weft.1 has no counters to read: " + runDirectory.resolve("weft.1.counters")
                        + " has counters format 1, but this program reads 2. ",
                "blue.1: unreadable\n  record    WRONG  read " + runDirectory.resolve("blue.1.status") + ": ")) {
            assertTrue(status.contains(words), words + "\nnot in\n" + status);
        }
    }

    @Test
    void shouldTellOfEachPartThatCanBeRead() {
        assertStatus(operator.run(StatusCommand.WRONG, "status"));
        final String json = operator.run(StatusCommand.WRONG, "status", "-o", "json");
        assertTrue(json.contains("{\"device\":\"weft.1\",\"liveness\":\"live\","), json);
        assertTrue(
                json.contains(
                        "{\"device\":\"blue.1\",\"liveness\":\"unreadable\",\"ok\":false,\"parts\":[{\"part\":\"record\","),
                json);
    }

    @Test
    void shouldShowWhatCanBeReadAndNameTheRest() {
        assertTrue(operator.run(1, "show", "routes").startsWith("10.244.1.0/24 via 10.244.1.0 dev weft.1 "));
        assertTrue(operator.errors().contains("weft: read " + runDirectory.resolve("blue.1.status")), operator::errors);
        assertEquals("", operator.run(1, "show", "ports", "--device=weft.1"));
        assertTrue(
                operator.errors().contains("weft: weft.1: " + runDirectory.resolve("weft.1.counters")),
                operator::errors);
    }

    @Test
    void shouldAskPeersForWhichNoCounterIsNeeded() {
        final String answer = operator.run(0, "ping", "all");
        assertTrue(answer.startsWith("weft.1 192.168.100.2 10.244.1.0/24: ok, "), answer);
    }

    @Test
    void shouldExplainByTheOnlyDaemonThatCanBeRead() {
        final String answer = operator.run(0, "explain", "10.244.1.2");
        assertTrue(answer.contains(" dst 192.168.100.2 port 8472 "), answer);
    }

    @Test
    void shouldPackAllFilesIntoTheReportAsTheyAre(@TempDir final Path directory) throws IOException {
        final Path archive = directory.resolve("report.zip");
        operator.run(0, "report", "-w", archive.toString());
        try (ZipFile zip = new ZipFile(archive.toFile())) {
            assertEquals("{\"pid\":", content(zip, "blue.1.status"));
            assertStatus(content(zip, "status.txt"));
            final ZipEntry counters = zip.getEntry("weft.1.counters");
            assertEquals(FORMER_FORMAT, zip.getInputStream(counters).read());
        }
        assertTrue(operator.run(0, "show", "routes", "--from=" + archive).startsWith("10.244.1.0/24 via "));
    }

    private static String content(final ZipFile zip, final String name) throws IOException {
        return new String(zip.getInputStream(zip.getEntry(name)).readAllBytes(), UTF_8);
    }
}
