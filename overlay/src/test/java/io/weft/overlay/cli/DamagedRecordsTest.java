/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.WeftdProcess;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/**
 * A daemon that runs, with counters as another version writes them, beside half a status that another has left: what can be told is told.
 */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DamagedRecordsTest {
    private static final byte FORMER_FORMAT = 1;

    private final CloseAll resources = new CloseAll();
    private final StringWriter errors = new StringWriter();
    private final Topology topology = resources.add(Topology.twoNodes());
    private final Topology.Node node = topology.node(0);
    private Path runDirectory = Path.of("run");

    @BeforeAll
    void startTheDaemonAndDamageRecords(@TempDir final Path directory) throws IOException {
        runDirectory = directory.resolve("run");
        final Topology.Node peer = topology.node(1);
        topology.kernelVxlan(peer);
        final String peerMac = peer.namespace()
                .exec("cat", "/sys/class/net/" + KernelVxlan.DEVICE + "/address")
                .trim();
        Files.writeString(
                directory.resolve("leases.json"),
                "{\"config\":{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}},\"leases\":{"
                        + WeftdProcess.lease(node, node.vtepMac()) + "," + WeftdProcess.lease(peer, peerMac) + "}}");
        resources
                .add(WeftdProcess.start(
                        node.namespace(),
                        directory,
                        "--registry=file:" + directory.resolve("leases.json"),
                        "--iface=" + node.underlayDevice()))
                .awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
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

    private String run(final int exitCode, final String... arguments) {
        final StringWriter out = new StringWriter();
        final CommandLine line = WeftCommand.commandLine();
        line.setOut(new PrintWriter(out, true));
        line.setErr(new PrintWriter(errors, true));
        final String[] all = Stream.concat(Stream.of(arguments), Stream.of("--run-dir=" + runDirectory))
                .toArray(String[]::new);
        final int found = node.namespace().call(() -> line.execute(all));
        assertEquals(exitCode, found, () -> out + " " + errors);
        return out.toString();
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
        assertStatus(run(StatusCommand.WRONG, "status"));
        final String json = run(StatusCommand.WRONG, "status", "-o", "json");
        assertTrue(json.contains("{\"device\":\"weft.1\",\"liveness\":\"live\","), json);
        assertTrue(
                json.contains(
                        "{\"device\":\"blue.1\",\"liveness\":\"unreadable\",\"ok\":false,\"parts\":[{\"part\":\"record\","),
                json);
    }

    @Test
    void shouldShowWhatCanBeReadAndNameTheRest() {
        assertTrue(run(1, "show", "routes").startsWith("10.244.1.0/24 via 10.244.1.0 dev weft.1 "));
        assertTrue(errors.toString().contains("weft: read " + runDirectory.resolve("blue.1.status")), errors::toString);
        assertEquals("", run(1, "show", "ports", "--device=weft.1"));
        assertTrue(
                errors.toString().contains("weft: weft.1: " + runDirectory.resolve("weft.1.counters")),
                errors::toString);
    }

    @Test
    void shouldAskPeersForWhichNoCounterIsNeeded() {
        final String answer = run(0, "ping", "all");
        assertTrue(answer.startsWith("weft.1 192.168.100.2 10.244.1.0/24: ok, "), answer);
    }

    @Test
    void shouldExplainByTheOnlyDaemonThatCanBeRead() {
        final String answer = run(0, "explain", "10.244.1.2");
        assertTrue(answer.contains(" dst 192.168.100.2 port 8472 "), answer);
    }

    @Test
    void shouldPackAllFilesIntoTheReportAsTheyAre(@TempDir final Path directory) throws IOException {
        final Path archive = directory.resolve("report.zip");
        run(0, "report", "-w", archive.toString());
        try (ZipFile zip = new ZipFile(archive.toFile())) {
            assertEquals("{\"pid\":", content(zip, "blue.1.status"));
            assertStatus(content(zip, "status.txt"));
            final ZipEntry counters = zip.getEntry("weft.1.counters");
            assertEquals(FORMER_FORMAT, zip.getInputStream(counters).read());
        }
        assertTrue(run(0, "show", "routes", "--from=" + archive).startsWith("10.244.1.0/24 via "));
    }

    private static String content(final ZipFile zip, final String name) throws IOException {
        return new String(zip.getInputStream(zip.getEntry(name)).readAllBytes(), UTF_8);
    }
}
