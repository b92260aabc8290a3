/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.dataplane.counters.PathCheck;
import io.weft.dataplane.counters.PathState;
import io.weft.dataplane.counters.PeerRecord;
import io.weft.overlay.ops.Condition;
import io.weft.overlay.ping.HostRoutes;
import io.weft.overlay.ping.HostWay;
import io.weft.overlay.record.CountersRecord;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DeviceRecord;
import io.weft.overlay.record.PeerPath;
import io.weft.overlay.rules.HostFirewall;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What may keep a packet from its destination though the tables have a way for it, or why they have none: by what is on record. */
final class Hindrances {
    /** This node itself sends nothing to the peer, or what the peer does not take. */
    private static final Set<PathState> IN_VAIN = EnumSet.of(PathState.LOCAL, PathState.ROUTE, PathState.MAC);

    /** The peer did not answer the echo request of a check, which a firewall of its own may refuse while it lets pods' packets pass. */
    private static final Set<PathState> UNANSWERED = EnumSet.of(PathState.FABRIC, PathState.OVERLAY);

    private final DaemonRecord daemon;
    private final IpAddress destination;
    private final @Nullable IpAddress source;
    private final boolean isIngress;
    private final HostFirewall firewall = new HostFirewall();
    private final List<String> lines = new ArrayList<>();
    private Arrival arrival = Arrival.YES;

    /**
     * Of a packet.
     *
     * @param source null for any pod of this node.
     * @param hasNoRoute whether the tables have no way.
     */
    Hindrances(
            final DaemonRecord daemon,
            final IpAddress destination,
            final @Nullable IpAddress source,
            final boolean hasNoRoute) {
        this.daemon = daemon;
        this.destination = destination;
        this.source = source;
        isIngress = null != source && isOwn(daemon, destination) && !isOwn(daemon, source);
        look(hasNoRoute);
    }

    private static boolean isOwn(final DaemonRecord daemon, final IpAddress pod) {
        return daemon.subnets().stream().anyMatch(subnet -> subnet.contains(IpPrefix.host(pod)));
    }

    /** What there is, each in a line. */
    List<String> lines() {
        return List.copyOf(lines);
    }

    /** Whether packets to the destination arrive that go by the overlay, or to a pod of this node. */
    Arrival arrival() {
        return arrival;
    }

    private void look(final boolean hasNoRoute) {
        if (hasNoRoute) {
            lines.add(line(
                    "lease",
                    "none has " + destination
                            + ": start weftd or flanneld on its node; if one runs there, see whether both nodes have the"
                            + " same registry and prefix; or it is ignored here: weft status"));
        }
        try {
            daemon.devices().forEach(this::check);
            arrival = isCutOff() ? Arrival.NO : arrival;
            ofNode(daemon).forEach(trouble -> lines.add(line("status", trouble)));
        } catch (final IllegalStateException unreadable) { // the disk may be full: the daemon has answered all the same
            lines.add(line("status", "unknown: " + unreadable.getMessage()));
        }
    }

    /** What is said of the chains that drop all names the network whose packets they drop. */
    private boolean isForwardingForNobody() {
        final String trouble = daemon.trouble(Condition.FORWARDING.label());
        return !trouble.isEmpty()
                && daemon.networks().stream()
                        .anyMatch(network ->
                                trouble.contains(network.toString()) && network.contains(IpPrefix.host(destination)));
    }

    /** Whether no pod here is reached now, or nothing leaves this node, whatever the last check has found: that was a while ago. */
    private boolean isCutOff() {
        if (!daemon.trouble(Condition.POD_PATH.label()).isEmpty()) {
            return true;
        }
        final boolean isLocal = isOwn(daemon, destination) && !isIngress;
        return !isLocal
                && (!daemon.trouble(Condition.UNDERLAY.label()).isEmpty()
                        || (!daemon.isHere() && isForwardingForNobody()));
    }

    /** What is wrong with the node itself, by its parts, whatever becomes of its peers. */
    static List<String> ofNode(final DaemonRecord daemon) {
        return Diagnosis.of(daemon).stream()
                .filter(finding -> !finding.isOk() && !PeersFinding.PART.equals(finding.part()))
                .map(finding -> finding.part() + " " + finding.text())
                .toList();
    }

    /** The same behind a sentence of an error; empty when nothing is wrong. */
    static String inShort(final DaemonRecord daemon) {
        final List<String> troubles = ofNode(daemon);
        return troubles.isEmpty() ? "" : ". weft status: " + String.join("; ", troubles);
    }

    /** What the last check of the way to the other pod's node has found, and what this host's own routes and rules do. */
    private void check(final DeviceRecord device) {
        final IpPrefix wanted = IpPrefix.host(isIngress && null != source ? source : destination);
        final List<PeerPath> paths = PeerPath.of(device);
        for (final PeerPath path : paths) {
            if (path.subnet().contains(wanted)) {
                if (!isIngress) {
                    look(path);
                }
                lookAtRules(path);
                final CountersRecord counters = device.counters();
                counters.peers().stream()
                        .filter(peer -> peer.address().equals(path.peer()))
                        .forEach(peer -> check(paths, path, peer, counters));
            }
        }
    }

