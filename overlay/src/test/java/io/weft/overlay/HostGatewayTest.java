/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.options.WeftdCommandLine;
import io.weft.overlay.registry.etcd.EtcdServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** weftd in a network of flannel's host-gw backend: the kernel routes, weftd keeps its routes. */
@RequiresRoot
class HostGatewayTest {
    private static final long TIMEOUT_MS = Await.TIMEOUT_MS;

    @TempDir
    private Path directory = Path.of(".");

    private final Topology topology = Topology.builder().dualStack().build();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);
    private final String ready = "ready: " + node.underlayDevice() + " forwards";
    private final String route = peer.subnet() + " via " + peer.underlayAddress() + " dev " + node.underlayDevice();
    private final String routeV6 =
            peer.subnetV6() + " via " + peer.underlayAddressV6() + " dev " + node.underlayDevice();

    @BeforeEach
    void setUp() throws IOException {
        write(lease(node) + "," + lease(peer));
        peer.namespace().ip("route", "add", node.subnet(), "via", node.underlayAddress());
        peer.namespace().ip("-6", "route", "add", node.subnetV6(), "via", node.underlayAddressV6());
    }

    @AfterEach
    void tearDown() {
        topology.close();
    }

    private void write(final String leases) throws IOException {
        final Path fresh = Files.writeString(
                directory.resolve("fresh"),
                "{\"config\":{\"Network\":\"" + Topology.CLUSTER_NETWORK + "\",\"EnableIPv6\":true,\"IPv6Network\":\""
                        + Topology.CLUSTER_NETWORK_V6 + "\",\"Backend\":{\"Type\":\"host-gw\"}},\"leases\":{" + leases
                        + "}}");
        Files.move(fresh, directory.resolve("leases.json"), StandardCopyOption.ATOMIC_MOVE);
    }

    private static String lease(final Topology.Node of) {
        return "\"" + of.subnet().replace('/', '-') + '&' + of.subnetV6().replace('/', '-') + "\":{\"PublicIP\":\""
                + of.underlayAddress() + "\",\"PublicIPv6\":\"" + of.underlayAddressV6()
                + "\",\"BackendType\":\"host-gw\"}";
    }

    private BackgroundProcess start(final String... options) {
        return WeftdProcess.start(node, directory, options);
    }

    private BackgroundProcess startReady(final String... options) {
        return start(options).awaitOutput(ready, WeftdProcess.START_TIMEOUT_MS);
    }

    private String routes() {
        return node.namespace().ip("route") + node.namespace().ip("-6", "route");
    }

    private boolean hasRoutes() {
        final String routes = routes();
        return routes.contains(route) && routes.contains(routeV6);
    }

    @Test
    void shouldRouteToNodesByTheirOwnAddressAndHaveNoDevice() throws Exception {
        try (BackgroundProcess weftd = startReady()) {
            assertTrue(hasRoutes(), weftd::output);
            PodTraffic.assertCarried(node, peer, false);
            PodTraffic.assertCarried(peer, node, true);
            assertEquals("", node.namespace().ip("-o", "link", "show", "type", "tun"));
            assertTrue(Files.readString(directory.resolve("subnet.env")).contains("FLANNEL_MTU=1500\n"));
        }
    }

    @Test
    void shouldRepairItsRoutesAndCountIt() {
        final NetworkNamespace namespace = node.namespace();
        try (BackgroundProcess weftd = startReady("--healthz-ip=127.0.0.1", "--healthz-port=18083")) {
            namespace.ip("route", "delete", peer.subnet());
            Await.until(weftd::output, TIMEOUT_MS, this::hasRoutes);
            namespace.ip("-6", "route", "delete", peer.subnetV6());
            Await.until(weftd::output, TIMEOUT_MS, this::hasRoutes);
            namespace.ip("route", "replace", peer.subnet(), "via", "192.168.100.9");
            Await.until(weftd::output, TIMEOUT_MS, this::hasRoutes);
            namespace.ip("link", "set", node.underlayDevice(), "down");
            namespace.ip("link", "set", node.underlayDevice(), "up");
            namespace.ip("address", "replace", node.underlayAddressV6() + "/64", "dev", node.underlayDevice(), "nodad");
            Await.until(weftd::output, TIMEOUT_MS, this::hasRoutes);
            final String metrics = namespace.exec("curl", "--silent", "http://127.0.0.1:18083/metrics");
            final String repairs = metrics.lines()
                    .filter(line -> line.startsWith("weft_repairs_total{part=\"direct_routes\"} "))
                    .findFirst()
                    .orElse(metrics);
            assertTrue(repairs.matches(".* [5-9](\\.0)?"), repairs);
        }
    }

    /** As under flanneld, pods stay connected while no daemon runs, and while one starts. */
    @Test
    void shouldLeaveRoutesAloneWhileItStopsAndStarts() throws Exception {
        try (BackgroundProcess weftd = startReady()) {
            assertTrue(hasRoutes());
            weftd.process().destroy();
            assertEquals(0, weftd.awaitExit(TIMEOUT_MS), weftd::output);
        }
        assertTrue(hasRoutes());
        try (BackgroundProcess monitor = node.namespace().start("ip", "-oneline", "monitor", "route");
                BackgroundProcess again = startReady()) {
            node.namespace().ip("route", "add", "10.99.0.0/24", "dev", node.underlayDevice());
            monitor.awaitOutput("10.99.0.0/24", TIMEOUT_MS);
            assertFalse(monitor.output().contains(peer.subnet()), monitor::output);
            assertTrue(hasRoutes(), again::output);
            again.process().destroyForcibly().waitFor();
        }
        write(lease(node));
        try (BackgroundProcess again = startReady()) {
            assertFalse(routes().contains(peer.subnet()), again::output);
        }
    }

    /** As a DaemonSet does that starts the new pod beside the old one: here too the second takes the first one's place. */
    @Test
    void shouldHandOverWithRoutesAsTheyAre() throws Exception {
        try (BackgroundProcess former = startReady();
                BackgroundProcess monitor = node.namespace().start("ip", "-oneline", "monitor", "route");
                BackgroundProcess newcomer = startReady()) {
            assertEquals(WeftdCommandLine.EXIT_HANDED_OVER, former.awaitExit(TIMEOUT_MS), former::output);
            node.namespace().ip("route", "add", "10.99.0.0/24", "dev", node.underlayDevice());
            monitor.awaitOutput("10.99.0.0/24", TIMEOUT_MS);
            assertFalse(monitor.output().contains(peer.subnet()), monitor::output);
            assertTrue(hasRoutes(), newcomer::output);
            node.namespace().ip("route", "delete", peer.subnet());
            Await.until(newcomer::output, TIMEOUT_MS, this::hasRoutes);
            write(lease(node));
            Await.until(newcomer::output, TIMEOUT_MS, () -> !routes().contains(peer.subnet()));
        }
    }

    /** flanneld's routes are like weftd's but for the name of who made them. */
    @Test
    void shouldTakeOverTheRoutesThatFlanneldLeft() {
        node.namespace().ip("route", "add", peer.subnet(), "via", peer.underlayAddress());
        try (BackgroundProcess weftd = startReady()) {
            assertTrue(hasRoutes(), weftd::output);
            assertEquals(
                    1,
                    routes().lines()
                            .filter(line -> line.contains(peer.subnet()))
                            .count());
        }
    }

    @Test
    void shouldSetARouteAsSoonAsItsNodeIsOnALink() throws Exception {
        write(lease(node) + "," + lease(peer).replace(peer.underlayAddress(), "192.168.200.2"));
        try (BackgroundProcess weftd = startReady()) {
            weftd.awaitOutput("Its pods are out of reach until it succeeds", TIMEOUT_MS);
            node.namespace().ip("address", "add", "192.168.200.1/24", "dev", node.underlayDevice());
            Await.until(
                    weftd::output,
                    TIMEOUT_MS,
                    () -> routes().contains(peer.subnet() + " via 192.168.200.2 dev " + node.underlayDevice()));
        }
    }

    @Test
    void shouldKeepABlackholeRouteWhenAskedTo() {
        final String blackhole = "blackhole " + node.subnet();
        try (BackgroundProcess weftd = startReady("--ip-blackhole-route")) {
            assertTrue(routes().contains(blackhole));
            node.namespace().ip("route", "delete", "blackhole", node.subnet(), "metric", "1000000");
            Await.until(weftd::output, TIMEOUT_MS, () -> routes().contains(blackhole));
            weftd.process().destroy();
            assertEquals(0, weftd.awaitExit(TIMEOUT_MS), weftd::output);
        }
        assertFalse(routes().contains(blackhole));
    }

    @Test
    void shouldRefuseAPublicAddressThatPeersCannotRouteBy() {
        try (BackgroundProcess weftd = start("--public-ip=203.0.113.7")) {
            assertEquals(1, weftd.awaitExit(WeftdProcess.START_TIMEOUT_MS), weftd::output);
            assertTrue(
                    weftd.output().contains("host-gw needs nodes that are reached at their interface's address"),
                    weftd::output);
        }
    }

    @Test
    void shouldKeepItsLeaseInEtcdAsFlannelDoesAndIgnoreThoseOfAnotherBackend() throws Exception {
        assumeTrue(EtcdServer.isInstalled(), "needs Debian's etcd-server and etcd-client");
        final NetworkNamespace namespace = node.namespace();
        try (EtcdServer etcd = namespace.call(() -> new EtcdServer(directory))) {
            final String prefix = "/coreos.com/network/";
            namespace.run(() -> etcd.ctl(
                    "put", prefix + "config", "{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"host-gw\"}}"));
            namespace.run(() -> etcd.ctl(
                    "put",
                    prefix + "subnets/10.244.7.0-24",
                    "{\"PublicIP\":\"" + peer.underlayAddress() + "\",\"BackendType\":\"host-gw\"}"));
            namespace.run(() -> etcd.ctl(
                    "put",
                    prefix + "subnets/10.244.8.0-24",
                    "{\"PublicIP\":\"192.168.100.9\",\"BackendType\":\"ipip\"}"));
            try (BackgroundProcess weftd = WeftdProcess.start(
                            namespace,
                            directory,
                            "--etcd-endpoints=" + etcd.endpoint(),
                            "--iface=" + node.underlayDevice())
                    .awaitOutput(ready, WeftdProcess.START_TIMEOUT_MS)) {
                final String values = namespace.call(() -> etcd.ctl("get", "--prefix", prefix + "subnets/"));
                final String value = "{\"PublicIP\":\"" + node.underlayAddress()
                        + "\",\"PublicIPv6\":null,\"BackendType\":\"host-gw\"}";
                assertTrue(values.lines().anyMatch(value::equals), values);
                assertTrue(routes().contains("10.244.7.0/24 via " + peer.underlayAddress()), this::routes);
                assertFalse(routes().contains("10.244.8.0/24"), this::routes);
                final String word =
                        "lease 10.244.8.0-24 is ignored: its BackendType is \"ipip\", this node's is \"host-gw\"";
                assertTrue(weftd.output().contains(word), weftd::output);
            }
        }
    }
}
