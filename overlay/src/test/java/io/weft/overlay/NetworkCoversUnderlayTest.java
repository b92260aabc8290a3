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
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A cluster network, such as flannel's own example 10.0.0.0/8, in which there are also addresses that are no pods. */
@RequiresRoot
class NetworkCoversUnderlayTest {
    private static final String NETWORK = "10.0.0.0/8";
    private static final String[] UNDERLAY = {"10.200.0.1", "10.200.0.2"};

    @TempDir
    private Path directory = Path.of(".");

    private final CloseAll resources = new CloseAll();
    private Topology topology = Topology.twoNodes();
    private boolean isDirect;

    @BeforeEach
    void setUp() {
        resources.add(topology);
    }

    @AfterEach
    void tearDown() {
        resources.close();
    }

    private String lease(final int index, final String publicIp) {
        return "\"" + topology.node(index).subnet().replace('/', '-') + "\":{\"PublicIP\":\"" + publicIp
                + "\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:0" + index
                + "\"}}";
    }

    private void write(final String... entries) throws IOException {
        final Path fresh = Files.writeString(
                directory.resolve("fresh"),
                "{\"config\":{\"Network\":\"" + NETWORK + "\",\"Backend\":{\"Type\":\"vxlan\",\"DirectRouting\":"
                        + isDirect + "}},\"leases\":{" + String.join(",", entries) + "}}");
        Files.move(fresh, directory.resolve("leases.json"), StandardCopyOption.ATOMIC_MOVE);
    }

    private BackgroundProcess start(final int index) throws IOException {
        final Topology.Node node = topology.node(index);
        final Path own = Files.createDirectories(directory.resolve(String.valueOf(node.letter())));
        final BackgroundProcess weftd = WeftdProcess.start(
                node.namespace(),
                own,
                "--registry=file:" + directory.resolve("leases.json"),
                "--iface=" + node.underlayDevice());
        resources.add(weftd);
        return weftd.awaitOutput("ready: weft.1 forwards", WeftdProcess.START_TIMEOUT_MS);
    }

    private String routes(final int index) {
        return topology.node(index).namespace().ip("route", "show", "dev", "weft.1");
    }

    @Test
    void shouldLeaveAllButTheSubnetsOfLeasesAsItWasWhenTheUnderlayIsInTheNetwork() throws IOException {
        moveUnderlay();
        write(lease(0, UNDERLAY[0]), lease(1, UNDERLAY[1]));
        final String before = topology.node(0)
                .namespace()
                .ip("route", "get", "10.99.0.1")
                .lines()
                .findFirst()
                .orElse("");
        start(0);
        start(1);
        topology.node(0)
                .pod()
                .exec("ping", "-c", "1", "-W", "30", topology.node(1).podAddress());
        topology.node(0).namespace().exec("ping", "-c", "1", "-W", "30", UNDERLAY[1]);
        assertEquals(
                topology.node(1).subnet() + " proto 87 scope link", routes(0).strip());
        assertEquals(
                before,
                topology.node(0)
                        .namespace()
                        .ip("route", "get", "10.99.0.1")
                        .lines()
                        .findFirst()
                        .orElse(""));
    }

    private void moveUnderlay() {
        for (int i = 0; i < UNDERLAY.length; i++) {
            final Topology.Node node = topology.node(i);
            node.namespace().ip("address", "flush", "dev", node.underlayDevice());
            node.namespace().ip("address", "add", UNDERLAY[i] + "/24", "dev", node.underlayDevice());
            node.namespace().ip("route", "add", "default", "via", "10.200.0.254");
        }
    }

    /** There is no route of the whole network that packets could fall back to. */
    @Test
    void shouldLeadIntoTheTunnelWhileAPeerIsOnNoLinkOfADirectRoute() throws IOException {
        moveUnderlay();
        isDirect = true;
        write(lease(0, UNDERLAY[0]), lease(1, UNDERLAY[1]));
        final BackgroundProcess weftd = start(0);
        final Topology.Node node = topology.node(0);
        final String direct = topology.node(1).subnet() + " via " + UNDERLAY[1] + " dev " + node.underlayDevice();
        awaitRoute(weftd, direct);
        node.namespace().ip("route", "add", UNDERLAY[1] + "/32", "via", "10.200.0.254");
        node.namespace().ip("route", "delete", topology.node(1).subnet(), "via", UNDERLAY[1]);
        awaitRoute(weftd, topology.node(1).subnet() + " dev weft.1");
        node.namespace().ip("route", "delete", UNDERLAY[1] + "/32");
        awaitRoute(weftd, direct);
        assertEquals("", routes(0));
    }

