/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.dataplane.counters.IcmpError;
import io.weft.dataplane.counters.PathState;
import io.weft.linux.Errno;
import io.weft.linux.netfilter.Fate;
import io.weft.overlay.forwarding.PodMtu;
import io.weft.overlay.host.HostTools;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.ping.HostRoutes;
import io.weft.overlay.ping.HostWay;
import io.weft.overlay.ping.Losses;
import io.weft.overlay.ping.PathProbe;
import io.weft.overlay.ping.PathResult;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DeviceRecord;
import io.weft.overlay.record.Liveness;
import io.weft.overlay.record.PeerPath;
import io.weft.overlay.record.TablesFile;
import io.weft.overlay.rules.HostFirewall;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** What is wrong with the way to a peer, and what to do: by what is known of it. */
final class PathWords {
    /** Nothing that is sent there is answered, as where nobody has that address. */
    static final Set<PathState> UNREACHED = EnumSet.of(PathState.LOCAL, PathState.FABRIC, PathState.OVERLAY);

    private final DaemonRecord daemon;
    private final PublicAddresses addresses;
    private final HostFirewall hostFirewall;

    PathWords(final DaemonRecord daemon) {
        this(daemon, new HostFirewall());
    }

    /** @param hostFirewall of this host, whose rules may have been read already. */
    PathWords(final DaemonRecord daemon, final HostFirewall hostFirewall) {
        this.daemon = daemon;
        this.hostFirewall = hostFirewall;
        addresses = new PublicAddresses(daemon);
    }

    /** Empty when all is well and all is answered. */
    String of(final PathEvidence evidence) {
        final String shared = addresses.trouble(evidence.result().path().peer());
        if (PathState.OK != evidence.state() && !shared.isEmpty()) {
            return shared;
        }
        final IpAddress sender = evidence.otherSender();
        if (null != sender && UNREACHED.contains(evidence.state())) {
            return PublicAddresses.wrong(evidence.result().path(), sender);
        }
        return switch (evidence.state()) {
            case UNCHECKED -> "";
            case OK -> unanswered(evidence.result());
            case LOCAL -> local(evidence.result());
            case ROUTE -> route(evidence.result());
            case FABRIC -> fabric(evidence);
            case OVERLAY -> overlay(evidence);
            case MAC -> mac(evidence.result().path());
            case FABRIC_MTU -> fabricMtu(evidence.result(), leastUnderlayMtu());
            case OVERLAY_MTU -> overlayMtu(evidence.result());
            case LOSS -> loss(evidence.result());
        };
    }

    /** Of a way that is well. */
    private static String unanswered(final PathResult result) {
        final String firewall = ": a firewall there or here lets no ICMP in ("
                + HostTools.iptables(
                        result.isForwarded()
                                ? result.path().overlayAddress()
                                : result.path().peer())
                + " -S INPUT, or nft list ruleset)";
        if (result.isForwarded()) {
            return "the node answers no ping, and forwards what pods send, which is well" + firewall;
        }
        if (result.losses().isLimit()) {
            return "the node limits how many pings it answers, which is well: of "
                    + result.losses().asked() + " in a row " + result.losses().lost()
                    + " got no answer, and all do that are a second apart";
        }
        return PathResult.NONE == result.underlayRttNs()
                ? "the node answers no ping of the underlay, and the overlay is well" + firewall
                : "";
    }

    private String mac(final PeerPath path) {
        if (Liveness.LIVE != daemon.liveness()) {
            return ofThisWeftd();
        }
        final String mac = vtepMac(path.device(), path.peer());
        return "the node takes what is for all MACs, and not what is for " + (mac.isEmpty() ? "the one" : "MAC " + mac)
                + " that its lease has: its device has another one (ip -details link there): restart the daemon of that node,"
                + " which writes its lease";
    }

    /** Bytes that the underlay has to carry, so that what it leaves for pods is enough for IPv6; 0 where they have none. */
    private int leastUnderlayMtu() {
        final BackendType backend = BackendType.named(daemon.text("backend"));
        return daemon.networks().stream().noneMatch(network -> IpFamily.IPV6 == network.family())
                ? 0
                : PodMtu.LEAST_IPV6
                        + daemon.underlayAddresses().stream()
                                .mapToInt(address -> PathProbe.overhead(backend, address))
                                .max()
                                .orElse(0);
    }

