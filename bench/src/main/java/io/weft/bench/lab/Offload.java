/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import java.util.Locale;

/** What the underlay device does for its host, by the feature names of ethtool. */
public enum Offload {
    /** Tunnel segmentation offloaded: a 64 KB VXLAN frame crosses the link unsegmented. */
    PASSTHROUGH("tso gso tx-udp-segmentation tx-udp_tnl-segmentation tx-udp_tnl-csum-segmentation", "gro"),

    /** No tunnel offload, UDP segmentation offload kept, as most cloud network cards have it. */
    SEGMENT("tso gso tx-udp-segmentation", "tx-udp_tnl-segmentation tx-udp_tnl-csum-segmentation gro"),

    /** No segmentation offload at all, receive GRO on. */
    PLAIN("gro", "tx-udp_tnl-segmentation tx-udp_tnl-csum-segmentation tso gso tx-udp-segmentation");

    private final String on;
    private final String off;

    Offload(final String on, final String off) {
        this.on = on;
        this.off = off;
    }

    /** Sets a node's underlay device. One feature at a time, as some depend on others. */
    void apply(final Node node) {
        set(node, on, "on");
        set(node, off, "off");
    }

    private static void set(final Node node, final String features, final String state) {
        for (final String feature : features.split(" ", -1)) {
            Command.run(node.inNode("ethtool", "-K", Node.UNDERLAY_DEVICE, feature, state));
        }
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
