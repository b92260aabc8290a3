/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.Topology;
import io.weft.overlay.WeftdProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;

/** weftd on a node of a {@link Topology}, as a process of its own, with the leases of all nodes in a registry file. */
final class WeftNode {
    private WeftNode() {}

    /**
     * Starts weftd and waits until it forwards.
     *
     * @param directory for subnet.env, which weftd writes, and its registry.
     */
    static BackgroundProcess start(final Topology topology, final Topology.Node node, final Path directory) {
        final Path leases = directory.resolve("leases.json");
        try {
            Files.writeString(
                    leases,
                    topology.nodes().stream()
                            .map(WeftNode::lease)
                            .collect(Collectors.joining(
                                    ",",
                                    "{\"config\":{\"Network\":\"" + Topology.CLUSTER_NETWORK
                                            + "\",\"Backend\":{\"Type\":\"vxlan\"}},\"leases\":{",
                                    "}}")));
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
        return WeftdProcess.start(
                        node.namespace(),
                        directory,
                        "--registry=file:" + leases,
                        "--iface=" + node.underlayDevice(),
                        // Else the bridge translates the pods' addresses.
                        "--ip-masq")
                .awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
    }

    private static String lease(final Topology.Node node) {
        return "\"" + node.subnet().replace('/', '-') + "\":{\"PublicIP\":\"" + node.underlayAddress()
                + "\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + node.vtepMac() + "\"}}";
    }
}
