/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.cni.PluginProcess.Outcome;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Debian's plugins other than the bridge, as weft-cni's delegate, and beside it as another network of the same pod.
 *
 * <pre>
 *   [ node ] lan ------ lan [ router: 192.168.7.1, dnsmasq for 192.168.7.100 to .199 ]
 *             '-- macvlan, ipvlan, vlan, bridge of the pod
 * </pre>
 */
@RequiresRoot
class ReferencePluginsTest {
    private static final String POD = "pod-1";
    private static final String ROUTER = "192.168.7.1";
    private static final long TIMEOUT_MS = 120_000;

    @TempDir
    Path directory;

    private Node node;
    private TestNetwork network;
    private NetworkNamespace router;

    @BeforeEach
    void createNode() {
        node = new Node(directory, "1.0.0");
        network = node.network().writeMasqueradedSubnetEnv();
        router = NetworkNamespace.create("router");
        node.namespace().ip("link", "add", "lan", "type", "veth", "peer", "name", "lan", "netns", router.name());
        node.namespace().ip("link", "set", "lan", "up");
        router.ip("link", "set", "lan", "up");
        router.ip("addr", "add", ROUTER + "/24", "dev", "lan");
    }

    @AfterEach
    void close() {
        router.close();
        node.close();
    }

    @Test
    void shouldAddCheckAndDeleteWhenPodNetworkIsPtp() {
        network.with("delegate", "{\"type\":\"ptp\"}");
        final Outcome added = network.add(POD, node.pod()).succeeded();
        assertEquals("10.42.1.2", TestNetwork.address(added, 0));
        final String link = node.pod().ip("link", "show", "eth0");
        assertTrue(link.contains("mtu 1450 "), link);
        final String routes = node.pod().ip("route");
        assertTrue(routes.contains("10.42.0.0/16 via 10.42.1.1"), routes);
        assertReaches("10.42.1.1");
        network.weftCni("CHECK", POD, node.pod()).succeeded();
        network.delete(POD, node.pod()).succeeded();
        node.assertNothingLeft("after DEL");
    }

    /** Of a list of its own, with an IFNAME of its own: neither network may take the other's device or state. */
    @ParameterizedTest
    @CsvSource({
        "bridge, before, macvlan",
        "bridge, after, macvlan",
        "ptp, before, macvlan",
        "ptp, after, macvlan",
        "bridge, before, ipvlan",
        "bridge, after, ipvlan",
        "bridge, before, vlan",
        "bridge, after, vlan"
    })
    void shouldLeaveSecondNetworkAlone(final String podNetwork, final String when, final String second) {
        assumeKernelHas(second);
        network.with("delegate", "{\"type\":\"" + podNetwork + "\"}");
        final String config = """
                {"cniVersion":"1.0.0","name":"second","type":"%1$s","master":"lan","vlanId":7,"ipam":{"type":"host-local",
                "dataDir":"%2$s/second","ranges":[[{"subnet":"192.168.7.0/24","rangeStart":"192.168.7.50"}]]}}""".formatted(second, directory);
        if ("before".equals(when)) {
            plugin(second, "ADD", config).succeeded();
        }
        network.add(POD, node.pod()).succeeded();
        if ("after".equals(when)) {
            plugin(second, "ADD", config).succeeded();
        }
        assertReaches("10.42.1.1");
        assertNotEquals("", node.pod().ip("-o", "addr", "show", "net1", "to", "192.168.7.50"));
        if (!"vlan".equals(second)) { // The router is in no VLAN.
            assertReaches(ROUTER);
        }
        network.weftCni("CHECK", POD, node.pod()).succeeded();
        network.delete(POD, node.pod()).succeeded();
        node.assertNothingLeft("after DEL of the pod network");
        assertNotEquals("", node.pod().ip("-o", "addr", "show", "net1", "to", "192.168.7.50"));
        plugin(second, "DEL", config).succeeded();
        assertNotEquals(0, node.pod().tryExec("ip", "link", "show", "net1").exitCode());
    }

    /** weft-cni twice for one pod: the overlay as eth0, and the LAN as net1, from two lists. */
    @ParameterizedTest
    @ValueSource(strings = {"macvlan", "ipvlan", "vlan"})
    void shouldKeepTwoNetworksApartWhenBothAreOurs(final String second) {
        assumeKernelHas(second);
        final String config = """
                {"cniVersion":"1.0.0","name":"weft-second","type":"weft-cni","subnetFile":"%1$s","dataDir":"%2$s",
                "delegate":{"type":"%3$s","master":"lan","vlanId":7},"ipam":{"dataDir":"%4$s/second"}}""".formatted(network.subnetFile(), network.stateDir(), second, directory);
        network.add(POD, node.pod()).succeeded();
        plugin(InstallCni.PLUGIN, "ADD", config).succeeded();
        assertEquals(List.of(POD, POD + ":net1"), network.stateFiles());
        network.delete(POD, node.pod()).succeeded();
        assertNotEquals("", node.pod().ip("-o", "addr", "show", "net1", "to", "10.42.1.0/24"));
        plugin(InstallCni.PLUGIN, "DEL", config).succeeded();
        assertNotEquals(0, node.pod().tryExec("ip", "link", "show", "net1").exitCode());
        node.assertNothingLeft("after both");
    }

