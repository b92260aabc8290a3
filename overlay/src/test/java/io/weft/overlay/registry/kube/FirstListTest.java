/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.Netns;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.WeftdProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A weftd whose registry has given it its lease, and takes its time with those of others. */
@RequiresRoot
class FirstListTest {
    private static final String PREFIX = "flannel.alpha.coreos.com";

    @TempDir
    private Path directory = Path.of(".");

    private final CloseAll resources = new CloseAll();

    @AfterEach
    void tearDown() {
        resources.close();
    }

    @Test
    void shouldLetPacketsOfPodsGoNowhereUntilThereAreLeases() throws Exception {
        final Topology topology = resources.add(Topology.twoNodes());
        final Topology.Node node = topology.node(0);
        final Topology.Node peer = topology.node(1);
        final NodeApiServer api =
                resources.add(Netns.call(Netns.named(node.namespace().name()), NodeApiServer::new));
        Files.writeString(
                directory.resolve("net-conf.json"),
                "{\"Network\":\"" + Topology.CLUSTER_NETWORK + "\",\"Backend\":{\"Type\":\"vxlan\"}}");
        api.put("one", node.subnet(), Map.of());
        api.put(
                "two",
                peer.subnet(),
                Map.of(
                        PREFIX + "/kube-subnet-manager",
                        "true",
                        PREFIX + "/backend-type",
                        "vxlan",
                        PREFIX + "/backend-data",
                        "{\"VNI\":1,\"VtepMAC\":\"" + peer.vtepMac() + "\"}",
                        PREFIX + "/public-ip",
                        peer.underlayAddress()));
        api.holdLists();
        final String[] command = WeftdProcess.command(
                directory,
                "--kube-subnet-mgr",
                "--kube-api-url=" + api.uri(),
                "--net-config-path=" + directory.resolve("net-conf.json"),
                "--iface=" + node.underlayDevice());
        final BackgroundProcess weftd = resources.add(node.namespace()
                .start(Stream.concat(Stream.of("env", "NODE_NAME=one"), Arrays.stream(command))
                        .toArray(String[]::new)));
        // Made when device, addresses and routes have been put right for the first time.
        Await.until(
                () -> "a control socket: " + weftd.output(),
                WeftdProcess.START_TIMEOUT_MS,
                () -> Files.exists(directory.resolve("run/weft.1.sock")));
        assertTrue(node.namespace().ip("link", "show", "up", "weft.1").contains("weft.1"), weftd::output);
        final String waiting = node.namespace().ip("route", "show", "table", "all", Topology.CLUSTER_NETWORK);
        assertFalse(waiting.contains("weft.1"), () -> waiting + weftd.output());
        assertTrue(waiting.contains("blackhole"), () -> waiting + weftd.output());

        // And tells meanwhile how it is.
        Await.until(
                () -> "a status: " + weftd.output(),
                Await.TIMEOUT_MS,
                () -> Files.exists(directory.resolve("run/weft.1.status")));

        api.answerLists();
        weftd.awaitOutput("ready: weft.1 forwards", WeftdProcess.START_TIMEOUT_MS);
        final String routed = node.namespace().ip("route", "show", Topology.CLUSTER_NETWORK, "dev", "weft.1");
        assertTrue(routed.contains(Topology.CLUSTER_NETWORK), () -> routed + weftd.output());
    }
}