    /** @param least bytes of the underlay that a network may be configured to have. */
    static String fabricMtu(final PathResult result, final int least) {
        final int carried = result.fabricMtu();
        return (0 == carried
                        ? "the fabric does not carry IP packets of " + result.underlayNeeded()
                                + " bytes, which weft sends: raise the MTU on the way, or set a smaller \"MTU\" in the Backend of"
                                + " the network's configuration"
                        : "the fabric carries IP packets of " + carried + " bytes and no longer ones, weft sends up to "
                                + result.underlayNeeded() + ": raise the MTU on the way"
                                + (carried < least
                                        ? " to " + least + " at least, for pods with IPv6 need " + PodMtu.LEAST_IPV6
                                        : ", or set \"MTU\": " + carried
                                                + ", which is that of the underlay, in the Backend"
                                                + " of the network's configuration"))
                + (result.isSeenByTheOverlay()
                        ? "; or a firewall there or on the way drops longer ones of the overlay alone, since pings of the"
                                + " underlay are not answered, which would tell"
                        : "");
    }

    private static String overlayMtu(final PathResult result) {
        return (0 == result.overlayMtu()
                        ? "the overlay does not carry packets of " + result.overlayNeeded() + " bytes, which pods send"
                        : "the overlay carries packets of " + result.overlayMtu() + " bytes, pods send up to "
                                + result.overlayNeeded())
                + ", and the fabric carries pings of that length: a firewall there or on the way drops long datagrams, or"
                + " fragments of them (" + HostTools.iptables(result.path().peer())
                + " -S INPUT there, or nft list ruleset); or the MTU of the tunnel's devices"
                + " differs (ip link there and here): make them alike";
    }

    private String loss(final PathResult result) {
        final Losses losses = result.losses();
        final IpAddress peer = result.path().peer();
        final String counted = Losses.NONE.equals(losses)
                ? "of questions that are alike some are answered and some are not"
                : "of " + losses.asked() + " questions that are alike " + losses.lost() + " got no answer";
        final String own = ownThatMayDrop(result.path());
        return "packets are lost now and then, whatever their length: " + counted
                + (own.isEmpty() ? ": look" : ": this node's own firewall may drop them: " + own + "; or look")
                + " for a rate limit or a firewall's limit there or on the way (" + HostTools.iptables(peer)
                + " -S INPUT there, or nft list ruleset), and for errors of links (ip -s link, ethtool -S); ping -f "
                + peer + " tells of the underlay alone";
    }

    /** Some of what is sent to a peer, of what comes from it, or of its answers; the rule in words, or empty. */
    private String ownThatMayDrop(final PeerPath path) {
        if (!daemon.isHere()) {
            return "";
        }
        final String tunnel = firewall(path.peer()).mayDrop();
        return tunnel.isEmpty()
                ? hostFirewall.answers(path.overlayAddress(), path.device()).mayBeLostBy()
                : tunnel;
    }

    private String local(final PathResult result) {
        final IpAddress peer = result.path().peer();
        final IpAddress inside = result.path().overlayAddress();
        final String dropped = firewall(peer).dropsOutgoing();
        if ((0 == result.underlayErrno() || Errno.EPERM == result.underlayErrno()) && !dropped.isEmpty()) {
            return "this node itself does not send to " + peer + ": its own firewall refuses it, "
                    + pass(dropped, peer);
        }
        if (0 != result.underlayErrno()) {
            return "this node itself does not send to " + peer + ", " + refused(result.underlayErrno(), peer);
        }
        if (Liveness.LIVE != daemon.liveness()) {
            return ofThisWeftd();
        }
        if (HostWay.Kind.ROUTELESS == result.hostWay().kind()) {
            return hostWay(result.hostWay(), result.path(), inside);
        }
        final String leads = " has to say dev " + result.path().device();
        return 0 == result.overlayErrno()
                ? "this node itself does not send to " + peer + ": a rule of its own firewall refuses it ("
                        + HostTools.iptables(inside)
                        + " -S OUTPUT or nft list ruleset), or it has no route there: ip route get " + peer
                        + "; or the tunnel's is missing: ip route get " + inside + leads
                : "this node itself does not send to " + inside + ", " + refused(result.overlayErrno(), inside) + leads
                        + ", and weft status what is wrong";
    }

    private static String to(final HostWay way) {
        return way.device().isEmpty() ? " elsewhere" : " to " + way.device();
    }

