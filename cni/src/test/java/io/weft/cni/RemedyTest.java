/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.cni.PluginProcess.Outcome;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the reference plugins name and do not say what to do about, as it stands in a pod's events. */
@RequiresRoot
class RemedyTest {
    @TempDir
    Path directory;

    private Node node;
    private TestNetwork network;

    @BeforeEach
    void createNode() {
        node = new Node(directory, "1.0.0");
        network = node.network().writeMasqueradedSubnetEnv();
    }

    @AfterEach
    void close() {
        node.close();
    }

    @Test
    void shouldSayHowToTakeFormerSubnetsAddressFromBridge() {
        network.writeSubnetEnv(
                "FLANNEL_NETWORK=10.42.0.0/16",
                "FLANNEL_SUBNET=10.42.9.1/24",
                "FLANNEL_MTU=1450",
                "FLANNEL_IPMASQ=true");
        network.add("pod-0", node.pod()).succeeded();
        network.delete("pod-0", node.pod()).succeeded();
        network.writeMasqueradedSubnetEnv();
        final Outcome failed = network.add("pod-1", node.pod());
        assertEquals(1, failed.exitCode(), failed.toString());
        assertTrue(
                failed.message().contains("\"cni0\" already has an IP address different from 10.42.1.1/24")
                        && failed.message().contains("ip address delete ADDRESS dev cni0"),
                failed.message());
        node.namespace().ip("address", "delete", "10.42.9.1/24", "dev", "cni0");
        network.add("pod-1", node.pod()).succeeded();
    }

    /** As after pods have ended whose runtime forgot them. */
    @Test
    void shouldSayWhereAddressesAreThatNoContainerHasAnyMore() {
        network.writeSubnetEnv(
                "FLANNEL_NETWORK=10.42.0.0/16",
                "FLANNEL_SUBNET=10.42.1.1/30",
                "FLANNEL_MTU=1450",
                "FLANNEL_IPMASQ=true");
        network.add("pod-1", node.pod()).succeeded();
        try (NetworkNamespace pod = NetworkNamespace.create("pod")) {
            final Outcome failed = network.add("pod-2", pod);
            assertEquals(1, failed.exitCode(), failed.toString());
            assertTrue(
                    failed.message().contains("no IP addresses available in range set")
                            && failed.message().contains(network.addressDir().resolve("weft-test") + "/"),
                    failed.message());
        }
    }
}