    private void awaitRoute(final BackgroundProcess weftd, final String route) {
        Await.until(
                () -> route + " is not in " + topology.node(0).namespace().ip("route") + weftd.output(),
                WeftdProcess.START_TIMEOUT_MS,
                () -> topology.node(0).namespace().ip("route").contains(route));
    }

    @Test
    void shouldGiveUpTheOneRouteWhenALeaseNamesAPeerInTheNetwork() throws IOException {
        write(
                lease(0, topology.node(0).underlayAddress()),
                lease(1, topology.node(1).underlayAddress()));
        final BackgroundProcess weftd = start(0);
        start(1);
        assertTrue(routes(0).startsWith(NETWORK), routes(0));
        write(
                lease(0, topology.node(0).underlayAddress()),
                lease(1, topology.node(1).underlayAddress()),
                "\"10.244.7.0-24\":{\"PublicIP\":\"10.200.0.7\",\"BackendType\":\"vxlan\","
                        + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:07\"}}");
        Await.until(
                () -> "routes of weft.1 are " + routes(0) + weftd.output(),
                WeftdProcess.START_TIMEOUT_MS,
                () -> !routes(0).contains(NETWORK)
                        && routes(0).contains(topology.node(1).subnet())
                        && routes(0).contains("10.244.7.0/24"));
        topology.node(0)
                .pod()
                .exec("ping", "-c", "1", "-W", "30", topology.node(1).podAddress());
        write(
                lease(0, topology.node(0).underlayAddress()),
                lease(1, topology.node(1).underlayAddress()));
        Await.until(
                () -> "routes of weft.1 are " + routes(0),
                WeftdProcess.START_TIMEOUT_MS,
                () -> !routes(0).contains("10.244.7.0/24"));
        topology.node(0).namespace().ip("route", "del", topology.node(1).subnet(), "dev", "weft.1");
        Await.until(
                () -> "the route is not repaired: " + routes(0),
                WeftdProcess.START_TIMEOUT_MS,
                () -> routes(0).contains(topology.node(1).subnet()));
    }

    /** What is for no pod goes as the operator wants, and pods are reached all the same. */
    @ParameterizedTest
    @ValueSource(strings = {"10.0.0.0/8 via 192.168.100.2 dev uA", "blackhole 10.0.0.0/8", "unreachable 10.0.0.0/8"})
    void shouldLeaveTheOperatorsRouteOfTheWholeNetworkAndNameIt(final String route) throws IOException {
        final Topology.Node node = topology.node(0);
        final Topology.Node peer = topology.node(1);
        node.namespace().ip(("route add " + route).split(" ", -1));
        write(lease(0, node.underlayAddress()), lease(1, peer.underlayAddress()));
        final BackgroundProcess weftd = start(0);
        start(1);
        node.pod().exec("ping", "-c", "1", "-W", "30", peer.podAddress());
        assertTrue(
                node.namespace().ip("route").contains(route),
                () -> node.namespace().ip("route"));
        assertEquals(peer.subnet() + " proto 87 scope link", routes(0).strip());
        weftd.awaitOutput(
                "WARNING the host has a route of all of the cluster network that is not weft's, " + route + ":",
                WeftdProcess.START_TIMEOUT_MS);
        weftd.process().destroy();
        weftd.awaitExit(WeftdProcess.START_TIMEOUT_MS);
        assertTrue(
                node.namespace().ip("route").contains(route),
                () -> node.namespace().ip("route"));
    }

    @Test
    void shouldTakeTheOneRouteWhenTheOperatorsIsBeneathIt() throws IOException {
        final Topology.Node node = topology.node(0);
        node.namespace().ip("route", "add", "unreachable", NETWORK, "metric", "4278198272");
        write(lease(0, node.underlayAddress()));
        start(0);
        assertEquals(NETWORK + " scope link", routes(0).strip());
    }
}
