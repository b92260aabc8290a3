/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.dataplane.counters.DropReason;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What an operator can do about drops that a fault of this node or of the cluster causes; what pods or strangers send may be dropped. */
final class DropRemedy {
    /** What checksums find. */
    static final String DAMAGE =
            "a link or a network card on the way damages packets, or does not put checksums in: ethtool -S"
                    + " DEVICE on both nodes; ethtool -K DEVICE tx off on the sender tells whether it is the card";

    private static final Map<DropReason, String> REMEDIES = new EnumMap<>(Map.ofEntries(
            Map.entry(DropReason.NEIGH_FAILED, "the peer's lease has no VTEP MAC: restart the daemon of that node"),
            Map.entry(
                    DropReason.VXLAN_NO_REMOTE,
                    "the peer's lease has no public address: restart the daemon of that node"),
            Map.entry(
                    DropReason.UNDERLAY_BUSY,
                    "the underlay device is slower than what is sent: see tc -s qdisc, or give pods less to send"),
            Map.entry(
                    DropReason.FQ_FLOW_LIMIT,
                    "a pod sends more than the underlay device carries, and others have their share: see tc -s qdisc"),
            Map.entry(
                    DropReason.UNDERLAY_UNREACHABLE,
                    "the host has no route to a peer, or one, or a rule of routing, that throws away or prohibits what goes there: ip route"
                            + " get PEER ipproto udp dport PORT, ip rule show (of IPv6: ip -6 rule show); or a peer on its link does not answer, as without"
                            + " power: ip neigh show PEER"),
            Map.entry(DropReason.UNDERLAY_REFUSED, "a rule of this host's firewall refuses UDP to peers: allow it"),
            Map.entry(DropReason.UNDERLAY_ERROR, "weft does not know the cause: the kernel's log (dmesg) may say it"),
            Map.entry(
                    DropReason.UNKNOWN_SENDER,
                    "if it is a node, its lease is missing here: see whether it has the same registry and prefix; if it"
                            + " sends by another address, --ingress-allow admits it; if it is none, a firewall keeps it"
                            + " out"),
            Map.entry(
                    DropReason.OTHER_NODES_SOURCE,
                    "that node sends packets of another one's subnet: the other's own routes lead them by it (weft ping all"
                            + " there), or both take the subnet for theirs; if it does so by right, --ingress-allow admits"
                            + " it"),
            Map.entry(DropReason.VXLAN_VNI_NOT_FOUND, "a peer has another VNI in its network configuration"),
            Map.entry(
                    DropReason.OTHERHOST,
                    "a peer knows another MAC of this node than its own: compare ip link show DEVICE with this node's lease"),
            Map.entry(DropReason.IP_CSUM, DAMAGE),
            Map.entry(DropReason.UDP_CSUM, DAMAGE),
            Map.entry(DropReason.HOST_DOWN, "set the device up: ip link set DEVICE up"),
            Map.entry(DropReason.PKT_TOO_BIG, "a peer's pods have a larger MTU than this node's: compare subnet.env")));

    private DropRemedy() {}

    /** Null for a reason that says nothing of this node's health. */
    static @Nullable String of(final DropReason reason) {
        return REMEDIES.get(reason);
    }

    /** What it means, and what to do. */
    static String words(final DropReason reason) {
        return "(" + reason.description() + "): "
                + Objects.requireNonNullElse(of(reason), "weft show drops tells more");
    }
}
