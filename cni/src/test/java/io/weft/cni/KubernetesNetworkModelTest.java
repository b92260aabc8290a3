/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The Kubernetes network model, point by point, with pods that nothing but a conflist has wired: two on the first node, one
 * on the second. Nodes with the kernel's VXLAN alone are dual-stack.
 */
@RequiresRoot
@ParameterizedClass
@EnumSource
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class KubernetesNetworkModelTest {
    /** What forwards on the first node and on the second. */
    enum Overlays {
        KERNEL_KERNEL,
        WEFT_WEFT,
        WEFT_KERNEL;

        boolean isWeft(final Topology.Node node) {
            return WEFT_WEFT == this || (WEFT_KERNEL == this && 0 == node.index());
        }

        int families() {
            return KERNEL_KERNEL == this ? 2 : 1;
        }
    }

    private static final int PORT = 8080;
    private static final int HOST_PORT = 30080;
    private static final int TIMEOUT_MS = Await.TIMEOUT_MS;
    private static final String DELEGATE = "{\"hairpinMode\":true,\"isDefaultGateway\":true}";
    private static final String PORTMAP = "{\"type\":\"portmap\",\"capabilities\":{\"portMappings\":true}}";

    private final List<NetworkNamespace> pods = new ArrayList<>();
    private final List<List<String>> addresses = new ArrayList<>();
    private final List<TestNetwork> networks = new ArrayList<>();
    private final List<BackgroundProcess> daemons = new ArrayList<>();

    @SuppressWarnings("NullAway.Init") // made before each round
    private Topology topology;

    @Parameter
    Overlays overlays = Overlays.KERNEL_KERNEL;

    @BeforeParameterizedClassInvocation(injectArguments = false)
    void wireByConflist(@TempDir final Path directory) throws IOException {
        topology = 2 == overlays.families() ? Topology.builder().dualStack().build() : Topology.twoNodes();
        for (final Topology.Node node : topology.nodes()) {
            // The topology's own pod and bridge make room for what the plugin makes.
            node.namespace().ip("link", "del", "cni0");
            node.namespace().ip("link", "del", "veth0");
            final Path nodeDirectory = Files.createDirectory(directory.resolve(overlays.name() + node.letter()));
            final TestNetwork network = new TestNetwork(nodeDirectory, node.namespace(), "1.0.0", DELEGATE, PORTMAP);
            networks.add(network);
            if (overlays.isWeft(node)) {
                daemons.add(WeftNode.start(topology, node, nodeDirectory));
            } else {
                topology.kernelVxlan(node);
                network.writeSubnetEnv(node, topology.podMtu());
            }
        }
        addPod(0, "a1");
        addPod(0, "a2");
        addPod(1, "b1");
    }

    private void addPod(final int node, final String name) {
        final NetworkNamespace pod = NetworkNamespace.create(name);
        pods.add(pod);
        final PluginProcess.Outcome outcome = networks.get(node)
                .add(
                        name,
                        pod,
                        Map.of(
                                "portMappings",
                                "[{\"hostPort\":" + (HOST_PORT + pods.size() - 1) + ",\"containerPort\":" + PORT
                                        + ",\"protocol\":\"tcp\"}]"))
                .succeeded();
        addresses.add(IntStream.range(0, overlays.families())
                .mapToObj(family -> TestNetwork.address(outcome, family))
                .toList());
    }

    @AfterParameterizedClassInvocation(injectArguments = false)
    void close() {
        daemons.forEach(BackgroundProcess::close);
        pods.forEach(NetworkNamespace::close);
        topology.close();
        daemons.clear();
        pods.clear();
        addresses.clear();
        networks.clear();
    }

    @Test
    void shouldShowPodsOwnAddressWhenPodsOfOneNodeTalk() {
        for (int family = 0; family < overlays.families(); family++) {
            assertEquals(addresses.get(0).get(family), seenBy(pods.get(0), pods.get(1), address(1, family), PORT));
            assertEquals(addresses.get(1).get(family), seenBy(pods.get(1), pods.get(0), address(0, family), PORT));
        }
    }

    @Test
    void shouldShowPodsOwnAddressWhenPodsOfTwoNodesTalk() {
        for (int family = 0; family < overlays.families(); family++) {
            assertEquals(addresses.get(0).get(family), seenBy(pods.get(0), pods.get(2), address(2, family), PORT));
            assertEquals(addresses.get(2).get(family), seenBy(pods.get(2), pods.get(1), address(1, family), PORT));
        }
    }

    @Test
    void shouldReachPodsWhenNodeTalksToItsOwn() {
        final Topology.Node node = topology.node(0);
        assertEquals(node.bridgeAddress(), seenBy(node.namespace(), pods.get(0), address(0, 0), PORT));
    }

    @Test
    void shouldReachPodsOfOtherNodesWhenNodeTalks() {
        final Topology.Node node = topology.node(0);
        assertEquals(node.subnetBase(), seenBy(node.namespace(), pods.get(2), address(2, 0), PORT));
    }

    @Test
    void shouldShowPodsOwnAddressWhenPodTalksToNodes() {
        final NetworkNamespace own = topology.node(0).namespace();
        final NetworkNamespace other = topology.node(1).namespace();
        final String bridge = topology.node(0).bridgeAddress();
        assertEquals(address(0, 0), seenBy(pods.get(0), own, bridge, PORT));
        assertEquals(address(0, 0), seenBy(pods.get(0), own, topology.node(0).underlayAddress(), PORT));
        assertEquals(address(0, 0), seenBy(pods.get(0), other, topology.node(1).bridgeAddress(), PORT));
    }

    @Test
    void shouldReachItselfWhenPodUsesItsPortMapping() {
        final String node = topology.node(0).underlayAddress();
        final String seen = seenBy(pods.get(0), pods.get(0), node, HOST_PORT);
        // The way back must lead through the node too, so this one is translated, by portmap.
        assertEquals(topology.node(0).bridgeAddress(), seen);
    }

    @Test
    void shouldShowPodsOwnAddressWhenPodOfOtherNodeUsesPortMapping() {
        final String seen = seenBy(pods.get(2), pods.get(0), topology.node(0).bridgeAddress(), HOST_PORT);
        assertEquals(address(2, 0), seen);
    }

    @Test
    void shouldHaveOverlaysMtuAndRoutesWhenAdded() {
        final String link = pods.get(0).ip("link", "show", "eth0");
        assertTrue(link.contains("mtu " + topology.podMtu() + " "), link);
        final String routes = pods.get(0).ip("route");
        final String gateway = " via " + topology.node(0).bridgeAddress() + " ";
        assertTrue(routes.contains("default" + gateway), routes);
        assertTrue(routes.contains(Topology.CLUSTER_NETWORK + gateway), routes);
    }

    @Test
    void shouldLeaveNothingWhenDeleted() {
        final TestNetwork network = networks.get(0);
        final NetworkNamespace node = topology.node(0).namespace();
        final String rulesBefore = rules(node);
        final String portsBefore = network.bridgePorts();
        addPod(0, "a3");
        final NetworkNamespace pod = pods.get(pods.size() - 1);
        assertNotEquals(rulesBefore, rules(node));
        network.delete("a3", pod).succeeded();
        assertEquals(
                List.of(address(0, 0), address(1, 0)),
                network.reservedAddresses().subList(0, 2));
        assertEquals(2 * overlays.families(), network.reservedAddresses().size());
        assertEquals(List.of("a1", "a2"), network.stateFiles());
        assertNotEquals(0, pod.tryExec("ip", "link", "show", "eth0").exitCode());
        assertEquals(portsBefore, network.bridgePorts());
        assertEquals(rulesBefore, rules(node));
    }

    /** The NAT rules without their counters. */
    private static String rules(final NetworkNamespace node) {
        return node.exec("iptables", "-t", "nat", "-S");
    }

    private String address(final int pod, final int family) {
        return addresses.get(pod).get(family);
    }

    /** The client's address as the server sees it, after a byte has gone each way. */
    private static String seenBy(
            final NetworkNamespace client, final NetworkNamespace server, final String address, final int port) {
        try (ServerSocket listener = server.call(() -> new ServerSocket(PORT))) {
            listener.setSoTimeout(TIMEOUT_MS);
            final CompletableFuture<Integer> answer = CompletableFuture.supplyAsync(() -> client.call(() -> {
                try (Socket socket = new Socket()) {
                    socket.connect(new InetSocketAddress(InetAddress.getByName(address), port), TIMEOUT_MS);
                    socket.setSoTimeout(TIMEOUT_MS);
                    socket.getOutputStream().write(42);
                    return socket.getInputStream().read();
                }
            }));
            try (Socket accepted = listener.accept()) {
                accepted.setSoTimeout(TIMEOUT_MS);
                accepted.getOutputStream().write(accepted.getInputStream().read());
                assertEquals(42, answer.join());
                return TestNetwork.canonical(accepted.getInetAddress());
            }
        } catch (final IOException e) {
            throw new AssertionError(client.name() + " to " + address + " port " + port, e);
        }
    }
}