    @ParameterizedTest
    @ValueSource(strings = {"macvlan", "bridge"})
    void shouldAddCheckAndDeleteWhenAddressComesByDhcp(final String delegate) {
        try (BackgroundProcess server = dhcpServer();
                BackgroundProcess daemon = dhcpDaemon()) {
            useDhcp(delegate);
            final Outcome added = network.add(POD, node.pod()).succeeded();
            assertTrue(TestNetwork.address(added, 0).startsWith("192.168.7.1"), added::toString);
            assertReaches(ROUTER);
            network.weftCni("CHECK", POD, node.pod()).succeeded();
            network.delete(POD, node.pod()).succeeded();
            if ("macvlan".equals(delegate)) { // The bridge's device is gone before the address plugin is called.
                Await.until("the release", TIMEOUT_MS, () -> server.output().contains("DHCPRELEASE"));
            }
            assertTrue(daemon.process().isAlive(), daemon::output);
            node.assertNothingLeft("after DEL");
        }
    }

    /** A daemon that has stopped answers nobody, and its plugin has no time limit. */
    @Test
    void shouldEndAndDeleteLaterWhenDhcpDaemonHangs() {
        try (BackgroundProcess server = dhcpServer();
                BackgroundProcess daemon = dhcpDaemon()) {
            useDhcp("macvlan");
            final String pid = Long.toString(daemon.process().pid());
            Command.run(List.of("kill", "-STOP", pid));
            final Outcome failed = network.with("timeoutSeconds", "3").add(POD, node.pod());
            assertEquals(CniException.TIMED_OUT, failed.code(), failed.toString());
            assertTrue(failed.message().contains("it waited for: "), failed.message());
            assertTrue(failed.message().contains("/dhcp (process "), failed.message());
            assertEquals(List.of(POD + ":eth0:adding"), network.stateFiles());
            Command.run(List.of("kill", "-CONT", pid));
            network.with("timeoutSeconds", "90").delete(POD, node.pod()).succeeded();
            node.assertNothingLeft("after DEL");
            network.add(POD, node.pod()).succeeded();
            network.delete(POD, node.pod()).succeeded();
            assertTrue(server.process().isAlive(), server::output);
        }
    }

    private void useDhcp(final String delegate) {
        if ("bridge".equals(delegate)) {
            node.namespace().ip("link", "add", "cni0", "type", "bridge");
            node.namespace().ip("link", "set", "cni0", "up");
            node.namespace().ip("link", "set", "lan", "master", "cni0");
        }
        network.with(
                        "delegate",
                        "bridge".equals(delegate)
                                ? "{\"isGateway\":false}"
                                : "{\"type\":\"" + delegate + "\",\"master\":\"lan\"}")
                .with("ipam", "{\"type\":\"dhcp\",\"daemonSocketPath\":\"" + dhcpSocket() + "\"}");
    }

    private Path dhcpSocket() {
        return directory.resolve("dhcp.sock");
    }

    private BackgroundProcess dhcpServer() {
        Assumptions.assumeTrue(
                0 == Command.tryRun(List.of("sh", "-c", "command -v dnsmasq")).exitCode(),
                "needs dnsmasq of Debian's dnsmasq-base");
        return router.start(
                        "dnsmasq",
                        "--no-daemon",
                        "--conf-file=/dev/null",
                        "--port=0",
                        "--user=root",
                        "--log-dhcp",
                        "--dhcp-authoritative",
                        "--interface=lan",
                        "--dhcp-leasefile=" + directory.resolve("leases"),
                        "--dhcp-range=192.168.7.100,192.168.7.199,1h")
                .awaitOutput("DHCP, IP range", TIMEOUT_MS);
    }

    private BackgroundProcess dhcpDaemon() {
        final BackgroundProcess daemon = node.namespace()
                .start(
                        InstalledPlugin.binDir().resolve("dhcp").toString(),
                        "daemon",
                        "-broadcast",
                        "-socketpath",
                        dhcpSocket().toString());
        Await.until("the DHCP daemon's socket", TIMEOUT_MS, () -> Files.exists(dhcpSocket()));
        return daemon;
    }

    private Outcome plugin(final String plugin, final String command, final String config) {
        return node.plugin(plugin, command, POD, "net1", config);
    }

    private void assertReaches(final String address) {
        Await.until(
                "an answer of " + address,
                TIMEOUT_MS,
                () -> 0
                        == node.pod()
                                .tryExec("ping", "-c", "1", "-W", "5", address)
                                .exitCode());
    }

    private void assumeKernelHas(final String type) {
        final Command.Result added = node.namespace()
                .tryExec(
                        "sh",
                        "-c",
                        "ip link add link lan name probe type " + type + ("vlan".equals(type) ? " id 9" : "")
                                + " && ip link del probe");
        Assumptions.assumeTrue(
                0 == added.exitCode(),
                "the kernel has no " + type + ": " + added.errors().strip());
    }
}