    private String route(final PathResult result) {
        if (Liveness.LIVE != daemon.liveness()) {
            return ofThisWeftd();
        }
        HostWay way = result.hostWay();
        if (HostWay.Kind.TUNNEL == way.kind() && daemon.isHere()) { // found by a check, which keeps no words
            try (HostRoutes routes = HostRoutes.open(daemon.networks(), daemon.subnets())) {
                way = routes.of(result.path());
            }
            if (HostWay.Kind.TUNNEL == way.kind()) {
                return "this host's routes led packets for " + result.path().overlayAddress()
                        + " elsewhere when that was checked, and lead to "
                        + result.path().device() + " now";
            }
        }
        return hostWay(way, result.path(), result.path().overlayAddress());
    }

    /**
     * What is wrong with where the host's own routes lead packets, which is not the tunnel, and what to do.
     *
     * @param destination of the packets, at the end of the path.
     */
    static String hostWay(final HostWay way, final PeerPath path, final IpAddress destination) {
        if (HostWay.Kind.NOT_FOR_PODS == way.kind()) {
            return way.words();
        }
        final String command = "ip route get " + destination;
        final String leads = " has to say dev " + path.device();
        return HostWay.Kind.ROUTELESS == way.kind()
                ? "the tunnel's route is missing, and this host's next best leads packets for " + destination + to(way)
                        + ": weft status says what keeps it away; " + command + leads
                : "this host's routes lead packets for " + destination + to(way) + " and not to " + path.device() + ": "
                        + command + " says where, and" + leads
                        + "; take away the address or the route of this host that leads there";
    }

    private String ofThisWeftd() {
        return "weftd of this node is " + daemon.liveness().label() + ": weft status says what to do";
    }

    private static String refused(final int errno, final IpAddress to) {
        final String error = Errno.text(errno) + " (" + Errno.name(errno) + "): ";
        return Errno.EPERM == errno
                ? error + "a rule of its own firewall refuses it: " + HostTools.iptables(to)
                        + " -S OUTPUT or nft list ruleset; ip route get " + to
                : error + "it has no route there: ip route get " + to;
    }

    /** What this host's own firewall does with packets of a peer, where that can be asked here. */
    private HostFirewall.Peer firewall(final IpAddress peer) {
        return daemon.isHere()
                ? hostFirewall.of(peer, (int) daemon.number("port"), daemon.underlayAddresses())
                : HostFirewall.Peer.UNKNOWN;
    }

    /** Where it drops all, with what to do; empty where that is not known. */
    private String ownFirewall(final HostFirewall.Peer firewall, final IpAddress peer) {
        if (!firewall.dropsIncoming().isEmpty()) {
            return "this node's own firewall drops what comes from " + peer + ": "
                    + pass(firewall.dropsIncoming(), peer);
        }
        return firewall.dropsOutgoing().isEmpty()
                ? ""
                : "this node's own firewall drops what goes to " + peer + ": " + pass(firewall.dropsOutgoing(), peer);
    }

    private String pass(final String rule, final IpAddress peer) {
        return rule + ": let UDP port " + daemon.number("port") + " pass both ways" + shown(peer);
    }

    private static String shown(final IpAddress packets) {
        return " (nft -a list ruleset and " + HostTools.iptables(packets) + "-save show it)";
    }

    /** Where this host's own firewall drops the answers that come through the overlay: what to do; empty where that is not known. */
    private String answersDropped(final PeerPath path) {
        final String rule = daemon.isHere()
                ? hostFirewall.answers(path.overlayAddress(), path.device()).droppedBy()
                : "";
        return rule.isEmpty()
                ? ""
                : "this node's own firewall drops the answers to its pings, which come by " + path.device() + ": "
                        + rule + ": let ICMP from there in; what pods send is forwarded, and may be well all the same";
    }

    private String fabric(final PathEvidence evidence) {
        final IpAddress peer = evidence.result().path().peer();
        final String tunnel = ownFirewall(firewall(peer), peer);
        final String own = tunnel.isEmpty() ? answersDropped(evidence.result().path()) : tunnel;
        if (!own.isEmpty()) {
            return own;
        }
        final Fate neighbours = neighbours(peer);
        if (null != neighbours.dropped()) {
            return "this node's own firewall drops neighbour discovery, without which no node on the link is found: "
                    + neighbours.droppedBy() + ": let ICMPv6 of types 135 and 136 pass both ways" + shown(peer);
        }
        final String elsewhere = underlayElsewhere(peer);
        if (!elsewhere.isEmpty()) {
            return elsewhere;
        }
        final IcmpError refusal = evidence.refusal();
        if (null != refusal && isOwn(refusal)) {
            return ofThisNode(refusal, evidence.result().path()) + mayBeNeighbours(neighbours);
        }
        if (null != refusal) {
            return "the fabric does not bring packets to the node, " + says(refusal);
        }
        return (evidence.isHeard()
                        ? "the node is heard, and does not answer: what is sent to it is lost, by a firewall there or on the way;"
                                + " or a firewall there or here drops all ICMP, and pods may be well ("
                                + HostTools.iptables(peer) + " -S INPUT, or nft list ruleset, there and here)"
                        : "the fabric does not bring packets to the node, or none back: it is down, or a firewall drops all;"
                                + " try ping and traceroute to it from this node"
                                + unfound(peer))
                + offered(firewall(peer))
                + mayBeNeighbours(neighbours);
    }

