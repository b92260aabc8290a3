/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.testing;

import io.weft.linux.testing.Topology.Node;

/**
 * The kernel's VXLAN device on a node, set up as flannel's vxlan backend does it: device {@code flannel.1}, VNI 1, port
 * 8472, no learning, the subnet's base address as /32, and per peer a permanent neighbour, a permanent FDB entry and an
 * onlink route. On a dual-stack node also {@code flannel-v6.1} over IPv6. Source: flannel pkg/backend/vxlan.
 */
public final class KernelVxlan {
    /** The IPv4 device. */
    public static final String DEVICE = "flannel.1";

    /** The device over IPv6 for IPv6 subnets. */
    public static final String DEVICE_V6 = "flannel-v6.1";

    /** The UDP port of the kernel's VXLAN, which flannel keeps; not IANA's 4789. */
    public static final int PORT = 8472;

    /** The VXLAN network identifier. */
    public static final int VNI = 1;

    private final Node node;

    private KernelVxlan(final Node node) {
        this.node = node;
    }

    /**
     * Sets up the device or, on a dual-stack node, the devices, without a peer.
     *
     * @param node to set up; its MAC address and addresses are those of {@link Node}.
     * @param mtu of the devices in bytes.
     * @return the overlay, for peers.
     */
    public static KernelVxlan create(final Node node, final int mtu) {
        createIpv4(node, mtu, node.vtepMac());
        if (node.dualStack()) {
            addDevice(node, DEVICE_V6, mtu, node.vtepMacV6(), node.underlayAddressV6(), node.subnetBaseV6() + "/128");
        }
        return new KernelVxlan(node);
    }

    /**
     * Sets up the IPv4 device alone.
     *
     * @param node to set up.
     * @param mtu of the device in bytes.
     * @param mac of the VTEP.
     * @return the overlay, for peers.
     */
    public static KernelVxlan createIpv4(final Node node, final int mtu, final String mac) {
        addDevice(node, DEVICE, mtu, mac, node.underlayAddress(), node.subnetBase() + "/32");
        return new KernelVxlan(node);
    }

    /**
     * The overlay of a node whose devices are there already.
     *
     * @param node that was set up.
     * @return the overlay, for peers.
     */
    public static KernelVxlan of(final Node node) {
        return new KernelVxlan(node);
    }

    private static void addDevice(
            final Node node,
            final String device,
            final int mtu,
            final String mac,
            final String local,
            final String address) {
        final NetworkNamespace namespace = node.namespace();
        namespace.ip(
                "link",
                "add",
                device,
                "mtu",
                Integer.toString(mtu),
                "address",
                mac,
                "type",
                "vxlan",
                "id",
                Integer.toString(VNI),
                "dstport",
                Integer.toString(PORT),
                "local",
                local,
                "dev",
                node.underlayDevice(),
                "nolearning",
                "udpcsum",
                "noudp6zerocsumtx",
                "noudp6zerocsumrx");
        namespace.sysctl("net/ipv6/conf/" + device + "/accept_ra", 0);
        if (address.indexOf(':') < 0) {
            namespace.ip("addr", "add", address, "dev", device);
        } else {
            namespace.ip("addr", "add", address, "dev", device, "nodad");
        }
        namespace.ip("link", "set", device, "up");
    }

    /**
     * Programs the IPv4 subnet of a peer.
     *
     * @param subnet to reach.
     * @param base address of the subnet.
     * @param mac of the peer's VTEP.
     * @param underlay address of the peer.
     */
    public void addPeer(final String subnet, final String base, final String mac, final String underlay) {
        addPeer(DEVICE, subnet, base, mac, underlay);
    }

    /**
     * Programs a peer: neighbour, FDB entry, route.
     *
     * @param peer to reach, by the subnet, MAC address and underlay address of {@link Node}.
     */
    public void addPeer(final Node peer) {
        addPeer(DEVICE, peer.subnet(), peer.subnetBase(), peer.vtepMac(), peer.underlayAddress());
        if (node.dualStack()) {
            addPeer(DEVICE_V6, peer.subnetV6(), peer.subnetBaseV6(), peer.vtepMacV6(), peer.underlayAddressV6());
        }
    }

    private void addPeer(
            final String device, final String subnet, final String base, final String mac, final String underlay) {
        final NetworkNamespace namespace = node.namespace();
        namespace.ip("neigh", "replace", base, "lladdr", mac, "dev", device, "nud", "permanent");
        namespace.bridge("fdb", "replace", mac, "dev", device, "dst", underlay, "self", "permanent");
        namespace.ip("route", "replace", subnet, "via", base, "dev", device, "onlink");
    }

    /**
     * Takes a peer's entries away.
     *
     * @param peer that was added.
     */
    public void removePeer(final Node peer) {
        removePeer(DEVICE, peer.subnet(), peer.subnetBase(), peer.vtepMac());
        if (node.dualStack()) {
            removePeer(DEVICE_V6, peer.subnetV6(), peer.subnetBaseV6(), peer.vtepMacV6());
        }
    }

    /**
     * Takes the entries of a peer's IPv4 subnet away.
     *
     * @param subnet that was added.
     * @param base address of the subnet.
     * @param mac of the peer's VTEP.
     */
    public void removePeer(final String subnet, final String base, final String mac) {
        removePeer(DEVICE, subnet, base, mac);
    }

    private void removePeer(final String device, final String subnet, final String base, final String mac) {
        final NetworkNamespace namespace = node.namespace();
        namespace.ip("neigh", "del", base, "dev", device);
        namespace.bridge("fdb", "del", mac, "dev", device, "self");
        namespace.ip("route", "del", subnet);
    }

    /** Deletes the devices; kernel routes and entries go with them. */
    public void delete() {
        node.namespace().ip("link", "del", DEVICE);
        if (node.dualStack()) {
            node.namespace().ip("link", "del", DEVICE_V6);
        }
    }
}
