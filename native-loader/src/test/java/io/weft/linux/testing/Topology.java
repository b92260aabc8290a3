/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.testing;

import java.util.ArrayList;
import java.util.List;

/**
 * Overlay nodes in network namespaces, each with one pod behind the bridge {@code cni0}, joined by an underlay; no overlay
 * yet.
 *
 * <pre>
 *      podA --- cni0 [ nodeA ] uA ======== uB [ nodeB ] cni0 --- podB
 *   10.244.0.2              192.168.100.1  192.168.100.2          10.244.1.2
 * </pre>
 *
 * <p>Two nodes are joined by one veth pair; more by a bridge in a namespace of its own, where node X's link ends in the
 * port {@code portX}. With {@link Builder#dualStack()} nodes and pods have IPv6 addresses too; without, IPv6 is off, so
 * that no router solicitation disturbs a test that counts packets.
 */
public final class Topology implements AutoCloseable {
    /** The cluster network, of which node n has 10.244.n.0/24. */
    public static final String CLUSTER_NETWORK = "10.244.0.0/16";

    /** The IPv6 cluster network, of which node n has fd00:10:244:n::/64. */
    public static final String CLUSTER_NETWORK_V6 = "fd00:10:244::/48";

    /** Of the underlay's network. */
    public static final String UNDERLAY_BROADCAST = "192.168.100.255";

    /** What a VXLAN over IPv4 adds to a packet: outer IPv4, UDP, VXLAN and inner Ethernet headers, in bytes. */
    public static final int VXLAN_OVERHEAD = 20 + 8 + 8 + 14;

    private final CloseAll resources = new CloseAll();
    private final List<Node> nodes = new ArrayList<>();
    private final int mtu;
    private final boolean dualStack;

    private Topology(final Builder builder) {
        mtu = builder.mtu;
        dualStack = builder.dualStack;
        try {
            for (int i = 0; i < builder.nodeCount; i++) {
                nodes.add(createNode(i));
            }
            joinUnderlay();
            nodes.forEach(this::configure);
        } catch (final RuntimeException e) {
            try {
                resources.close();
            } catch (final RuntimeException suppressed) {
                e.addSuppressed(suppressed);
            }
            throw e;
        }
    }

    /** A builder: two nodes, underlay MTU 1500, IPv4 only. */
    public static Builder builder() {
        return new Builder();
    }

    /** Two nodes, underlay MTU 1500, IPv4 only. */
    public static Topology twoNodes() {
        return builder().build();
    }

    /**
     * One of the nodes.
     *
     * @param index 0 is node A.
     * @return the node.
     */
    public Node node(final int index) {
        return nodes.get(index);
    }

    /** All nodes, A first. */
    public List<Node> nodes() {
        return List.copyOf(nodes);
    }

    /** The underlay's MTU in bytes. */
    public int mtu() {
        return mtu;
    }

    /** The MTU of pods and bridges in bytes: the underlay's without the VXLAN overhead. */
    public int podMtu() {
        return mtu - VXLAN_OVERHEAD;
    }

    /**
     * Makes a node a kernel VXLAN node as flannel does, with all other nodes as its peers.
     *
     * @param node of this topology.
     * @return the node's overlay, to add or remove peers.
     */
    public KernelVxlan kernelVxlan(final Node node) {
        final KernelVxlan overlay = KernelVxlan.create(node, podMtu());
        nodes.stream().filter(peer -> !peer.equals(node)).forEach(overlay::addPeer);
        return overlay;
    }

    private Node createNode(final int index) {
        final char letter = (char) ('A' + index);
        final NetworkNamespace namespace = resources.add(NetworkNamespace.create("node" + letter));
        final NetworkNamespace pod = resources.add(NetworkNamespace.create("pod" + letter));
        for (final NetworkNamespace each : List.of(namespace, pod)) {
            each.sysctl("net.ipv6.conf.default.disable_ipv6", dualStack ? 0 : 1);
            each.sysctl("net.ipv6.conf.default.accept_ra", 0);
        }
        return new Node(index, namespace, pod, dualStack);
    }

    private void joinUnderlay() {
        if (2 == nodes.size()) {
            final Node a = nodes.get(0);
            final Node b = nodes.get(1);
            a.namespace().vethTo(a.underlayDevice(), b.namespace(), b.underlayDevice(), mtu);
            return;
        }
        final NetworkNamespace underlay = resources.add(NetworkNamespace.create("underlay"));
        underlay.sysctl("net.ipv6.conf.default.disable_ipv6", 1);
        underlay.ip("link", "add", "br0", "type", "bridge", "mcast_snooping", "0");
        underlay.ip("link", "set", "br0", "mtu", Integer.toString(mtu), "up");
        for (final Node node : nodes) {
            final String port = "port" + node.letter();
            underlay.vethTo(port, node.namespace(), node.underlayDevice(), mtu);
            underlay.ip("link", "set", port, "master", "br0");
        }
    }