    /** What else keeps a node of IPv6 from being found, beyond what does so with IPv4. */
    private static String unfound(final IpAddress peer) {
        return IpFamily.IPV4 == peer.family()
                ? ""
                : "; or a firewall there drops neighbour discovery (ICMPv6: ip6tables -S INPUT there, or nft list ruleset), or"
                        + " it may not use its address since another host on the link has it too (dadfailed in ip -6"
                        + " address there)";
    }

    /** What this host's own firewall does with the packets by which neighbours are found; nothing where that cannot be asked here. */
    private Fate neighbours(final IpAddress peer) {
        return daemon.isHere() ? hostFirewall.neighbours(peer, daemon.underlayAddresses()) : new Fate(null, null, "");
    }

    private static String mayBeNeighbours(final Fate neighbours) {
        return neighbours.mayBeLostBy().isEmpty()
                ? ""
                : "; or this node's own firewall drops neighbour discovery: " + neighbours.mayBeLostBy();
    }

    private String underlayElsewhere(final IpAddress peer) {
        if (!daemon.isHere()) {
            return "";
        }
        try (HostRoutes routes = HostRoutes.open(daemon.networks(), daemon.subnets())) {
            return routes.underlayElsewhere(peer, daemon.underlayAddresses(), (int) daemon.number("port"));
        }
    }

    /** Whatever else may be the cause. */
    private static String offered(final HostFirewall.Peer firewall) {
        return firewall.mayDrop().isEmpty() ? "" : "; or this node's own firewall drops it: " + firewall.mayDrop();
    }

    private static String says(final IcmpError refusal) {
        return refusal.sender() + " says: " + refusal.words();
    }

    private boolean isOwn(final IcmpError refusal) {
        return addresses.isOwn(refusal.sender());
    }

    private static String ofThisNode(final IcmpError refusal, final PeerPath path) {
        return "host unreachable".equals(refusal.words())
                ? "the node is not found on the link: it is down, or on another one: ip neigh show " + path.peer()
                        + unfound(path.peer())
                : "this node itself does not let packets to " + path.peer() + " leave (" + refusal.words()
                        + "): a rule of its own firewall rejects them: " + HostTools.iptables(path.peer())
                        + " -S OUTPUT or nft list ruleset";
    }

    private String overlay(final PathEvidence evidence) {
        final PeerPath path = evidence.result().path();
        final IcmpError refusal = evidence.refusal();
        if (Liveness.LIVE != daemon.liveness()) {
            return ofThisWeftd();
        }
        final HostFirewall.Peer firewall = firewall(path.peer());
        final String tunnel = ownFirewall(firewall, path.peer());
        final String own = tunnel.isEmpty() ? answersDropped(path) : tunnel;
        if (!own.isEmpty()) {
            return own;
        }
        if (null != refusal) {
            return refused(refusal, path) + (evidence.isHeardAndRefused() ? orAnother(path.peer()) : "");
        }
        if (evidence.isSentNothing()) {
            return evidence.egressDrops().isEmpty()
                    ? "packets for it do not come to weft here: ip route get " + path.overlayAddress()
                            + " has to say dev " + path.device() + ", and weft status what is wrong"
                    : "packets for it are dropped here: " + evidence.egressDrops();
        }
        if (!evidence.ingressDrops().isEmpty()) {
            return "its packets come back and are dropped here: " + evidence.ingressDrops();
        }
        final List<String> causes = new ArrayList<>();
        if (!firewall.mayDrop().isEmpty()) {
            causes.add("this node's own firewall may drop it: " + firewall.mayDrop());
        }
        if (!evidence.suspects().isEmpty()) {
            causes.add("packets are dropped here (" + evidence.suspects() + ", see drops in weft status)");
        }
        if (evidence.isHeard()) {
            causesThatItIsHeardWith(causes, path.peer());
            causes.add(routesThere(path));
            causes.add("its host answers no ping through the overlay, and pods are well all the same");
        } else {
            causesThatNoneComesBackWith(
                    causes, path, firewall.isKnown() && firewall.mayDrop().isEmpty());
            causes.add(routesThere(path));
        }
        return (evidence.isHeard()
                        ? "the node is heard, and does not answer: its overlay is up"
                        : "the fabric carries other packets, and of the overlay's none comes back")
                + ". One of these: " + String.join("; ", causes);
    }

