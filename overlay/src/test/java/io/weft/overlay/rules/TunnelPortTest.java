/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpPrefix;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A pod that speaks VXLAN itself, by a device of its own, to nodes whose VTEP takes it from anybody: it gets through without the rules
 * and not with them. Both nodes have the kernel's VXLAN.
 */
@RequiresRoot
class TunnelPortTest {
    private static final int PORT = 6_000;
    private static final int TRY_TIMEOUT_MS = 200;
    /** As nft prints a rule that drops, and as iptables does. */
    private static final Pattern COUNTED =
            Pattern.compile("udp dport 8472 counter packets (\\d+)|^ *(\\d+) +\\d+ DROP .*weftd tunnel port");

    private static final String FORGE = "forge";
    private static final String FORGED_MAC = "02:00:00:00:00:99";

    private final Topology topology = Topology.builder().dualStack().build();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);

    private NetworkNamespace forger = node.pod();
    private byte attempt;

    @BeforeEach
    void setUp() {
        topology.kernelVxlan(node);
        topology.kernelVxlan(peer);
        for (final Topology.Node each : topology.nodes()) {
            each.namespace().exec("sh", "-c", "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done");
        }
    }

    @AfterEach
    void tearDown() {
        topology.close();
    }

    /** One IP version of all that is used. */
    private record Addresses(
            boolean isIpv6,
            String network,
            String subnet,
            String nodeUnderlay,
            String nodeBridge,
            String nodeVtep,
            String nodeVtepMac,
            String pod,
            String peerUnderlay,
            String peerVtepMac,
            String peerPod,
            String forgedOuter,
            String forgedInner) {}

    private Addresses addresses(final boolean ipv6) {
        return ipv6
                ? new Addresses(
                        true,
                        Topology.CLUSTER_NETWORK_V6,
                        node.subnetV6(),
                        node.underlayAddressV6(),
                        node.bridgeAddressV6(),
                        node.subnetBaseV6(),
                        node.vtepMacV6(),
                        node.podAddressV6(),
                        peer.underlayAddressV6(),
                        peer.vtepMacV6(),
                        peer.podAddressV6(),
                        "fd00:100::77",
                        "fd00:10:244:7::7")
                : new Addresses(
                        false,
                        Topology.CLUSTER_NETWORK,
                        node.subnet(),
                        node.underlayAddress(),
                        node.bridgeAddress(),
                        node.subnetBase(),
                        node.vtepMac(),
                        node.podAddress(),
                        peer.underlayAddress(),
                        peer.vtepMac(),
                        peer.podAddress(),
                        "192.168.100.77",
                        "10.244.7.7");
    }

    private static Ruleset rules(final String tool, final Addresses of, final boolean masquerade) {
        final NodeRules.Wishes wishes = new NodeRules.Wishes(
                masquerade,
                true,
                true,
                new TunnelPort(
                        KernelVxlan.PORT,
                        List.of(IpPrefix.host(inet(of.nodeUnderlay))),
                        List.of(KernelVxlan.DEVICE, KernelVxlan.DEVICE_V6)));
        final IpPrefix network = IpPrefix.parse(of.network);
        final IpPrefix subnet = IpPrefix.parse(of.subnet);
        return "nft".equals(tool)
                ? new NftablesRules(network, subnet, wishes, List::of)
                : new IptablesRules(network, subnet, wishes, IptablesRules.Scope.ALL, List::of);
    }

    private static InetAddress inet(final String text) {
        try {
            return InetAddress.getByName(text);
        } catch (final IOException impossible) {
            throw new AssertionError(impossible);
        }
    }

    /** Gives the forging pod a VXLAN device of its own that reaches a node's VTEP, and behind it an address. */
    private void forge(
            final Addresses of, final String outer, final String remote, final String mac, final String target) {
        forger.tryExec("ip", "link", "delete", FORGE);
        forger.ip("address", "replace", outer + (of.isIpv6 ? "/128" : "/32"), "dev", "lo");
        forger.ip(
                "link",
                "add",
                FORGE,
                "address",
                FORGED_MAC,
                "type",
                "vxlan",
                "id",
                "" + KernelVxlan.VNI,
                "local",
                outer,
                "remote",
                remote,
                "dstport",
                "" + KernelVxlan.PORT,
                "nolearning");
        forger.ip("link", "set", FORGE, "mtu", "1300", "up");
        forger.ip("address", "add", of.forgedInner + (of.isIpv6 ? "/128" : "/32"), "dev", FORGE, "nodad");
        forger.ip("neigh", "add", target, "lladdr", mac, "dev", FORGE, "nud", "permanent");
        forger.ip("route", "replace", target, "dev", FORGE, "src", of.forgedInner);
    }

    /** Whether what the pod forges comes to a socket, before what comes by the overlay afterwards. */
    private boolean getsIn(final Addresses of, final DatagramSocket receiver, final String target) throws Exception {
        try (DatagramSocket sender = forger.call(() -> new DatagramSocket(0, inet(of.forgedInner)))) {
            attempt++;
            sender.send(new DatagramPacket(new byte[] {attempt}, 1, new InetSocketAddress(inet(target), PORT)));
        }
        return awaitAttempt(receiver, attempt);
    }

    /** Those of attempts before may come late: they waited for a neighbour. */
    private static boolean awaitAttempt(final DatagramSocket receiver, final byte attempt) throws IOException {
        final DatagramPacket received = new DatagramPacket(new byte[1], 1);
        receiver.setSoTimeout(TRY_TIMEOUT_MS);
        try {
            do {
                receiver.receive(received);
            } while (attempt != received.getData()[0]);
            return true;
        } catch (final SocketTimeoutException nothing) {
            return false;
        }
    }

    private void awaitGetsIn(final Addresses of, final DatagramSocket receiver, final String target) {
        Await.until(
                () -> "nothing that the pod forges comes to " + target + ": " + forger.ip("-s", "link", "show", FORGE),
                Await.TIMEOUT_MS,
                () -> {
                    try {
                        return getsIn(of, receiver, target);
                    } catch (final Exception failure) {
                        throw new AssertionError(failure);
                    }
                });
    }

    @ParameterizedTest
    @CsvSource({
        "iptables, false, true",
        "iptables, false, false",
        "iptables, true, true",
        "nft, false, true",
        "nft, false, false",
        "nft, true, true",
    })
    void shouldRefuseWhatAPodSendsToTheTunnelsPortOfANode(
            final String tool, final boolean ipv6, final boolean masquerade) throws Exception {
        final Addresses of = addresses(ipv6);
        final Ruleset rules = rules(tool, of, masquerade);
        try (CloseAll resources = new CloseAll()) {
            final DatagramSocket atPeer =
                    resources.add(peer.pod().call(() -> new DatagramSocket(PORT, inet(of.peerPod))));
            final DatagramSocket atNode =
                    resources.add(node.namespace().call(() -> new DatagramSocket(PORT, inet(of.nodeBridge))));
            forge(of, of.pod, of.peerUnderlay, of.peerVtepMac, of.peerPod);
            awaitGetsIn(of, atPeer, of.peerPod);
            assertTrue(node.namespace().call(rules::repair));
            assertEquals(false, node.namespace().call(rules::repair), "all is there");
            assertRefused(of, atPeer, of.peerPod);
            forge(of, of.forgedOuter, of.peerUnderlay, of.peerVtepMac, of.peerPod);
            assertRefused(of, atPeer, of.peerPod);
            forge(of, of.pod, of.nodeUnderlay, of.nodeVtepMac, of.nodeBridge);
            assertRefused(of, atNode, of.nodeBridge);
            forge(of, of.forgedOuter, of.nodeUnderlay, of.nodeVtepMac, of.nodeBridge);
            assertRefused(of, atNode, of.nodeBridge);
            node.pod().ip("link", "delete", FORGE);
            assertMayUseThePort(node, of.pod, peer, of.peerPod);
        }
    }

    /**
     * The node has addresses in the cluster's network too: the bridge's and the VTEP's. What goes there goes to no pod, and is
     * delivered to the tunnel's socket.
     */
    @ParameterizedTest
    @CsvSource({"iptables, false", "iptables, true", "nft, false", "nft, true"})
    void shouldRefuseWhatPodsSendToTheTunnelsPortOfTheNodesAddressesInTheNetwork(final String tool, final boolean ipv6)
            throws Exception {
        final Addresses of = addresses(ipv6);
        final String target = of.nodeUnderlay;
        final Ruleset rules = rules(tool, of, true);
        try (CloseAll resources = new CloseAll()) {
            final DatagramSocket atNode =
                    resources.add(node.namespace().call(() -> new DatagramSocket(PORT, inet(target))));
            node.pod().ip("route", "replace", of.nodeVtep, "via", of.nodeBridge);
            forge(of, of.peerUnderlay, of.nodeVtep, of.nodeVtepMac, target);
            awaitGetsIn(of, atNode, target);
            forge(of, of.peerUnderlay, of.nodeBridge, of.nodeVtepMac, target);
            awaitGetsIn(of, atNode, target);
            forger = peer.pod();
            forge(of, of.peerPod, of.nodeBridge, of.nodeVtepMac, target);
            awaitGetsIn(of, atNode, target);
            assertTrue(node.namespace().call(rules::repair));
            assertEquals(false, node.namespace().call(rules::repair), "all is there");
            assertRefused(of, atNode, target);
            forge(of, of.peerPod, of.nodeVtep, of.nodeVtepMac, target);
            assertRefused(of, atNode, target);
            peer.pod().ip("link", "delete", FORGE);
            forger = node.pod();
            assertRefused(of, atNode, target);
            takeRulesOfInput(tool, ipv6);
            assertTrue(node.namespace().call(rules::repair));
            assertEquals(false, node.namespace().call(rules::repair), "all is there again");
            forge(of, of.peerUnderlay, of.nodeVtep, of.nodeVtepMac, target);
            assertRefused(of, atNode, target);
            forge(of, of.pod, of.nodeBridge, of.nodeVtepMac, target);
            assertRefused(of, atNode, target);
            node.pod().ip("link", "delete", FORGE);
            assertMayUseThePort(node, of.pod, peer, of.peerPod);
            assertMayUseThePort(peer, of.peerPod, node, of.pod);
            assertNodeMaySendToItself(of);
        }
    }

    private void takeRulesOfInput(final String tool, final boolean ipv6) {
        if ("nft".equals(tool)) {
            final String family = ipv6 ? "ip6" : "ip";
            node.namespace()
                    .exec("nft", "flush", "chain", family, ipv6 ? "flannel-ipv6" : "flannel-ipv4", "tunnelport-input");
        } else {
            node.namespace().exec(ipv6 ? "ip6tables" : "iptables", "-t", "mangle", "-F", "INPUT");
        }
    }

    /** By lo, with an address of the subnet as source: what it sends is delivered, or refused, before it returns. */
    private void assertNodeMaySendToItself(final Addresses of) throws Exception {
        final long before = refused();
        try (DatagramSocket sender = node.namespace().call(() -> new DatagramSocket(0, inet(of.nodeBridge)))) {
            sender.send(
                    new DatagramPacket(new byte[1], 1, new InetSocketAddress(inet(of.nodeBridge), KernelVxlan.PORT)));
        }
        assertEquals(before, refused());
    }

    /** What the rules refuse is gone when they are taken away: so it came as far as them. */
    private void assertRefused(final Addresses of, final DatagramSocket receiver, final String target)
            throws Exception {
        final long before = refused();
        Await.until(() -> "refused " + refused() + ", before " + before, Await.TIMEOUT_MS, () -> {
            try {
                assertEquals(false, getsIn(of, receiver, target), target);
            } catch (final Exception failure) {
                throw new AssertionError(failure);
            }
            return refused() > before;
        });
    }

    /** Packets that the rules dropped, by whichever tool they are set. */
    private long refused() {
        long packets = 0;
        for (final String line : List.of(
                node.namespace().exec("nft", "list", "ruleset"),
                node.namespace().exec("iptables", "-t", "mangle", "-vnxL"),
                node.namespace().exec("ip6tables", "-t", "mangle", "-vnxL"))) {
            packets += count(line);
        }
        return packets;
    }

    private static long count(final String listing) {
        return listing.lines()
                .map(COUNTED::matcher)
                .filter(Matcher::find)
                .mapToLong(matcher -> Long.parseLong(null == matcher.group(1) ? matcher.group(2) : matcher.group(1)))
                .sum();
    }

    /** Between pods it is a port like any other; and nodes reach each other by it. */
    private static void assertMayUseThePort(
            final Topology.Node from, final String source, final Topology.Node to, final String destination)
            throws Exception {
        try (DatagramSocket receiver = to.pod().call(() -> new DatagramSocket(KernelVxlan.PORT, inet(destination)));
                DatagramSocket sender = from.pod().call(() -> new DatagramSocket(0, inet(source)))) {
            Await.until("a datagram from pod to pod", Await.TIMEOUT_MS, () -> {
                try {
                    sender.send(new DatagramPacket(
                            new byte[1], 1, new InetSocketAddress(inet(destination), KernelVxlan.PORT)));
                    return awaitAttempt(receiver, (byte) 0);
                } catch (final IOException failure) {
                    throw new AssertionError(failure);
                }
            });
        }
    }

    @ParameterizedTest
    @CsvSource({"iptables, false", "iptables, true", "nft, false", "nft, true"})
    void shouldTakeAwayWhatFlanneldHasNot(final String tool, final boolean ipv6) {
        final NetworkNamespace host = node.namespace();
        host.call(rules(tool, addresses(ipv6), true)::repair);
        assertTrue(hasRules(), tool);
        host.call(() -> {
            TunnelPort.removeRules();
            return true;
        });
        assertEquals(false, hasRules(), tool);
        assertTrue(
                (host.exec("iptables-save") + host.exec("ip6tables-save") + host.exec("nft", "list", "ruleset"))
                        .contains("masquerade"),
                "the others stay");
    }

    private boolean hasRules() {
        return (node.namespace().exec("iptables-save")
                        + node.namespace().exec("ip6tables-save")
                        + node.namespace().exec("nft", "list", "ruleset"))
                .contains("" + KernelVxlan.PORT);
    }
}
