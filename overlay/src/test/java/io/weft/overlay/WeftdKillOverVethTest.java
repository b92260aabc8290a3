/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.Topology;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Over packet sockets at the end of a veth pair, which outlives its daemon. */
class WeftdKillOverVethTest extends WeftdKillSuite {
    @TempDir
    private Path directory = Path.of(".");

    @Override
    String podPort() {
        return "packet";
    }

    @Test
    void shouldTakeThePlaceOfThePairOfAnotherNameThatAKilledOneLeft() throws Exception {
        try (Topology topology = Topology.twoNodes()) {
            final Topology.Node node = topology.node(0);
            WeftdProcess.leases(directory, WeftdProcess.lease(node), WeftdProcess.lease(topology.node(1)));
            try (BackgroundProcess former =
                    WeftdProcess.start(node, directory, "--pod-port=packet", "--device-name=former")) {
                former.awaitOutput("ready: former forwards", WeftdProcess.START_TIMEOUT_MS);
                assertEquals(137, former.process().destroyForcibly().waitFor());
            }
            assertTrue(node.namespace().ip("route").contains(Topology.CLUSTER_NETWORK + " dev former"));

            try (BackgroundProcess weftd = WeftdProcess.start(node, directory)) {
                weftd.awaitOutput("ready: weft.1 forwards", WeftdProcess.START_TIMEOUT_MS);
                assertFalse(node.namespace().ip("link").contains("former"), weftd::output);
                assertTrue(
                        node.namespace().ip("route").contains(Topology.CLUSTER_NETWORK + " dev weft.1"), weftd::output);
                assertFalse(weftd.output().contains("not weft's"), weftd::output);
            }
        }
    }
}
