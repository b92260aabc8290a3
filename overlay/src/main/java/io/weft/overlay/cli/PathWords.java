/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.address.IpAddress;
import io.weft.dataplane.counters.IcmpError;
import io.weft.dataplane.counters.PeerRecord;
import io.weft.overlay.ping.PathResult;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DeviceRecord;
import io.weft.overlay.record.TablesFile;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What is wrong with the way to a peer, and what to do: by the answers, and by what weft counted of the peer meanwhile. */
final class PathWords {
    private final DaemonRecord daemon;
    private final long beginMs;

    /** @param beginMs when the peers were asked, in milliseconds since 1970: an ICMP error before that means nothing. */
    PathWords(final DaemonRecord daemon, final long beginMs) {
        this.daemon = daemon;
        this.beginMs = beginMs;
    }

    /**
     * Empty when all is well.
     *
     * @param before what was counted of the peer before it was asked; null if nothing is.
     * @param after the same afterwards.
     */
    String of(final PathResult result, final @Nullable PeerRecord before, final @Nullable PeerRecord after) {
        return switch (result.state()) {
            case UNCHECKED, OK -> "";
            case FABRIC -> fabric(before, after);
            case OVERLAY -> overlay(result, before, after);
            case FABRIC_MTU ->
                "the fabric carries IP packets of " + result.underlayMtu()
                        + " bytes and no longer ones, weft sends up to "
                        + result.underlayNeeded() + ": raise the MTU on the way, or set \"MTU\": "
                        + (result.underlayMtu() - (result.underlayNeeded() - result.overlayNeeded()))
                        + " in the Backend of the network's configuration";
            case OVERLAY_MTU ->
                "the overlay carries packets of " + result.overlayMtu() + " bytes, pods send up to "
                        + result.overlayNeeded() + ": the MTU of the tunnel device there is less, make them alike";
        };
    }

    private static boolean isHeard(final @Nullable PeerRecord before, final @Nullable PeerRecord after) {
        return null != before && null != after && after.receivedPackets() > before.receivedPackets();
    }

    private String fabric(final @Nullable PeerRecord before, final @Nullable PeerRecord after) {
        final String refusal = refusal(after);
        if (!refusal.isEmpty()) {
            return "the fabric does not bring packets to the node, " + refusal;
        }
        return isHeard(before, after)
                ? "the fabric loses packets one way: the node is heard, and does not get what is sent to it: look for a"
                        + " firewall there, or on the way"
                : "the fabric does not bring packets to the node, or none back: it is down, or a firewall drops all;"
                        + " try ping and traceroute to it from this node";
    }

    /** Why a router or the node itself says that packets do not get there; empty if nobody did since they were asked. */
    private String refusal(final @Nullable PeerRecord after) {
        final IcmpError error = null == after ? null : after.lastError();
        return null == error || error.timeMs() < beginMs ? "" : error.sender() + " says: " + error.words();
    }

    private String overlay(
            final PathResult result, final @Nullable PeerRecord before, final @Nullable PeerRecord after) {
        final long port = daemon.number("port");
        final String refusal = refusal(after);
        if (refusal.endsWith("port unreachable")) {
            return "the overlay is not there: nothing listens on its UDP port " + port
                    + ": start weftd there, or whatever its overlay is";
        }
        if (!refusal.isEmpty()) {
            return "the fabric refuses the overlay's packets, " + refusal + ": let UDP port " + port
                    + " pass both ways";
        }
        if (null != before && null != after && after.sentPackets() == before.sentPackets()) {
            return "packets for it do not come to weft here: ip route get "
                    + result.path().overlayAddress() + " has to say dev "
                    + result.path().device()
                    + ", and weft status what is wrong";
        }
        if (isHeard(before, after)) {
            return "its packets come back and are dropped here: weft show drops says why";
        }
        return "the fabric carries other packets, and of the overlay's none comes back. One of these: a firewall drops UDP port "
                + port
                + ", perhaps one way (let it pass both ways); weftd there is stopped or hung (weft status there);"
                + " the node drops what it gets, since its device has not VNI " + daemon.number("vni")
                + vtepMac(result.path().device(), result.path().peer())
                + " (compare with ip -details link there)";
    }

    private String vtepMac(final String deviceName, final IpAddress peer) {
        for (final DeviceRecord device : daemon.devices()) {
            if (device.name().equals(deviceName)) {
                for (final String line : device.table(TablesFile.Kind.FDB)) {
                    final List<String> words = List.of(line.split(" ", -1));
                    if (words.get(words.indexOf("dst") + 1).equals(peer.toString())) {
                        return " or MAC " + words.get(0) + ", as its lease says";
                    }
                }
            }
        }
        return "";
    }
}
