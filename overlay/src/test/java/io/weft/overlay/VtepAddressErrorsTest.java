/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * ICMPv6 errors of a host for what another sends from its VTEP address, as its processes do: the first address of a subnet, and on
 * the first node that of the cluster network.
 */
@RequiresRoot
class VtepAddressErrorsTest {
    private static final String DEVICE = "weft-v6.1";
    private static final int NARROW_MTU = 1280;

    @TempDir
    private Path directory = Path.of(".");

    private final CloseAll resources = new CloseAll();
    private final Topology topology =
            resources.add(Topology.builder().dualStack().build());
    private final Topology.Node first = topology.node(0);
    private final Topology.Node second = topology.node(1);

    @BeforeEach
    void setUp() throws IOException {
        WeftdProcess.dualStackLeases(directory, "", 1, first, second);
    }

    @AfterEach
    void tearDown() {
        resources.close();
    }

    private BackgroundProcess start(final Topology.Node node) throws IOException {
        final Path own = Files.createDirectories(directory.resolve(String.valueOf(node.letter())));
        return resources
                .add(WeftdProcess.start(
                        node.namespace(),
                        own,
                        "--registry=file:" + directory.resolve("leases.json"),
                        "--iface=" + node.underlayDevice()))
                .awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
    }

    /** What the host of a node is told that sends to a pod of another. */
    private static String told(final Topology.Node from, final Topology.Node to, final String... options) {
        final String[] ping = {"ping", "-6", "-n", "-c", "1", "-W", "30", "-I", from.subnetBaseV6()};
        final String[] command = new String[ping.length + options.length + 1];
        System.arraycopy(ping, 0, command, 0, ping.length);
        System.arraycopy(options, 0, command, ping.length, options.length);
        command[command.length - 1] = to.podAddressV6();
        return from.namespace().tryExec(command).output();
    }

    private static void assertTold(final Topology.Node from, final Topology.Node to) {
        final String far = told(from, to, "-t", "1");
        assertTrue(far.contains("Time exceeded: Hop limit"), () -> from.letter() + ": " + far);
    }

    private void awaitWay(final BackgroundProcess weftd) {
        Await.until(
                weftd::output,
                Await.TIMEOUT_MS,
                () -> PodTraffic.reaches(first, second, true) && PodTraffic.reaches(second, first, true));
    }

    private static String networkRoute(final Topology.Node node) {
        return node.namespace().ip("-6", "route", "show", Topology.CLUSTER_NETWORK_V6, "dev", DEVICE);
    }

    @Test
    void shouldReachTheFirstNode() throws IOException {
        start(first);
        awaitWay(start(second));
        assertTold(first, second);
        assertTold(second, first);
        second.namespace().ip("link", "set", "cni0", "mtu", Integer.toString(NARROW_MTU));
        final String tooLong = told(first, second, "-M", "do", "-s", Integer.toString(NARROW_MTU));
        assertTrue(tooLong.contains("Packet too big: mtu=" + NARROW_MTU), tooLong);
    }

    @Test
    void shouldReachEachNodeWhenSubnetsHaveRoutesOfTheirOwn() throws IOException {
        final Path registry = directory.resolve("leases.json");
        // covers the underlay
        Files.writeString(registry, Files.readString(registry).replace(Topology.CLUSTER_NETWORK_V6, "fd00::/16"));
        start(first);
        awaitWay(start(second));
        final String routes = second.namespace().ip("-6", "route", "show", "dev", DEVICE);
        assertTrue(routes.contains(first.subnetV6()) && !routes.contains("fd00::/16"), routes);
        assertTold(first, second);
        assertTold(second, first);
    }

    /** A route without a gateway is what an earlier weftd has set, or an operator. */
    @Test
    void shouldReachTheFirstNodeWhenTheRouteWasSetWithoutAGateway() throws IOException {
        start(first);
        awaitWay(start(second));
        second.namespace().ip("-6", "route", "replace", Topology.CLUSTER_NETWORK_V6, "dev", DEVICE);
        Await.until(
                () -> networkRoute(second),
                Await.TIMEOUT_MS,
                () -> networkRoute(second).contains("via fe80::1 "));
        assertTold(first, second);
    }

    /** The routes of a device that is handed over stay, and those of an earlier weftd had no gateway. */
    @Test
    void shouldReachEachNodeAfterAHandoverFromOneThatSetRoutesWithoutAGateway() throws IOException {
        final Path registry = directory.resolve("leases.json");
        Files.writeString(registry, Files.readString(registry).replace(Topology.CLUSTER_NETWORK_V6, "fd00::/16"));
        start(first);
        awaitWay(start(second));
        second.namespace().ip("-6", "route", "replace", first.subnetV6(), "dev", DEVICE, "proto", "87");
        awaitWay(start(second));
        final String routes = second.namespace().ip("-6", "route", "show", first.subnetV6(), "dev", DEVICE);
        assertTrue(
                routes.startsWith(first.subnetV6() + " via fe80::1 ")
                        && 1 == routes.lines().count(),
                routes);
        assertTold(first, second);
    }
}
