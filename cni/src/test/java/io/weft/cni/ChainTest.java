/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.cni.PluginProcess.Outcome;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** weft-cni as the first of a chain with the reference plugins portmap, bandwidth and tuning. */
@RequiresRoot
class ChainTest {
    private static final String POD = "pod-1";
    private static final String MAC = "02:00:0a:2a:01:63";

    @TempDir
    Path directory;

    private final NetworkNamespace node = NetworkNamespace.create("node");
    private final NetworkNamespace pod = NetworkNamespace.create("pod");
    private TestNetwork network;

    @BeforeEach
    void createNetwork() {
        network = new TestNetwork(
                        directory,
                        node,
                        "1.0.0",
                        "{\"hairpinMode\":true,\"isDefaultGateway\":true}",
                        "{\"type\":\"portmap\",\"capabilities\":{\"portMappings\":true}}",
                        "{\"type\":\"bandwidth\",\"capabilities\":{\"bandwidth\":true}}",
                        "{\"type\":\"tuning\",\"sysctl\":{\"net.core.somaxconn\":\"511\"}}")
                .writeMasqueradedSubnetEnv();
    }

    @AfterEach
    void close() {
        pod.close();
        node.close();
    }

    @Test
    void shouldPassRuntimeConfigOnWhenFirstOfChain() {
        final Outcome added = network.add(
                        POD,
                        pod,
                        Map.of(
                                "portMappings",
                                "[{\"hostPort\":30080,\"containerPort\":80,\"protocol\":\"tcp\"}]",
                                "bandwidth",
                                "{\"ingressRate\":8000000,\"ingressBurst\":800000}",
                                "ipRanges",
                                "[[{\"subnet\":\"10.42.1.0/24\",\"rangeStart\":\"10.42.1.99\","
                                        + "\"rangeEnd\":\"10.42.1.99\"}]]",
                                "mac",
                                "\"" + MAC + "\""))
                .succeeded();
        assertEquals("10.42.1.99", TestNetwork.address(added, 0));
        final String link = pod.ip("link", "show", "eth0");
        assertTrue(link.contains(MAC), link);
        final String rules = node.exec("iptables", "-t", "nat", "-S");
        assertTrue(rules.contains("--dport 30080 -j DNAT --to-destination 10.42.1.99:80"), rules);
        final String queues = node.exec("tc", "qdisc", "show");
        assertTrue(queues.contains("tbf") && queues.contains("rate 8Mbit"), queues);
        assertEquals("511", pod.exec("cat", "/proc/sys/net/core/somaxconn").strip());

        network.delete(POD, pod).succeeded();
        final String rulesLeft = node.exec("iptables", "-t", "nat", "-S");
        assertEquals(-1, rulesLeft.indexOf("30080"), rulesLeft);
        assertTrue(network.reservedAddresses().isEmpty() && network.stateFiles().isEmpty());
    }

    @Test
    void shouldPassArgumentsOnWhenRuntimeSetsThem() {
        final Map<String, String> variables = network.variables("ADD", POD, pod);
        variables.put("CNI_ARGS", "IgnoreUnknown=1;K8S_POD_NAME=web;IP=10.42.1.77;MAC=" + MAC);
        final Outcome added = PluginProcess.run(
                        PluginProcess.inNamespace(
                                node.name(),
                                InstalledPlugin.binDir().resolve("weft-cni").toString()),
                        variables,
                        network.stdin())
                .succeeded();
        assertEquals("10.42.1.77", TestNetwork.address(added, 0));
        assertTrue(pod.ip("link", "show", "eth0").contains(MAC));
    }
}