    /** This host's rules, as they are now. */
    private void lookAtRules(final PeerPath path) {
        if (!daemon.isHere()) {
            return;
        }
        final OwnRules rules = new OwnRules(daemon, firewall);
        final IpPrefix to = IpPrefix.host(destination);
        final List<IpPrefix> sources = null != source
                ? List.of(IpPrefix.host(source))
                : daemon.subnets().stream()
                        .filter(subnet -> subnet.family() == to.family())
                        .toList();
        for (final IpPrefix from : sources) {
            final OwnRules.Verdict verdict = isIngress ? rules.ingress(path, from, to) : rules.egress(path, from, to);
            arrival = verdict.isDropped() ? Arrival.NO : arrival;
            if (!verdict.words().isEmpty()) {
                lines.add(line("rules", verdict.words()));
            }
        }
    }

    /** Where the host leads the packet now: a route of its own may be for the destination alone. */
    private void look(final PeerPath path) {
        if (!daemon.isHere()) {
            lines.add(line(
                    "host",
                    daemon.name()
                            + " is in another network namespace, whose routes and rules are not seen from here: nsenter"
                            + " --net --target " + daemon.number("pid") + " weft explain " + destination
                            + (null == source ? "" : " --from=" + source)));
            return;
        }
        try (HostRoutes routes = HostRoutes.open(daemon.networks(), daemon.subnets())) {
            final HostWay way = routes.of(path, destination);
            if (HostWay.Kind.TUNNEL != way.kind()) {
                arrival = Arrival.NO;
                lines.add(line("host", PathWords.hostWay(way, path, destination)));
                return;
            }
            final String refusal;
            if (null == source) {
                refusal = routes.refusalOfPods(path, destination);
            } else {
                refusal = isOwn(daemon, source)
                        ? routes.refusal(
                                path, destination, source, new OwnRules(daemon, firewall).bridge(IpPrefix.host(source)))
                        : "";
            }
            if (!refusal.isEmpty()) {
                arrival = Arrival.NO;
                lines.add(line("host", refusal));
            }
        }
    }

    /** What a check found of the host's routes, they tell now. */
    private boolean isMended(final PeerPath path, final PathCheck check) {
        if (PathState.ROUTE != check.state() || !daemon.isHere()) {
            return false;
        }
        try (HostRoutes routes = HostRoutes.open(daemon.networks(), daemon.subnets())) {
            return HostWay.Kind.TUNNEL == routes.of(path).kind();
        }
    }

    private void check(
            final List<PeerPath> paths, final PeerPath path, final PeerRecord peer, final CountersRecord counters) {
        final PathCheck check = peer.check();
        if (null == check && 0 == peer.goneMs() && daemon.areChecked()) {
            lines.add(line(
                    "check",
                    peer.address() + " was not checked yet by the way that its lease names now: weft ping "
                            + peer.address() + " asks"));
        }
        if (null != check && PathState.OK != check.state()) {
            final Arrival found = isIngress
                            || isMended(path, check)
                            || (daemon.isHere() && new OwnRules(daemon, firewall).dropsAnswers(path))
                    ? Arrival.YES // the check was of what is sent there, and of answers
                    : arrival(peer, check);
            arrival = arrival.and(found);
            final PathEvidence evidence = PathEvidence.onRecord(daemon, paths, path, peer, check, counters);
            lines.add(line(
                    "check",
                    peer.address() + " was found " + check.state().label() + " " + CounterViews.time(check.timeMs())
                            + ": " + new PathWords(daemon, firewall).of(evidence)
                            + (!isIngress && Arrival.YES == found && UNANSWERED.contains(check.state())
                                    ? ". That is of what comes back from there; what is asked for here arrives, for all that is known"
                                    : "")
                            + (Arrival.UNKNOWN == found
                                    ? ". Something has come from it since, which says nothing of what is sent there: whether the packet"
                                            + " arrives is not known"
                                    : "")
                            + ". weft ping " + peer.address() + " asks anew"));
        }
    }

    /** By the last check, and by what came from the peer since that began. Of a way that is too narrow, short packets arrive. */
    static Arrival arrival(final PeerRecord peer, final PathCheck check) {
        if (IN_VAIN.contains(check.state())) {
            return Arrival.NO;
        }
        if (!UNANSWERED.contains(check.state())) {
            return Arrival.YES;
        }
        return peer.heardMs() >= check.timeMs() - PathEvidence.CHECK_MS ? Arrival.UNKNOWN : Arrival.NO;
    }

    static String line(final String name, final String words) {
        return String.format("  %-10s %s", name, words);
    }
}