    /** It has a lease of this node, and the VNI, or it would not be heard. */
    private void causesThatItIsHeardWith(final List<String> causes, final IpAddress peer) {
        causes.add("a firewall drops UDP port " + daemon.number("port")
                + " one way, there or on the way (let it pass both ways; "
                + HostTools.iptables(peer) + " -S INPUT there, or nft list ruleset)");
    }

    /** What weft there tells by its status, and others do not. */
    private String routesThere(final PeerPath path) {
        final String own = ownAddress(path);
        return "its host's routes lead what is for this node elsewhere than to the tunnel, and rp_filter may drop what comes from here"
                + " for that (there: weft status; ip route get " + own
                + "; nstat -az TcpExtIPReversePathFilter counts what rp_filter drops)";
    }

    /** Which of them it is, only the other node can tell. */
    private void causesThatNoneComesBackWith(final List<String> causes, final PeerPath path, final boolean isNotHere) {
        causes.add("a firewall drops UDP port " + daemon.number("port")
                + (isNotHere
                        ? ", there or on the way, perhaps one way (no rule of iptables or nftables does so here; "
                        : ", there, on the way or here, perhaps one way (")
                + "let it pass both ways; " + HostTools.iptables(path.peer())
                + " -S INPUT and OUTPUT, or nft list ruleset)");
        final String kernels = kernelsDevice(path.peer());
        causes.add("weftd there is stopped or hung (weft status there)");
        causes.add(
                "that node has no lease for this one (UNKNOWN_SENDER there, in weft status), or with flanneld and the kernel's"
                        + " VXLAN no way to it: ip route get " + ownAddress(path) + ", ip neigh show dev " + kernels
                        + " and bridge fdb show dev " + kernels
                        + " there have to name it, and flanneld started anew sets them");
        causes.add("the node drops what it gets, since its device has not VNI " + daemon.number("vni")
                + " (compare with ip -details link there)");
    }

    private String refused(final IcmpError refusal, final PeerPath path) {
        final long port = daemon.number("port");
        if (isOwn(refusal)) {
            return ofThisNode(refusal, path);
        }
        if (refusal.isPortUnreachable() && refusal.sender().equals(path.peer())) {
            return "the overlay is not there: nothing listens on its UDP port " + port
                    + ": start weftd there, or whatever its overlay is; with flanneld and the kernel's VXLAN: ip link set "
                    + kernelsDevice(path.peer()) + " up, or start flanneld anew if there is no such device";
        }
        return "the fabric refuses the overlay's packets, " + says(refusal) + ": let UDP port " + port
                + " pass both ways";
    }

    /** Of a host whose port refuses what is sent there, and that sends all the same. */
    private static String orAnother(final IpAddress peer) {
        return "; or, since packets of the overlay come from it all the same, a firewall there rejects what is sent to that port"
                + " (" + HostTools.iptables(peer) + " -S INPUT there, or nft list ruleset), or two machines have "
                + peer
                + ": compare ip neigh show " + peer + " with ip link there";
    }

    /** As flanneld names it. */
    private String kernelsDevice(final IpAddress peer) {
        return (IpFamily.IPV4 == peer.family() ? "flannel." : "flannel-v6.") + daemon.number("vni");
    }

    /** Of this node in the overlay, as the node at the other end reaches it. */
    private String ownAddress(final PeerPath path) {
        return daemon.subnets().stream()
                .filter(subnet -> subnet.family() == path.subnet().family())
                .findFirst()
                .map(subnet -> subnet.base().toString())
                .orElse("an address of this node's subnet");
    }

    private String vtepMac(final String deviceName, final IpAddress peer) {
        for (final DeviceRecord device : daemon.devices()) {
            if (device.name().equals(deviceName)) {
                for (final String line : device.table(TablesFile.Kind.FDB)) {
                    final List<String> words = List.of(line.split(" ", -1));
                    if (words.get(words.indexOf("dst") + 1).equals(peer.toString())) {
                        return words.get(0);
                    }
                }
            }
        }
        return "";
    }
}
