/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import java.util.ArrayList;
import java.util.List;

/**
 * Nodes in network namespaces, each with one pod behind a bridge, joined by an underlay.
 *
 * <pre>
 *    podA --- cni0 [ nodeA ] eth0 ======== eth0 [ nodeB ] cni0 --- podB
 * 10.244.0.2            192.168.100.1   192.168.100.2           10.244.1.2
 * </pre>
 *
 * Two nodes share one link. Three and more hang on a bridge in a namespace of its own, the switch. Nothing forwards
 * between the nodes' pods until an {@link Overlay} is started. Needs root. Used by one thread, but that {@link #close()}
 * may be called from any.
 */
public final class Lab implements AutoCloseable {
    private final List<Node> nodes = new ArrayList<>();
    private final List<String> namespaces = new ArrayList<>();
    private final String prefix;
    private boolean closed;

    /**
     * A lab of which nothing exists yet.
     *
     * @param prefix what the namespaces' names begin with; to be unique on the machine.
     */
    public Lab(final String prefix) {
        this.prefix = prefix;
    }

    /**
     * Creates namespaces, bridges, pods and the underlay.
     *
     * @param nodeCount 2 or more.
     * @throws Command.CommandException if a step fails; {@link #close()} removes what was made until then.
     */
    public void up(final int nodeCount) {
        for (int i = 0; i < nodeCount; i++) {
            final String letter = String.valueOf((char) ('A' + i));
            nodes.add(new Node(i, namespace(prefix + "-node" + letter), namespace(prefix + "-pod" + letter)));
        }
        if (2 == nodeCount) {
            link();
        } else {
            connectSwitch();
        }
        nodes.forEach(Lab::configure);
    }

    /**
     * Creates a namespace with nothing in it but its loopback, which goes with the lab.
     *
     * @param suffix of its name.
     * @return its name.
     */
    public String addNamespace(final String suffix) {
        return namespace(prefix + "-" + suffix);
    }

    private synchronized String namespace(final String name) {
        if (closed) {
            throw new Command.CommandException("create namespace " + name + ": the lab is being taken down");
        }
        Command.run("ip", "netns", "add", name);
        namespaces.add(name);
        Command.run("ip", "-n", name, "link", "set", "lo", "up");
        return name;
    }

    private void link() {
        final String device = Node.UNDERLAY_DEVICE;
        final String near = nodes.get(0).namespace();
        final String far = nodes.get(1).namespace();
        Command.run("ip", "link", "add", device, "netns", near, "type", "veth", "peer", "name", device, "netns", far);
    }

    private void connectSwitch() {
        final String hub = namespace(prefix + "-switch");
        Command.run("ip", "-n", hub, "link", "add", "br0", "type", "bridge");
        Command.run("ip", "-n", hub, "link", "set", "br0", "up");
        for (final Node node : nodes) {
            final String port = "port" + node.letter();
            node.ip("link", "add", Node.UNDERLAY_DEVICE, "type", "veth", "peer", "name", port, "netns", hub);
            Command.run("ip", "-n", hub, "link", "set", port, "master", "br0", "up");
        }
    }

    private static void configure(final Node node) {
        final String mtu = String.valueOf(Node.OVERLAY_MTU);
        final String underlayMtu = String.valueOf(Node.UNDERLAY_MTU);
        node.ip("addr", "add", node.underlayAddress() + Node.UNDERLAY_PREFIX, "dev", Node.UNDERLAY_DEVICE);
        node.ip("link", "set", Node.UNDERLAY_DEVICE, "mtu", underlayMtu, "up");
        node.ip("link", "add", Node.BRIDGE, "type", "bridge");
        node.ip("addr", "add", node.bridgeAddress() + "/24", "dev", Node.BRIDGE);
        node.ip("link", "set", Node.BRIDGE, "mtu", mtu, "up");
        addPod(node, "veth0", node.podNamespace(), node.podAddress());
        Command.run(node.inNode("sysctl", "-qw", "net.ipv4.ip_forward=1"));
    }

    private static void addPod(final Node node, final String port, final String pod, final String address) {
        final String mtu = String.valueOf(Node.OVERLAY_MTU);
        node.ip("link", "add", port, "mtu", mtu, "type", "veth", "peer", "eth0", "mtu", mtu, "netns", pod);
        node.ip("link", "set", port, "master", Node.BRIDGE, "up");
        Command.run("ip", "-n", pod, "addr", "add", address + "/24", "dev", "eth0");
        Command.run("ip", "-n", pod, "link", "set", "eth0", "up");
        Command.run("ip", "-n", pod, "route", "add", "default", "via", node.bridgeAddress());
    }

    /** Puts a second pod on a node's bridge. */
    public Bystander addBystander(final Node node) {
        final String namespace = namespace(prefix + "-bystander" + node.letter());
        addPod(node, "veth1", namespace, node.bystanderAddress());
        return new Bystander(namespace, node.bystanderAddress());
    }

    /** The nodes, A first. */
    public List<Node> nodes() {
        return List.copyOf(nodes);
    }

    /** The node at an index, counted from 0. */
    public Node node(final int index) {
        return nodes.get(index);
    }

    /**
     * Gives TCP of the nodes' pods another congestion control than the machine's own, from its first packet on. Each pod's route
     * does that: a program that asks for one on a connection that there is (iperf3 does) leaves it paced if it began by BBR, and
     * a network namespace may be set only to those that the machine lets users have (net/ipv4/tcp_cong.c,
     * {@code tcp_set_default_congestion_control}).
     *
     * @param name of one that the kernel has.
     */
    public void congestionControl(final String name) {
        for (final Node node : nodes) {
            final String pod = node.podNamespace();
            Command.run("ip", "-n", pod, "route", "replace", "default", "via", node.bridgeAddress(), "congctl", name);
        }
    }

    /** Sets what every node's underlay device offloads. */
    public void offload(final Offload offload) {
        nodes.forEach(offload::apply);
    }

    /** Removes the namespaces, and with them every device in them. Processes in them are to be ended before. */
    @Override
    public synchronized void close() {
        closed = true;
        for (final String name : namespaces) {
            final Command.Result result = Command.tryRun(List.of("ip", "netns", "del", name));
            if (!result.ok()) {
                System.err.println(
                        "lab: remove namespace " + name + ": " + result.output().strip());
            }
        }
        namespaces.clear();
    }
}
