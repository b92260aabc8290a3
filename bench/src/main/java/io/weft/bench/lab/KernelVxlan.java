/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import java.util.List;

/**
 * The kernel's VXLAN device as flannel's vxlan backend sets it up: VNI 1, port 8472, no learning, an address of /32, and
 * for each other lease a route, a permanent neighbour and an FDB entry (flannel, pkg/backend/vxlan).
 */
final class KernelVxlan {
    private static final String DEVICE = "flannel.1";

    private KernelVxlan() {}

    static void start(final Node node, final List<Node> all) {
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
        for (final Node other : all) {
            if (!other.equals(node)) {
                reach(node, other);
            }
        }
    }

    /** Removes the device and all that is led by it, and makes it anew. */
    static void restart(final Node node, final List<Node> all) {
        node.ip("link", "delete", DEVICE);
        start(node, all);
    }

    private static void reach(final Node node, final Node other) {
        node.ip("route", "add", other.subnet(), "via", other.vtepAddress(), "dev", DEVICE, "onlink");
        node.ip("neigh", "replace", other.vtepAddress(), "lladdr", other.vtepMac(), "dev", DEVICE, "nud", "permanent");
        Command.run(
                "bridge",
                "-n",
                node.namespace(),
                "fdb",
                "add",
                other.vtepMac(),
                "dev",
                DEVICE,
                "dst",
                other.underlayAddress());
    }
}
