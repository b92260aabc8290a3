/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.WeftdProcess;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is said of a fabric that is too narrow, to a network with IPv6: that whoever does it is better off. */
@RequiresRoot
class NarrowDualStackTest {
    private static final String ALL = "all";

    @TempDir
    private Path directory = Path.of(".");

    private final Topology topology = Topology.builder().dualStack().build();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node kernel = topology.node(1);

    @AfterEach
    void tearDown() {
        topology.close();
    }

    private BackgroundProcess start(final String mtu) throws IOException {
        WeftdProcess.dualStackLeases(directory, mtu, 1, node, kernel);
        return WeftdProcess.start(node, directory, "--peer-check-interval=1");
    }

    /** It lets a VLAN's 4 bytes pass beside its MTU. */
    private void narrow(final int bytes) {
        kernel.namespace().ip("link", "set", kernel.underlayDevice(), "mtu", String.valueOf(bytes - 4));
    }

    @Test
    void shouldNameAnMtuThatANodeStartsWith() throws IOException {
        final Operator operator = new Operator(node.namespace(), directory.resolve("run"));
        topology.kernelVxlan(kernel);
        narrow(1_404);
        try (BackgroundProcess weftd = start("")) {
            weftd.awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
            final String remedy =
                    "or set \"MTU\": 1404, which is that of the underlay, in the Backend of the network's";
            for (final String peer : new String[] {kernel.underlayAddress(), kernel.underlayAddressV6()}) {
                operator.awaitPing(3, peer, ": WRONG fabric-mtu, ", remedy);
            }
            narrow(1_300);
            operator.awaitPing(
                    3,
                    kernel.underlayAddressV6(),
                    " 1300 bytes and no longer ones, weft sends up to 1500: raise the MTU on the way to 1350 at least, for pods"
                            + " with IPv6 need 1280");
            assertFalse(operator.run(3, "ping", ALL).contains("\"MTU\""), operator::errors);
        }
        narrow(1_404);
        try (BackgroundProcess weftd = start(",\"MTU\":1404")) {
            weftd.awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
            operator.awaitPing(0, ALL, ": ok, ");
        }
    }

    @Test
    void shouldNameTheMtuOfTheConfigurationThatLeavesTooLittle() throws IOException {
        try (BackgroundProcess weftd = start(",\"MTU\":1330")) {
            assertEquals(1, weftd.awaitExit(WeftdProcess.START_TIMEOUT_MS), weftd::output);
            assertTrue(
                    weftd.output()
                            .contains(
                                    "\"MTU\": 1330, which is that of the underlay, in the Backend of the network's configuration"
                                            + " leaves 1260 bytes for pods, IPv6 needs 1280: set 1350 there at least, or none; "
                                            + node.underlayDevice()
                                            + " has 1500, and the fabric has to carry that much"),
                    weftd::output);
        }
    }
}
