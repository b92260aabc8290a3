/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.WeftdProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What is said of the way to a kernel node that carries short packets, and no long ones. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class NarrowPathsTest {
    private final CloseAll resources = new CloseAll();
    private final Topology topology = resources.add(Topology.twoNodes());
    private final Topology.Node node = topology.node(0);
    private final Topology.Node kernel = topology.node(1);
    private @Nullable BackgroundProcess weftd;
    private Operator operator = new Operator(node.namespace(), Path.of("."));

    @BeforeAll
    void startADaemonBesideAKernelNode(@TempDir final Path directory) throws IOException {
        operator = new Operator(node.namespace(), directory.resolve("run"));
        topology.kernelVxlan(kernel);
        WeftdProcess.leases(directory, WeftdProcess.lease(node), WeftdProcess.lease(kernel));
        weftd = resources
                .add(WeftdProcess.start(node, directory, "--peer-check-interval=1"))
                .awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
    }

    @AfterAll
    void tearDown() {
        resources.close();
    }

    private void firewall(final String action, final String... rule) {
        kernel.namespace().exec("sh", "-c", "iptables -w " + action + " INPUT " + String.join(" ", rule) + " -j DROP");
    }

    /** What is longer the veth pair drops, and nobody says so; it lets a VLAN's 4 bytes pass beside its MTU. */
    @Test
    void shouldFindHowLongPacketsMayBeWhereNobodyTells() {
        kernel.namespace().ip("link", "set", kernel.underlayDevice(), "mtu", "1300");
        operator.awaitFaultOfWay(
                kernel,
                "fabric-mtu",
                "the fabric carries IP packets of 1304 bytes and no longer ones, weft sends up to 1500: raise the MTU on"
                        + " the way, or set \"MTU\": 1304, which is that of the underlay, in the Backend of the network's configuration");
        operator.awaitPing(3, kernel, ", underlay N ms up to 1304 bytes, overlay N ms up to 1254 bytes: ");
        Await.until(
                () -> operator.run(0, "show", "peers"),
                Await.TIMEOUT_MS,
                () -> operator.run(0, "show", "peers").contains("path MTU 1304"));
        kernel.namespace().ip("link", "set", kernel.underlayDevice(), "mtu", "1500");
        operator.awaitWell(kernel);
        Await.until(
                () -> operator.run(0, "show", "peers"),
                Await.TIMEOUT_MS,
                () -> !operator.run(0, "show", "peers").contains("path MTU 1304"));
    }

    /** The same of a node that answers no ping of the underlay: then the overlay's packets tell of it. */
    @Test
    void shouldFindThatTheFabricIsNarrowWhereTheNodeAnswersNoPing() {
        kernel.namespace().ip("link", "set", kernel.underlayDevice(), "mtu", "1300");
        firewall("-A", "-i", kernel.underlayDevice(), "-p", "icmp");
        operator.awaitFaultOfWay(
                kernel,
                "fabric-mtu",
                "the fabric carries IP packets of 1304 bytes and no longer ones, weft sends up to 1500: raise the MTU on"
                        + " the way, or set \"MTU\": 1304, which is that of the underlay, in the Backend of the network's configuration");
        operator.awaitPing(
                3,
                kernel,
                ", underlay no answer, overlay N ms up to 1254 bytes: ",
                "; or a firewall there or on the way drops longer ones of the overlay alone, since pings of the underlay are not"
                        + " answered, which would tell\n");
        firewall("-D", "-i", kernel.underlayDevice(), "-p", "icmp");
        kernel.namespace().ip("link", "set", kernel.underlayDevice(), "mtu", "1500");
        operator.awaitWell(kernel);
    }

    @Test
    void shouldTellThatTheOverlayAloneIsNarrow() {
        final String[] rule = {"-p", "udp", "--dport", "8472", "-m", "length", "--length", "1401:65535"};
        firewall("-A", rule);
        operator.awaitFaultOfWay(kernel, "overlay-mtu", "a firewall there or on the way drops long datagrams");
        operator.awaitPing(
                3,
                kernel,
                ": WRONG overlay-mtu, underlay N ms up to 1500 bytes, overlay N ms up to 1350 bytes: the overlay carries packets"
                        + " of 1350 bytes, pods send up to 1450, and the fabric carries pings of that length: ");
        final BackgroundProcess log = Objects.requireNonNull(weftd);
        final String fields = " device=weft.1 peer=" + kernel.underlayAddress() + " state=";
        log.awaitOutput(
                "WARNING a check finds the way to " + kernel.underlayAddress() + " not well (overlay-mtu): weft ping "
                        + kernel.underlayAddress() + " says what it is, and what to do" + fields + "overlay-mtu",
                Await.TIMEOUT_MS);
        firewall("-D", rule);
        operator.awaitWell(kernel);
        log.awaitOutput(
                "INFO the way to " + kernel.underlayAddress() + " is well again" + fields + "ok", Await.TIMEOUT_MS);
    }

    /** The tunnel's device takes in what is longer than its MTU, and its host answers by fragments; to its own pods it tells the MTU. */
    @Test
    void shouldNotBlameASmallerMtuOfTheDeviceThere() {
        kernel.namespace().ip("link", "set", KernelVxlan.DEVICE, "mtu", "1300");
        operator.awaitWell(kernel);
        kernel.namespace().ip("link", "set", KernelVxlan.DEVICE, "mtu", "1450");
    }
}
