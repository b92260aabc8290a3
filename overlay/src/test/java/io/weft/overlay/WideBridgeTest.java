/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Bridges whose route is that of the cluster network, or a wider one: the pods of the node stay on it, as with flannel. */
@RequiresRoot
class WideBridgeTest {
    @TempDir
    private Path directory = Path.of(".");

    private final CloseAll resources = new CloseAll();
    private final Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);

    @BeforeEach
    void setUp() throws IOException {
        resources.add(topology);
        topology.kernelVxlan(peer);
        WeftdProcess.leases(directory, WeftdProcess.lease(node, node.vtepMac()), WeftdProcess.lease(peer));
    }

    @AfterEach
    void tearDown() {
        resources.close();
    }

    private BackgroundProcess startReady() {
        return resources
                .add(WeftdProcess.start(node, directory))
                .awaitOutput("ready: weft.1 forwards", WeftdProcess.START_TIMEOUT_MS);
    }

    private boolean reaches(final String address) {
        return 0
                == node.namespace()
                        .tryExec("ping", "-c", "1", "-W", "1", address)
                        .exitCode();
    }

    private void useMask(final int length) {
        final String bridge = node.bridgeAddress().replaceAll("/.*", "");
        node.namespace().ip("address", "flush", "dev", "cni0", "scope", "global");
        node.namespace().ip("address", "add", bridge + "/" + length, "dev", "cni0");
    }

    @Test
    void shouldLeaveTheRouteOfTheBridgeWhenTheNodesSubnetIsTheWholeNetwork() throws Exception {
        WeftdProcess.leasesOf(node.subnet(), directory, WeftdProcess.lease(node, node.vtepMac()));
        final String before = node.namespace().ip("route", "show", node.subnet());
        final BackgroundProcess weftd = startReady();
        assertEquals(before, node.namespace().ip("route", "show", node.subnet()), weftd::output);
        assertTrue(reaches(node.podAddress()), weftd::output);
        weftd.process().destroy();
        assertEquals(0, weftd.awaitExit(Await.TIMEOUT_MS), weftd::output);
        assertEquals(before, node.namespace().ip("route", "show", node.subnet()), weftd::output);
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 16, 20})
    void shouldReachPodsOfBothNodesWhenTheBridgeHasAWiderMask(final int length) {
        useMask(length);
        final BackgroundProcess weftd = startReady();
        assertTrue(reaches(node.podAddress()), weftd::output);
        Await.until(weftd::output, Await.TIMEOUT_MS, () -> reaches(peer.podAddress()));
    }

    @Test
    void shouldReachPodsOfBothNodesWhenTheBridgeGetsItsMaskLater() {
        final BackgroundProcess weftd = startReady();
        Await.until(weftd::output, Await.TIMEOUT_MS, () -> reaches(peer.podAddress()));
        useMask(16);
        Await.until(weftd::output, Await.TIMEOUT_MS, () -> reaches(node.podAddress()) && reaches(peer.podAddress()));
    }
}
