/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.options.WeftdCommandLine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What kubelet is told of a pod's own weftd, while two pods of one DaemonSet are on the node. */
@RequiresRoot
class ProbeTest {
    private static final Path PROBE = Path.of("../bin/weft-probe").toAbsolutePath();
    private static final String LEASES = """
            {"config": {"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}, "leases": {"%s": {"PublicIP": "%s",
             "BackendType": "vxlan", "BackendData": {"VNI": 1, "VtepMAC": "02:00:00:00:00:0a"}}}}
            """;

    @TempDir
    private Path directory = Path.of(".");

    private final CloseAll resources = new CloseAll();
    private final Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);

    @BeforeEach
    void setUp() throws IOException {
        resources.add(topology);
        writeLeases(LEASES.formatted(node.subnet().replace('/', '-'), node.underlayAddress()));
    }

    @AfterEach
    void tearDown() {
        resources.close();
    }

    private void writeLeases(final String leases) throws IOException {
        Files.move(
                Files.writeString(directory.resolve("fresh"), leases),
                directory.resolve("leases.json"),
                StandardCopyOption.ATOMIC_MOVE);
    }

    private BackgroundProcess startReady(final String pod, final String... words) {
        final List<String> command = new ArrayList<>(List.of("env", "POD_NAME=" + pod, "POD_NAMESPACE=weft"));
        command.addAll(List.of(words));
        command.addAll(List.of(WeftdProcess.command(
                directory, "--registry=file:" + directory.resolve("leases.json"), "--iface=" + node.underlayDevice())));
        return resources
                .add(node.namespace().start(command.toArray(String[]::new)))
                .awaitOutput("ready: weft.1 forwards", WeftdProcess.START_TIMEOUT_MS);
    }

    private Command.Result probe(final String question) {
        return Command.tryRun(List.of("env", "WEFTD_RUN_DIR=" + directory.resolve("run"), PROBE.toString(), question));
    }

    private void awaitProbe(final String question, final int exitCode, final String words) {
        Await.until(
                () -> question + " is " + exitCode + " with '" + words + "': " + probe(question),
                Await.TIMEOUT_MS,
                () -> {
                    final Command.Result result = probe(question);
                    return exitCode == result.exitCode() && result.output().contains(words);
                });
    }

    private void assertProbe(final String question, final int exitCode, final String words) {
        final Command.Result result = probe(question);
        assertEquals(exitCode, result.exitCode(), result::toString);
        assertTrue(result.output().contains(words), result::toString);
    }

    @Test
    void shouldTellOfThePodsOwnWeftdWhenAnotherPodsHasThePlace() throws Exception {
        assertProbe("live", 0, "");
        assertProbe("forwards", 1, "does not forward yet");
        final BackgroundProcess former =
                startReady("weft-abcde", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc");
        // Its record is there, and it is well: nothing of that is this pod's.
        Await.until(
                () -> "a record of the other's",
                Await.TIMEOUT_MS,
                () -> 0
                        == Command.tryRun(List.of(
                                        "grep",
                                        "-q",
                                        "\"ready\":true",
                                        directory.resolve("run/weft.1.status").toString()))
                                .exitCode());
        assertProbe("forwards", 1, "another has its place");
        assertProbe("ready", 1, "another has its place");
        assertProbe("live", 0, "");

        final BackgroundProcess own = startReady("weft-fghij");
        assertEquals(WeftdCommandLine.EXIT_HANDED_OVER, former.awaitExit(Await.TIMEOUT_MS), former::output);
        awaitProbe("forwards", 0, "");
        awaitProbe("ready", 0, "");
        assertProbe("live", 0, "");

        writeLeases("{");
        awaitProbe("ready", 1, "registry: file is not followed");
        assertProbe("forwards", 0, "");

        final String pid = String.valueOf(own.process().pid());
        Command.run(List.of("kill", "-STOP", pid));
        Files.setLastModifiedTime(
                directory.resolve("run/weft.1.status"),
                FileTime.from(Instant.now().minus(Duration.ofMinutes(2))));
        assertProbe("live", 1, "no sign of life for 12");
        Command.run(List.of("kill", "-CONT", pid));
        awaitProbe("live", 0, "");

        Command.run(List.of("kill", "-KILL", pid));
        own.process().waitFor();
        // Its record says that it forwards: who comes next with the same number of the namespace is not that one.
        assertProbe("forwards", 1, "does not forward yet");
        assertProbe("live", 0, "");
    }

    @ParameterizedTest
    @ValueSource(strings = {"healthy", ""})
    void shouldRefuseWhenItIsAskedForSomethingElse(final String question) {
        assertEquals(2, probe(question).exitCode());
    }
}
