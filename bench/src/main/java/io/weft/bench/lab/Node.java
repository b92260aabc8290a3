/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import java.util.List;

/**
 * One node of a lab and its pod, each a network namespace. Addresses follow from the index, counted from 0.
 *
 * @param index which node of its lab.
 * @param namespace the node's network namespace.
 * @param podNamespace the network namespace of its one pod.
 */
public record Node(int index, String namespace, String podNamespace) {
    /** The device towards the other nodes. */
    public static final String UNDERLAY_DEVICE = "eth0";

    /** The bridge that the pod hangs on. */
    public static final String BRIDGE = "cni0";

    static final int UNDERLAY_MTU = 1500;

    /** Outer IPv4 (20), UDP (8), VXLAN (8) and inner Ethernet (14) headers. */
    static final int OVERLAY_MTU = UNDERLAY_MTU - (20 + 8 + 8 + 14);

    /** Of all pods; one route leads into the tunnel. */
    public static final String CLUSTER_NETWORK = "10.192.0.0/10";

    /** The length of prefixes of the underlay, where a node reaches every other one directly. */
    static final String UNDERLAY_PREFIX = "/16";

    private static final int IN_AN_OCTET = 256;

    /** A, B, C: the name by which people call the node. */
    public String letter() {
        return String.valueOf((char) ('A' + index));
    }

    /** The node's own address on the underlay. */
    public String underlayAddress() {
        return "192.168." + (100 + (index + 1) / IN_AN_OCTET) + "." + (index + 1) % IN_AN_OCTET;
    }

    /** The pod's address on the overlay. */
    public String podAddress() {
        return network() + ".2";
    }

    /** The second pod's. */
    String bystanderAddress() {
        return network() + ".3";
    }

    /** The subnet that the node has leased. */
    public String subnet() {
        return vtepAddress() + "/24";
    }

    /** The gateway of the pod: the bridge's address. */
    String bridgeAddress() {
        return network() + ".1";
    }

    /** The tunnel device's address: the first of the subnet, as flannel has it. */
    String vtepAddress() {
        return network() + ".0";
    }

    /** The tunnel device's MAC. */
    public String vtepMac() {
        return String.format("02:00:00:00:%02x:%02x", index / IN_AN_OCTET, index % IN_AN_OCTET);
    }

    /** The first 256 nodes have a subnet from 10.244.0.0 on, as flannel's network has, the others one from 10.193.0.0 up to there. */
    private String network() {
        final int block = index / IN_AN_OCTET;
        return "10." + (0 == block ? 244 : 192 + block) + "." + index % IN_AN_OCTET;
    }

    /** The words that run a program on the node. */
    public List<String> inNode(final String... words) {
        return Command.words(List.of("ip", "netns", "exec", namespace), words);
    }

    /** The words that run a program in the pod. */
    public List<String> inPod(final String... words) {
        return Command.words(List.of("ip", "netns", "exec", podNamespace), words);
    }

    /** Runs an {@code ip} command on the node. */
    void ip(final String... words) {
        Command.run(Command.words(List.of("ip", "-n", namespace), words));
    }
}
