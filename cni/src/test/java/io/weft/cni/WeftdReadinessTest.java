/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the plugin says of a real weftd: of one that forwards, was told to stop, was started again and was killed. */
@RequiresRoot
class WeftdReadinessTest {
    private static final long TIMEOUT_MS = Await.TIMEOUT_MS;

    @Test
    void shouldWireNoPodWhileWeftdIsStopped(@TempDir final Path directory) throws InterruptedException {
        try (Topology topology = Topology.twoNodes();
                NetworkNamespace pod = NetworkNamespace.create("pod")) {
            final Topology.Node node = topology.node(0);
            final TestNetwork network = new TestNetwork(directory, node.namespace(), "1.1.0", "{}");
            try (BackgroundProcess weftd = WeftNode.start(topology, node, directory)) {
                assertReady(network);
                weftd.process().destroy();
                assertEquals(0, weftd.awaitExit(TIMEOUT_MS), weftd::output);
                assertNotReady(network, pod);
            }
            try (BackgroundProcess weftd = WeftNode.start(topology, node, directory)) {
                assertReady(network);
                network.add("pod", pod, Map.of()).succeeded();
                weftd.process().destroyForcibly().waitFor();
                assertNotReady(network, pod);
                // Its subnet file says nothing of its end: only the lock does.
                assertTrue(Files.exists(network.subnetFile()));
            }
            network.delete("pod", pod).succeeded();
        }
    }

    private static void assertReady(final TestNetwork network) {
        network.weftCni("STATUS", "", null).succeeded();
    }

    private static void assertNotReady(final TestNetwork network, final NetworkNamespace pod) {
        final PluginProcess.Outcome status = network.weftCni("STATUS", "", null);
        assertEquals(CniException.NOT_AVAILABLE, status.code(), status::toString);
        final PluginProcess.Outcome add = network.weftCni("ADD", "other", pod);
        assertEquals(CniException.TRY_AGAIN_LATER, add.code(), add::toString);
    }
}
