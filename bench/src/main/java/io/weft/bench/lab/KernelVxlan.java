/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The kernel's VXLAN device as flannel's vxlan backend sets it up: VNI 1, port 8472, no learning, an address of /32, and
 * for each other lease a route, a permanent neighbour and an FDB entry (flannel, pkg/backend/vxlan).
 */
final class KernelVxlan {
    private static final String DEVICE = "flannel.1";

    private KernelVxlan() {}

    static void start(final Node node, final List<Node> all, final Path directory) throws IOException {
        node.ip(
                "link",
                "add",
                DEVICE,
                "mtu",
                String.valueOf(Node.OVERLAY_MTU),
                "address",
                node.vtepMac(),
                "type",
                "vxlan",
                "id",
                "1",
                "dstport",
                "8472",
                "local",
                node.underlayAddress(),
                "dev",
                Node.UNDERLAY_DEVICE,
                "nolearning");
        node.ip("addr", "add", node.vtepAddress() + "/32", "dev", DEVICE);
        node.ip("link", "set", DEVICE, "up");
        final StringBuilder ip = new StringBuilder();
        final StringBuilder fdb = new StringBuilder();
        for (final Node other : all) {
            if (!other.equals(node)) {
                ip.append(
                        "route add " + other.subnet() + " via " + other.vtepAddress() + " dev " + DEVICE + " onlink\n");
                ip.append("neigh replace " + other.vtepAddress() + " lladdr " + other.vtepMac() + " dev " + DEVICE
                        + " nud permanent\n");
                fdb.append("fdb add " + other.vtepMac() + " dev " + DEVICE + " dst " + other.underlayAddress() + "\n");
            }
        }
        batch("ip", node, directory, ip);
        batch("bridge", node, directory, fdb);
    }

    /** @param directory for the files that tell which peers there are. */
    static void restart(final Node node, final List<Node> all, final Path directory) throws IOException {
        node.ip("link", "delete", DEVICE);
        start(node, all, directory);
    }

    private static void batch(final String program, final Node node, final Path directory, final StringBuilder commands)
            throws IOException {
        final Path file = Files.writeString(directory.resolve(program + "-" + node.letter()), commands);
        Command.run(program, "-n", node.namespace(), "-batch", file.toString());
    }
}
