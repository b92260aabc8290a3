/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.Topology;
import java.net.InetAddress;

/** Ways to a peer's IPv6 pods through the IPv4 overlay, which a dual-stack topology does not have of itself. */
public final class DualStack {
    private DualStack() {}

    /** From a weft node. */
    public static void addPeer(final Topology.Node own, final StaticNode node, final Topology.Node peer) {
        final InetAddress gateway = PodTun.inet(peer.subnetBaseV6());
        node.routing().addRoute(IpPrefix.parse(peer.subnetV6()), gateway);
        node.routing().addNeighbour(gateway, MacAddress.parse(peer.vtepMac()));
        node.routing().publish();
        own.namespace().ip("-6", "route", "add", Topology.CLUSTER_NETWORK_V6, "dev", StaticNode.DEVICE);
    }

    /** From a kernel VXLAN node. */
    public static void addPeer(final NetworkNamespace kernel, final Topology.Node peer) {
        final String device = KernelVxlan.DEVICE;
        final String gateway = "fe80::" + (1 + peer.index());
        kernel.ip("neigh", "replace", gateway, "lladdr", peer.vtepMac(), "dev", device, "nud", "permanent");
        kernel.ip("-6", "route", "replace", peer.subnetV6(), "via", gateway, "dev", device, "onlink");
    }
}
