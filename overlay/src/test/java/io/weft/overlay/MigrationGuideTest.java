/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static java.lang.System.Logger.Level.INFO;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.cli.WeftMain;
import io.weft.overlay.daemon.WeftdMain;
import io.weft.overlay.registry.etcd.EtcdServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The commands of docs/migrate-from-flannel.md, read from there and run one after the other on a node whose pod talks to another
 * node's all the while. They run as they stand, with a /run and a /var/lib of the node's own, but for two things that a namespace does not have:
 *
 * <ul>
 *   <li>There is no systemd. {@code systemctl stop} and {@code start} of flanneld stop and start {@link Flanneld}; of weftd, stop
 *       sends SIGTERM and waits for the end, as systemd does.
 *   <li>The guide's example names are replaced by those of the test: see {@link #names}.
 * </ul>
 */
@RequiresRoot
class MigrationGuideTest {
    private static final System.Logger LOG = System.getLogger(MigrationGuideTest.class.getName());
    private static final Path GUIDE = Path.of(System.getProperty("weft.root", ".."), "docs/migrate-from-flannel.md");
    private static final long TIMEOUT_MS = Await.TIMEOUT_MS;

    @TempDir
    private Path directory = Path.of(".");

    private @Nullable Flanneld flanneld;
    private @Nullable BackgroundProcess weftd;

    @BeforeEach
    void setUp() {
        assumeTrue(EtcdServer.isInstalled(), "needs Debian's etcd-server and etcd-client");
    }

    /** The lines of the section's code blocks, without their comments. */
    private static List<String> commands(final String section) throws IOException {
        final List<String> commands = new ArrayList<>();
        boolean isInside = false;
        for (final String line : Files.readAllLines(GUIDE)) {
            if (line.startsWith("## ")) {
                isInside = line.equals("## " + section);
            } else if (isInside && line.matches(" {4,}\\S.*")) {
                commands.add(line.replaceFirst(" +# .*", "").strip());
            }
        }
        return commands;
    }

    /** What stands in the guide for what the reader's network has, and what stands for it here. */
    private static Map<String, String> names(final MixedCluster cluster, final Topology.Node node) {
        return Map.of("http://10.0.0.5:2379", cluster.etcd().endpoint(), "eth0", node.underlayDevice());
    }

    /** The launchers that an installation has in its bin directory, with the class path of the tests. */
    private Path launchers() throws IOException {
        final Path bin = Files.createDirectories(directory.resolve("bin"));
        for (final Map.Entry<String, Class<?>> launcher :
                Map.of("weftd", WeftdMain.class, "weft", WeftMain.class).entrySet()) {
            final Path file = Files.writeString(
                    bin.resolve(launcher.getKey()),
                    "#!/bin/sh\nexec '" + String.join("' '", WeftdProcess.java(launcher.getValue())) + "' \"$@\"\n");
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
        }
        return bin;
    }

    /** The words that run a line of the guide on the node, whose /run is a directory of the test, and its /var/lib an empty one. */
    private String[] shell(final String line, final Path run, final Path bin) {
        return new String[] {
            "sh",
            "-c",
            "mount -t tmpfs tmpfs /var/lib && mount --bind \"$0\" /run && PATH=$1:$PATH exec bash -c \"$2\"",
            run.toString(),
            bin.toString(),
            line
        };
    }

    @Test
    void shouldMigrateAndGoBackUnderAStreamWhenTheGuidesCommandsAreRun() throws Exception {
        final Path run = directory.resolve("run");
        final Path subnetFile = Files.createDirectories(run.resolve("flannel")).resolve("subnet.env");
        final Path bin = launchers();
        try (MixedCluster cluster = new MixedCluster(directory, 2)) {
            final Topology.Node node = cluster.node(0);
            final Topology.Node peer = cluster.node(1);
            Files.copy(cluster.subnetFile(node), subnetFile);
            flanneld = cluster.startFlanneld(node, subnetFile);
            cluster.startFlanneld(peer);
            final String subnetText = Files.readString(subnetFile);
            try (TcpStream stream = new TcpStream(node, peer)) {
                final Map<String, String> outputs = new LinkedHashMap<>();
                for (final String command : commands("To weftd")) {
                    outputs.put(command, run(cluster, node, command, run, bin));
                    stream.awaitProgress(TIMEOUT_MS);
                }
                LOG.log(INFO, "to weftd, the stream stood still for {0} ms", stream.takeLongestGapMs());
                assertOutput(outputs, "ip address show dev weft.1", "inet " + node.subnetBase() + "/32 ");
                assertOutput(outputs, "ip route show dev weft.1", Topology.CLUSTER_NETWORK);
                assertOutput(outputs, "cat /run/flannel/subnet.env", subnetText);
                assertOutput(outputs, "weft counters", "egress forwarded packets");

                final List<String> back = commands("Back to flanneld");
                assertEquals(3, back.size(), () -> String.join("\n", back));
                for (final String command : back) {
                    run(cluster, node, command, run, bin);
                    if (command.equals("systemctl start flanneld")) {
                        // Beside the guard routes, which are there until weftd is uninstalled.
                        assertTrue(node.namespace()
                                .ip("route", "show", "type", "blackhole")
                                .contains(Topology.CLUSTER_NETWORK));
                        stream.awaitProgress(TIMEOUT_MS);
                    }
                }
                assertEquals("", node.namespace().ip("route", "show", "type", "blackhole"));
                stream.awaitProgress(TIMEOUT_MS);
                LOG.log(INFO, "back to flanneld, the stream stood still for {0} ms", stream.takeLongestGapMs());
                assertEquals("", node.namespace().ip("-oneline", "link", "show", "type", "tun"));
                assertTrue(node.namespace()
                        .ip("route")
                        .contains(peer.subnet() + " via " + peer.subnetBase() + " dev " + KernelVxlan.DEVICE));
                stream.finish(TIMEOUT_MS);
            }
        }
    }

    private static void assertOutput(final Map<String, String> outputs, final String command, final String text) {
        final String output = outputs.get(command);
        assertTrue(
                null != output && output.contains(text), () -> text + " in the output of " + command + ": " + outputs);
    }

    /** Runs a line of the guide; a line that starts weftd is waited for until weftd is ready. */
    private String run(
            final MixedCluster cluster, final Topology.Node node, final String command, final Path run, final Path bin)
            throws Exception {
        switch (command) {
            case "systemctl stop flanneld" -> Objects.requireNonNull(flanneld).close();
            case "systemctl start flanneld" ->
                flanneld = cluster.startFlanneld(node, run.resolve("flannel/subnet.env"));
            case "systemctl stop weftd" -> {
                final BackgroundProcess running = Objects.requireNonNull(weftd);
                running.process().destroy();
                assertEquals(0, running.awaitExit(TIMEOUT_MS), running::output);
            }
            default -> {
                String line = command;
                for (final Map.Entry<String, String> name : names(cluster, node).entrySet()) {
                    line = line.replace(name.getKey(), name.getValue());
                }
                if (line.startsWith("weftd ") && !line.contains("--uninstall")) {
                    weftd = node.namespace()
                            .start(shell(line, run, bin))
                            .awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
                } else {
                    return node.namespace().exec(shell(line, run, bin));
                }
            }
        }
        return "";
    }
}
