/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.linux.LinuxException;
import io.weft.linux.netfilter.Fate;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.host.PodBridge;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.PeerPath;
import io.weft.overlay.rules.HostFirewall;
import io.weft.overlay.rules.PodRule;
import java.util.List;
import java.util.stream.Stream;

/** What this host's own rules do with the packets of pods, before or behind the tunnel, and with the tunnel's own. */
final class OwnRules {
    private final DaemonRecord daemon;
    private final HostFirewall firewall;

    /** Of a daemon in whose network namespace this is. */
    OwnRules(final DaemonRecord daemon, final HostFirewall firewall) {
        this.daemon = daemon;
        this.firewall = firewall;
    }

    /**
     * What becomes of a packet.
     *
     * @param isKnown whether the rules could be read.
     * @param isDropped whether it is dropped for certain.
     * @param words which rule does, or may, and what to do; empty if there is none.
     */
    record Verdict(boolean isKnown, boolean isDropped, String words) {
        private static final Verdict UNKNOWN = new Verdict(false, false, "");
    }

    /** Of one that a pod of this node sends to one behind a peer. */
    Verdict egress(final PeerPath path, final IpPrefix source, final IpPrefix destination) {
        final HostFirewall.Peer tunnel = tunnel(path.peer());
        if (!tunnel.dropsOutgoing().isEmpty()) {
            return new Verdict(true, true, tunnelDropped(tunnel.dropsOutgoing(), "goes to " + path.peer()));
        }
        return forwarded(source, destination, path.device(), true);
    }

    /** Of one that comes from a pod behind a peer to one of this node. */
    Verdict ingress(final PeerPath path, final IpPrefix source, final IpPrefix destination) {
        final HostFirewall.Peer tunnel = tunnel(path.peer());
        if (!tunnel.dropsIncoming().isEmpty()) {
            return new Verdict(true, true, tunnelDropped(tunnel.dropsIncoming(), "comes from " + path.peer()));
        }
        return forwarded(source, destination, path.device(), false);
    }

    /**
     * What it drops of what pods here and those behind peers send to each other, all of one peer's one way; nothing where weftd has found
     * no rule that may.
     */
    List<String> drops(final List<PeerPath> paths) {
        if (daemon.forwardingDoubt().isEmpty()) {
            return List.of();
        }
        return paths.stream()
                .flatMap(path -> daemon.subnets().stream()
                        .filter(own -> own.family() == path.subnet().family())
                        .flatMap(own -> Stream.of(
                                forwarded(own, path.subnet(), path.device(), true),
                                forwarded(path.subnet(), own, path.device(), false))))
                .filter(Verdict::isDropped)
                .map(Verdict::words)
                .distinct()
                .toList();
    }

    private Verdict forwarded(
            final IpPrefix source, final IpPrefix destination, final String tunnel, final boolean isEgress) {
        try {
            return isEgress
                    ? verdict(firewall.forwarded(source, destination, bridge(source), tunnel), source, PodRule.EGRESS)
                    : verdict(
                            firewall.forwarded(source, destination, tunnel, bridge(destination)),
                            destination,
                            PodRule.INGRESS);
        } catch (final LinuxException unknown) {
            return Verdict.UNKNOWN;
        }
    }

    /** Whether it drops what a peer sends, and with that its answers: then a check says nothing of what is sent there. */
    boolean dropsAnswers(final PeerPath path) {
        return !tunnel(path.peer()).dropsIncoming().isEmpty();
    }

    private Verdict verdict(final Fate fate, final IpPrefix own, final String packets) {
        if (null != fate.dropped()) {
            return new Verdict(true, true, new PodRule(network(own), true).drops(fate.dropped(), packets));
        }
        return new Verdict(true, false, null == fate.mayLose() ? "" : PodRule.mayDrop(fate.mayLose()));
    }

    private HostFirewall.Peer tunnel(final IpAddress peer) {
        return firewall.of(peer, (int) daemon.number("port"), daemon.underlayAddresses());
    }

    private String tunnelDropped(final String rule, final String what) {
        return "this node's own firewall drops what " + what + ": " + rule + ": let UDP port " + daemon.number("port")
                + " pass both ways";
    }

    private IpPrefix network(final IpPrefix own) {
        return daemon.networks().stream()
                .filter(network -> network.contains(own))
                .findFirst()
                .orElse(own);
    }

    /** That pods of this node are at, or are to be. */
    String bridge(final IpPrefix own) {
        try (Rtnetlink rtnetlink = Rtnetlink.open()) {
            return daemon.subnets().stream()
                    .filter(subnet -> subnet.contains(own))
                    .map(subnet -> PodBridge.name(rtnetlink, subnet))
                    .filter(name -> !name.isEmpty())
                    .findFirst()
                    .orElse(PodBridge.NAME);
        } catch (final LinuxException unknown) {
            return PodBridge.NAME;
        }
    }
}
