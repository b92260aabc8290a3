/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.address.IpAddress;
import io.weft.dataplane.counters.Direction;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.IcmpError;
import io.weft.dataplane.counters.PathState;
import io.weft.dataplane.counters.PeerRecord;
import io.weft.linux.Errno;
import io.weft.overlay.ping.PathResult;
import io.weft.overlay.record.CountersRecord;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DeviceRecord;
import io.weft.overlay.record.Liveness;
import io.weft.overlay.record.TablesFile;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** What is wrong with the way to a peer, and what to do: by the answers, and by what weft counted meanwhile. */
final class PathWords {
    private static final String PORT_UNREACHABLE = "port unreachable";

    private final DaemonRecord daemon;
    private final long beginMs;
    private final Map<String, CountersRecord> before;
    private final Map<String, CountersRecord> after;
    private final PublicAddresses addresses;

    /**
     * @param beginMs when the peers were asked, in milliseconds since 1970: an ICMP error before that means nothing.
     * @param before what was counted before they were asked, by device.
     * @param after the same afterwards.
     */
    PathWords(
            final DaemonRecord daemon,
            final long beginMs,
            final Map<String, CountersRecord> before,
            final Map<String, CountersRecord> after) {
        this.daemon = daemon;
        this.beginMs = beginMs;
        this.before = Map.copyOf(before);
        this.after = Map.copyOf(after);
        addresses = new PublicAddresses(daemon);
    }

    /** Empty when all is well. */
    String of(final PathResult result) {
        final String shared = addresses.trouble(result.path().peer());
        if (PathState.OK != result.state() && !shared.isEmpty()) {
            return shared;
        }
        return switch (result.state()) {
            case UNCHECKED, OK -> "";
            case LOCAL -> local(result);
            case FABRIC -> fabric(result);
            case OVERLAY -> overlay(result);
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

    private static @Nullable PeerRecord peer(final PathResult result, final Map<String, CountersRecord> counters) {
        final CountersRecord device = counters.get(result.path().device());
        return null == device
                ? null
                : device.peers().stream()
                        .filter(peer -> peer.address().equals(result.path().peer()))
                        .findFirst()
                        .orElse(null);
    }

    private boolean isHeard(final PathResult result) {
        final PeerRecord was = peer(result, before);
        final PeerRecord is = peer(result, after);
        return null != was && null != is && is.receivedPackets() > was.receivedPackets();
    }

    private boolean isSentNothing(final PathResult result) {
        final PeerRecord was = peer(result, before);
        final PeerRecord is = peer(result, after);
        return null != was && null != is && is.sentPackets() == was.sentPackets();
    }

    /** What was dropped here while the peers were asked, with the remedies; empty if nothing was. */
    private String dropped(final PathResult result, final Direction direction) {
        final CountersRecord was = before.get(result.path().device());
        final CountersRecord is = after.get(result.path().device());
        return null == was || null == is
                ? ""
                : Arrays.stream(DropReason.values())
                        .filter(reason -> direction == reason.direction() && is.total(reason) > was.total(reason))
                        .map(reason -> reason + " (" + reason.description() + "): "
                                + Objects.requireNonNullElse(DropRemedy.of(reason), "weft show drops tells more"))
                        .collect(Collectors.joining("; "));
    }

    private String local(final PathResult result) {
        if (0 != result.underlayErrno()) {
            return "this node itself does not send to " + result.path().peer() + ", "
                    + refused(result.underlayErrno(), result.path().peer());
        }
        if (Liveness.LIVE != daemon.liveness()) {
            return ofThisWeftd();
        }
        return "this node itself does not send to " + result.path().overlayAddress() + ", "
                + refused(result.overlayErrno(), result.path().overlayAddress()) + " has to say dev "
                + result.path().device() + ", and weft status what is wrong";
    }

    private String ofThisWeftd() {
        return "weftd of this node is " + daemon.liveness().label() + ": weft status says what to do";
    }

    private static String refused(final int errno, final IpAddress to) {
        final String error = Errno.text(errno) + " (" + Errno.name(errno) + "): ";
        return Errno.EPERM == errno
                ? error + "a rule of its own firewall refuses it: iptables -S OUTPUT or nft list ruleset; ip route get "
                        + to
                : error + "it has no route there: ip route get " + to;
    }

    private String fabric(final PathResult result) {
        final IcmpError refusal = refusal(result);
        if (null != refusal && isOwn(refusal)) {
            return ofThisNode(refusal, result);
        }
        if (null != refusal) {
            return "the fabric does not bring packets to the node, " + says(refusal);
        }
        return isHeard(result)
                ? "the fabric loses packets one way: the node is heard, and does not get what is sent to it: look for a"
                        + " firewall there, or on the way"
                : "the fabric does not bring packets to the node, or none back: it is down, or a firewall drops all;"
                        + " try ping and traceroute to it from this node";
    }

    /** What a router or a node says of packets that do not get there; null if nobody did since they were asked. */
    private @Nullable IcmpError refusal(final PathResult result) {
        final PeerRecord is = peer(result, after);
        final IcmpError error = null == is ? null : is.lastError();
        return null == error || error.timeMs() < beginMs ? null : error;
    }

    private static String says(final IcmpError refusal) {
        return refusal.sender() + " says: " + refusal.words();
    }

    private boolean isOwn(final IcmpError refusal) {
        return addresses.isOwn(refusal.sender());
    }

    private static String ofThisNode(final IcmpError refusal, final PathResult result) {
        return "host unreachable".equals(refusal.words())
                ? "the node is not found on the link: it is down, or on another one: ip neigh show "
                        + result.path().peer()
                : "this node itself does not let packets to " + result.path().peer() + " leave (" + refusal.words()
                        + "): a rule of its own firewall rejects them: iptables -S OUTPUT or nft list ruleset";
    }

    private String overlay(final PathResult result) {
        if (Liveness.LIVE != daemon.liveness()) {
            return ofThisWeftd();
        }
        final IcmpError refusal = refusal(result);
        if (null != refusal) {
            return refused(refusal, result);
        }
        if (isSentNothing(result)) {
            final String drops = dropped(result, Direction.EGRESS);
            return drops.isEmpty()
                    ? "packets for it do not come to weft here: ip route get "
                            + result.path().overlayAddress() + " has to say dev "
                            + result.path().device()
                            + ", and weft status what is wrong"
                    : "packets for it are dropped here: " + drops;
        }
        if (isHeard(result)) {
            final String drops = dropped(result, Direction.INGRESS);
            return drops.isEmpty()
                    ? "the node is heard, and does not answer. One of these: " + causesThere(result)
                    : "its packets come back and are dropped here: " + drops;
        }
        return "the fabric carries other packets, and of the overlay's none comes back. One of these: "
                + causesThere(result);
    }

    private String refused(final IcmpError refusal, final PathResult result) {
        final long port = daemon.number("port");
        if (isOwn(refusal)) {
            return ofThisNode(refusal, result);
        }
        if (PORT_UNREACHABLE.equals(refusal.words())
                && refusal.sender().equals(result.path().peer())) {
            return "the overlay is not there: nothing listens on its UDP port " + port
                    + ": start weftd there, or whatever its overlay is";
        }
        return "the fabric refuses the overlay's packets, " + says(refusal) + ": let UDP port " + port
                + " pass both ways";
    }

    /** Which of them it is, only the other node can tell. */
    private String causesThere(final PathResult result) {
        return "a firewall drops UDP port " + daemon.number("port")
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