    private void configure(final Node node) {
        final NetworkNamespace namespace = node.namespace();
        final NetworkNamespace pod = node.pod();
        final String podMtu = Integer.toString(podMtu());
        namespace.ip("addr", "add", node.underlayAddress() + "/24", "dev", node.underlayDevice());
        namespace.ip("link", "add", "cni0", "type", "bridge", "mcast_snooping", "0");
        namespace.ip("addr", "add", node.bridgeAddress() + "/24", "dev", "cni0");
        namespace.ip("link", "set", "cni0", "mtu", podMtu, "up");
        namespace.vethTo("veth0", pod, "eth0", podMtu());
        namespace.ip("link", "set", "veth0", "master", "cni0");
        pod.ip("addr", "add", node.podAddress() + "/24", "dev", "eth0");
        pod.ip("route", "add", "default", "via", node.bridgeAddress());
        namespace.sysctl("net.ipv4.ip_forward", 1);
        if (dualStack) {
            namespace.ip("addr", "add", node.underlayAddressV6() + "/64", "dev", node.underlayDevice(), "nodad");
            namespace.ip("addr", "add", node.bridgeAddressV6() + "/64", "dev", "cni0", "nodad");
            pod.ip("addr", "add", node.podAddressV6() + "/64", "dev", "eth0", "nodad");
            pod.ip("-6", "route", "add", "default", "via", node.bridgeAddressV6());
            namespace.sysctl("net.ipv6.conf.all.forwarding", 1);
        }
    }

    /** Deletes all namespaces and what runs in them. */
    @Override
    public void close() {
        resources.close();
    }

    /**
     * One node and its pod.
     *
     * @param index 0 is node A.
     * @param namespace of the node.
     * @param pod namespace of the node's one pod, its device is eth0.
     * @param dualStack true if node and pod have IPv6 addresses.
     */
    public record Node(int index, NetworkNamespace namespace, NetworkNamespace pod, boolean dualStack) {
        /** A for index 0. */
        public char letter() {
            return (char) ('A' + index);
        }

        /** The underlay device, {@code uA} on node A. */
        public String underlayDevice() {
            return "u" + letter();
        }

        /**
         * Puts the underlay device under a bridge, which has its address from then on.
         *
         * @param bridge name of the bridge, which is made.
         */
        public void bridgeUnderlay(final String bridge) {
            namespace.ip("link", "add", bridge, "type", "bridge", "mcast_snooping", "0");
            namespace.ip("address", "flush", "dev", underlayDevice());
            namespace.ip("link", "set", underlayDevice(), "master", bridge);
            namespace.ip("address", "add", underlayAddress() + "/24", "dev", bridge);
            namespace.ip("link", "set", bridge, "up");
        }

        /** 192.168.100.1 on node A, in a /24. */
        public String underlayAddress() {
            return "192.168.100." + (index + 1);
        }

        /** fd00:100::1 on node A, in a /64. */
        public String underlayAddressV6() {
            return "fd00:100::" + (index + 1);
        }

        /** The subnet's base address, 10.244.0.0 on node A; the address of a flannel device. */
        public String subnetBase() {
            return "10.244." + index + ".0";
        }

        /** The node's subnet, 10.244.0.0/24 on node A. */
        public String subnet() {
            return subnetBase() + "/24";
        }

        /** The IPv6 subnet's base address, fd00:10:244:: on node A. */
        public String subnetBaseV6() {
            return 0 == index ? "fd00:10:244::" : "fd00:10:244:" + Integer.toHexString(index) + "::";
        }

        /** The node's IPv6 subnet, a /64. */
        public String subnetV6() {
            return subnetBaseV6() + "/64";
        }

        /** The address of cni0, 10.244.0.1 on node A. */
        public String bridgeAddress() {
            return "10.244." + index + ".1";
        }

        /** The IPv6 address of cni0. */
        public String bridgeAddressV6() {
            return subnetBaseV6() + "1";
        }

        /** The pod's address, 10.244.0.2 on node A. */
        public String podAddress() {
            return "10.244." + index + ".2";
        }

        /** The pod's IPv6 address. */
        public String podAddressV6() {
            return subnetBaseV6() + "2";
        }

        /** The VTEP's MAC address, 02:00:00:00:00:01 on node A. */
        public String vtepMac() {
            return "02:00:00:00:00:0" + (index + 1);
        }

        /** The MAC address of the IPv6 VTEP, 02:00:00:00:06:01 on node A. */
        public String vtepMacV6() {
            return "02:00:00:00:06:0" + (index + 1);
        }
    }

    /** What the topology looks like. */
    public static final class Builder {
        private int nodeCount = 2;
        private int mtu = 1500;
        private boolean dualStack;

        private Builder() {}

        /**
         * How many nodes.
         *
         * @param count 1 to 9.
         * @return this.
         */
        public Builder nodes(final int count) {
            if (count < 1 || count > 9) {
                throw new IllegalArgumentException("nodes: " + count + " is not in 1..9");
            }
            nodeCount = count;
            return this;
        }

        /**
         * The underlay's MTU.
         *
         * @param bytes of the largest IP packet.
         * @return this.
         */
        public Builder mtu(final int bytes) {
            mtu = bytes;
            return this;
        }

        /**
         * IPv6 addresses beside the IPv4 addresses on underlay, bridges and pods.
         *
         * @return this.
         */
        public Builder dualStack() {
            dualStack = true;
            return this;
        }

        /**
         * Makes the namespaces. If that fails half-way, what was made is taken down again.
         *
         * @return the topology; the caller closes it.
         */
        public Topology build() {
            return new Topology(this);
        }
    }
}
