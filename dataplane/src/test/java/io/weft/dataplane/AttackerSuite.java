/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.address.MacAddress;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.PodTun;
import io.weft.dataplane.testing.Ports;
import io.weft.dataplane.testing.StaticNode;
import io.weft.dataplane.testing.VxlanDatagram;
import io.weft.linux.RawSocket;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * An attacker on the underlay, who knows all addresses and MACs and may send from any address, against a node on weft and one on the
 * kernel's VXLAN. What gets in is the table of docs/security.md.
 *
 * <pre>
 *   node 0, 192.168.100.1   a peer of the victims           node 3, 192.168.100.4   another one, where the attacker is
 *   node 1, 192.168.100.2   victim on weft                  node 2, 192.168.100.3   victim on the kernel's VXLAN
 * </pre>
 */
@RequiresRoot
abstract class AttackerSuite {
    private static final Path PAGE = Path.of(System.getProperty("weft.root", ".."), "docs/security.md");
    private static final int TIMEOUT_MS = Await.TIMEOUT_MS;
    private static final int PORT = 6_000;
    private static final int MARKER_PORT = 60_000;
    private static final int SOURCE_PORT = 40_000;
    private static final int UDP_LENGTH = 8;

    private static final String STRANGER = "192.168.100.66";
    private static final String PEER = "192.168.100.1";
    private static final String THIRD = "192.168.100.4";
    private static final String PEERS_POD = "10.244.0.9";
    private static final String PEERS_POD_V6 = "fd00:10:244::9";
    private static final String THIRDS_POD = "10.244.3.9";
    private static final String THIRDS_POD_V6 = "fd00:10:244:3::9";
    private static final String INTERNET = "198.51.100.7";
    /** Where the victims' routes lead to the device that stands for their pods, too. */
    private static final String BEYOND = "203.0.113.9";

    private static final String MAPPED = "::ffff:192.0.2.1";
    private static final String NOBODYS_POD = "10.244.200.9";

    /** What is sent to a victim, by its node. */
    @FunctionalInterface
    private interface Injection {
        VxlanDatagram of(Topology.Node victim, byte[] payload);
    }

    /**
     * One line of the table.
     *
     * @param outer source of the datagram.
     * @param refused by weft under this; null if it gets in.
     * @param passesKernel whether it gets in at the kernel's node.
     */
    private record Attack(
            String outer, Injection injection, @Nullable DropReason refused, boolean passesKernel) {}

    private final Ports ports;
    private final UnsafeBuffer wire = new UnsafeBuffer(BufferUtil.allocateDirectAligned(2048, 64));

    /** @param ports of the victim on weft. */
    AttackerSuite(final Ports ports) {
        this.ports = ports;
    }

    @Test
    void shouldLetInNothingButWhatAPeerMaySendFromThatPeersAddress() throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final Topology topology =
                    resources.add(Topology.builder().nodes(4).dualStack().build());
            final Topology.Node weftNode = topology.node(1);
            final Topology.Node kernelNode = topology.node(2);
            topology.kernelVxlan(kernelNode);
            final StaticNode.Options options = ports.options();
            options.captureDrops = true;
            final StaticNode weft = resources.add(StaticNode.start(topology, weftNode, options));
            final RawSocket attacker =
                    resources.add(topology.node(3).namespace().call(RawSocket::open));
            final Victim byWeft = new Victim(resources, weftNode, attacker);
            final Victim byKernel = new Victim(resources, kernelNode, attacker);
            final List<String> table = new ArrayList<>();
            final List<String> unexpected = new ArrayList<>();
            final Map<String, Attack> attacks = attacks();
            assertTrue(attacks.values().stream()
                            .filter(attack -> null != attack.refused)
                            .count()
                    >= 30);
            attacks.forEach((name, attack) -> {
                final String weftsVerdict = attackWeft(weft, byWeft, name, attack);
                final boolean passesKernel = byKernel.passes(attack, null);
                if (attack.passesKernel != passesKernel) {
                    unexpected.add(name + ": gets in at the kernel's node: " + passesKernel);
                }
                table.add(
                        "| " + name + " | " + weftsVerdict + " | " + (passesKernel ? "**gets in**" : "refused") + " |");
            });
            assertEquals(List.of(), unexpected);
            final List<String> page = Files.readAllLines(PAGE);
            assertTrue(page.containsAll(table), () -> PAGE + " has not the table\n" + String.join("\n", table));
            assertTrue(weft.errors().isEmpty(), () -> weft.errors().toString());
            weft.counters().awaitConserved();
            ports.assertUsed(weft);
            weft.dataPlane()
                    .ingressPolicy(StaticNode.policy(topology, weftNode, IngressPolicy.Sources.STRICT, List.of()));
            assertStrict(weft, byWeft);
        }
    }

    private String attackWeft(final StaticNode weft, final Victim victim, final String name, final Attack attack) {
        final long before = null == attack.refused ? 0 : weft.counters().drops(attack.refused);
        final boolean passes = victim.passes(attack, weft);
        assertEquals(null == attack.refused, passes, () -> name + ": " + weft.counters());
        if (null == attack.refused) {
            return "**gets in**";
        }
        assertEquals(before + 1, weft.counters().drops(attack.refused), () -> name + ": " + weft.counters());
        return "`" + attack.refused + '`';
    }

    /** From a peer's address its own pods get in, and what is of nobody no more. */
    private static void assertStrict(final StaticNode weft, final Victim victim) {
        assertTrue(victim.passes(inner(PEER, PEERS_POD, Victim::pod, null, true), weft));
        assertTrue(victim.passes(inner(PEER, PEER, Victim::pod, null, true), weft));
        final long before = weft.counters().drops(DropReason.UNANNOUNCED_SOURCE);
        assertTrue(!victim.passes(inner(PEER, INTERNET, Victim::pod, null, true), weft));
        assertEquals(before + 1, weft.counters().drops(DropReason.UNANNOUNCED_SOURCE));
    }

    private static Map<String, Attack> attacks() {
        final Map<String, Attack> attacks = new LinkedHashMap<>();
        addStrangers(attacks);
        addLiars(attacks);
        addDestinations(attacks);
        addFrames(attacks);
        attacks.put(
                "a peer's address, from its pod: the full forgery", inner(PEER, PEERS_POD, Victim::pod, null, true));
        attacks.put("the same, IPv6 inside", inner(PEER, PEERS_POD_V6, Victim::podV6, null, true));
        attacks.put("a peer's address, from the peer itself", inner(PEER, PEER, Victim::pod, null, true));
        attacks.put(
                "a peer's address, from a host outside of the cluster (not with `strict`)",
                inner(PEER, INTERNET, Victim::pod, null, true));
        return attacks;
    }

    private static void addStrangers(final Map<String, Attack> attacks) {
        final DropReason reason = DropReason.UNKNOWN_SENDER;
        attacks.put("a stranger's address, from a peer's pod", inner(STRANGER, PEERS_POD, Victim::pod, reason, true));
        attacks.put(
                "a stranger's address, from a peer's pod, IPv6",
                inner(STRANGER, PEERS_POD_V6, Victim::podV6, reason, true));
        attacks.put(
                "a stranger's address, from a third node's pod",
                inner(STRANGER, THIRDS_POD, Victim::pod, reason, true));
        attacks.put("a stranger's address, from the internet", inner(STRANGER, INTERNET, Victim::pod, reason, true));
        attacks.put(
                "a stranger's address, from the node's own pod",
                inner(STRANGER, Victim::otherPod, Victim::pod, reason, true));
        attacks.put(
                "a stranger's address, to the node itself",
                inner(STRANGER, PEERS_POD, Topology.Node::underlayAddress, reason, true));
        attacks.put(
                "a stranger's address, through the node", inner(STRANGER, PEERS_POD, victim -> BEYOND, reason, true));
        attacks.put("a pod's address outside, from that pod", inner(THIRDS_POD, THIRDS_POD, Victim::pod, reason, true));
    }

    private static void addLiars(final Map<String, Attack> attacks) {
        final DropReason own = DropReason.IP_LOCAL_SOURCE;
        attacks.put(
                "a peer's address, from the node's VTEP",
                inner(PEER, Topology.Node::subnetBase, Victim::pod, own, false));
        attacks.put(
                "a peer's address, from the node's bridge",
                inner(PEER, Topology.Node::bridgeAddress, Victim::pod, own, false));
        attacks.put(
                "a peer's address, from the node's underlay address",
                inner(PEER, Topology.Node::underlayAddress, Victim::pod, own, false));
        attacks.put(
                "a peer's address, from the node's IPv6 address",
                inner(PEER, Topology.Node::underlayAddressV6, Victim::podV6, own, true));
        attacks.put(
                "a peer's address, from the node's own pod",
                inner(PEER, Victim::otherPod, Victim::pod, DropReason.OWN_SUBNET_SOURCE, true));
        attacks.put(
                "a peer's address, from the node's own pod, IPv6",
                inner(PEER, Victim::otherPodV6, Victim::podV6, DropReason.OWN_SUBNET_SOURCE, true));
        final DropReason third = DropReason.OTHER_NODES_SOURCE;
        attacks.put("a peer's address, from a third node's pod", inner(PEER, THIRDS_POD, Victim::pod, third, true));
        attacks.put(
                "a peer's address, from a third node's pod, IPv6",
                inner(PEER, THIRDS_POD_V6, Victim::podV6, third, true));
        attacks.put(
                "a peer's address, from a third node's pod to the node itself",
                inner(PEER, THIRDS_POD, Topology.Node::underlayAddress, third, true));
        attacks.put(
                "a node that was broken into, from another node's pod",
                inner(THIRD, PEERS_POD, Victim::pod, third, true));
        final DropReason loopback = DropReason.IP_LOCALNET;
        attacks.put("from 127.0.0.1", inner(PEER, "127.0.0.1", Victim::pod, loopback, false));
        attacks.put("from ::1", inner(PEER, "::1", Victim::podV6, loopback, false));
        attacks.put(
                "to 127.0.0.1, where kube-proxy has set `route_localnet`",
                inner(PEER, PEERS_POD, victim -> "127.0.0.1", loopback, true));
        final DropReason invalid = DropReason.IP_INVALID_SOURCE;
        attacks.put("from 0.0.0.0", inner(PEER, "0.0.0.0", Victim::pod, invalid, false));
        attacks.put("from multicast, 224.0.0.5", inner(PEER, "224.0.0.5", Victim::pod, invalid, false));
        attacks.put("from broadcast, 255.255.255.255", inner(PEER, "255.255.255.255", Victim::pod, invalid, false));
        attacks.put("from IPv6 multicast, ff02::1", inner(PEER, "ff02::1", Victim::podV6, invalid, false));
        attacks.put("from ::ffff:192.0.2.1, IPv4-mapped", inner(PEER, MAPPED, Victim::podV6, invalid, true));
    }

    private static void addDestinations(final Map<String, Attack> attacks) {
        final DropReason foreign = DropReason.FOREIGN_DESTINATION;
        attacks.put("through the node to the internet", inner(PEER, PEERS_POD, victim -> BEYOND, foreign, true));
        attacks.put(
                "through the node to another part of the cluster",
                inner(PEER, PEERS_POD, victim -> NOBODYS_POD, foreign, true));
        attacks.put("to multicast, 224.0.0.1", inner(PEER, PEERS_POD, victim -> "224.0.0.1", foreign, false));
    }

    private static void addFrames(final Map<String, Attack> attacks) {
        attacks.put("another VNI", frame(DropReason.VXLAN_VNI_NOT_FOUND, false, VxlanDatagram.VNI_OFFSET, 0, 0, 2));
        attacks.put(
                "another flag of VXLAN", frame(DropReason.VXLAN_INVALID_HDR, false, VxlanDatagram.FLAGS_OFFSET, 0x88));
        attacks.put(
                "a frame for another MAC",
                frame(DropReason.OTHERHOST, false, VxlanDatagram.DESTINATION_OFFSET, 2, 0, 0, 0, 0, 9));
        attacks.put(
                "a frame for everybody",
                frame(DropReason.OTHERHOST, false, VxlanDatagram.DESTINATION_OFFSET, 255, 255, 255, 255, 255, 255));
        attacks.put(
                "a frame from nobody's MAC, zero",
                frame(DropReason.MAC_INVALID_SOURCE, true, VxlanDatagram.SOURCE_OFFSET, 0, 0, 0, 0, 0, 0));
        attacks.put(
                "a frame from a group's MAC",
                frame(DropReason.MAC_INVALID_SOURCE, true, VxlanDatagram.SOURCE_OFFSET, 3, 0, 0, 0, 0, 1));
        attacks.put("a frame of ARP", frame(DropReason.UNHANDLED_PROTO, false, VxlanDatagram.TYPE_OFFSET, 8, 6));
        attacks.put("a frame of a VLAN", frame(DropReason.UNHANDLED_PROTO, false, VxlanDatagram.TYPE_OFFSET, 0x81, 0));
    }

    private static Attack inner(
            final String outer,
            final String source,
            final Function<Topology.Node, String> destination,
            final @Nullable DropReason refused,
            final boolean passesKernel) {
        return inner(outer, victim -> source, destination, refused, passesKernel);
    }

    private static Attack inner(
            final String outer,
            final Function<Topology.Node, String> source,
            final Function<Topology.Node, String> destination,
            final @Nullable DropReason refused,
            final boolean passesKernel) {
        return new Attack(
                outer,
                (victim, payload) -> toVtep(
                        victim,
                        CraftedPacket.udp(
                                        address(source.apply(victim)),
                                        address(destination.apply(victim)),
                                        SOURCE_PORT,
                                        PORT,
                                        payload)
                                .bytes()),
                refused,
                passesKernel);
    }

    /** What is right but for some bytes in front of the packet. */
    private static Attack frame(
            final DropReason refused, final boolean passesKernel, final int offset, final int... bytes) {
        return new Attack(
                PEER,
                (victim, payload) -> toVtep(
                                victim,
                                CraftedPacket.udp(
                                                address(PEERS_POD),
                                                address(Victim.pod(victim)),
                                                SOURCE_PORT,
                                                PORT,
                                                payload)
                                        .bytes())
                        .with(offset, bytes),
                refused,
                passesKernel);
    }

    private static VxlanDatagram toVtep(final Topology.Node victim, final byte[] packet) {
        final long mac = MacAddress.parse(victim.vtepMac()).value();
        final int[] bytes = new int[6];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (int) (mac >> (Byte.SIZE * (bytes.length - 1 - i)));
        }
        return new VxlanDatagram(packet).with(VxlanDatagram.DESTINATION_OFFSET, bytes);
    }

    /** An IPv4-mapped address stays what it is. */
    private static InetAddress address(final String text) {
        return text.equals(MAPPED)
                ? new IpAddress(IpFamily.IPV6, 0, 0xFFFF_C000_0201L).toInetAddress()
                : PodTun.inet(text);
    }

    /** A node, with what gets in there: at its pods, at the node itself, or through it. */
    private final class Victim {
        private final Topology.Node node;
        private final RawSocket attacker;
        private final PodTun pods;
        private final DatagramChannel host;
        private int sent;

        Victim(final CloseAll resources, final Topology.Node node, final RawSocket attacker) throws Exception {
            this.node = node;
            this.attacker = attacker;
            final NetworkNamespace namespace = node.namespace();
            pods = resources.add(new PodTun(node));
            for (final String beyond : List.of(BEYOND, NOBODYS_POD)) {
                namespace.ip("route", "add", beyond, "dev", "pod0");
            }
            // As Kubernetes has it: kube-proxy sets the one, and network plugins want the other.
            namespace.exec("sh", "-c", "for f in /proc/sys/net/ipv4/conf/*/route_localnet; do echo 1 > $f; done");
            namespace.exec("sh", "-c", "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done");
            host = resources.add(namespace.call(() ->
                    DatagramChannel.open(StandardProtocolFamily.INET).bind(new InetSocketAddress("0.0.0.0", PORT))));
            host.configureBlocking(false);
        }

        static String pod(final Topology.Node node) {
            return "10.244." + node.index() + ".77";
        }

        static String podV6(final Topology.Node node) {
            return node.subnetBaseV6() + "77";
        }

        static String otherPod(final Topology.Node node) {
            return "10.244." + node.index() + ".9";
        }

        static String otherPodV6(final Topology.Node node) {
            return node.subnetBaseV6() + "9";
        }

        /** Whether an attack gets in; what is sent after it always does, so it had its time. */
        boolean passes(final Attack attack, final @Nullable StaticNode weft) {
            sent++;
            final byte[] payload = ByteBuffer.allocate(Long.BYTES).putLong(sent).array();
            send(attack.outer, attack.injection.of(node, payload).bytes());
            final byte[] marker = CraftedPacket.udp(
                            PodTun.inet(PEERS_POD), PodTun.inet(pod(node)), SOURCE_PORT, MARKER_PORT, payload)
                    .bytes();
            send(PEER, toVtep(node, marker).bytes());
            if (null != weft) {
                final long received = 2L * sent;
                Await.until(
                        () -> received + " datagrams: " + weft.counters(),
                        TIMEOUT_MS,
                        () -> weft.counters().of(DataPlaneCounter.INGRESS_RECEIVED_PACKETS) == received);
            }
            boolean passes = false;
            for (final byte[] packet : pods.receiveUntil(packet -> isOf(packet, MARKER_PORT, payload), TIMEOUT_MS)) {
                passes |= isOf(packet, PORT, payload);
            }
            return passes || isAtHost(payload);
        }

        private boolean isAtHost(final byte[] payload) {
            final ByteBuffer received = ByteBuffer.allocate(64);
            try {
                while (null != host.receive(received.clear())) {
                    if (received.flip().equals(ByteBuffer.wrap(payload))) {
                        return true;
                    }
                }
                return false;
            } catch (final IOException failure) {
                throw new AssertionError(failure);
            }
        }

        /** By the UDP header's destination and what is behind it. */
        private boolean isOf(final byte[] packet, final int port, final byte[] payload) {
            final int udp = packet.length - payload.length - UDP_LENGTH;
            return udp > 0
                    && port == (ByteBuffer.wrap(packet).getShort(udp + 2) & 0xFFFF)
                    && ByteBuffer.wrap(packet, packet.length - payload.length, payload.length)
                            .equals(ByteBuffer.wrap(payload));
        }

        private void send(final String outer, final byte[] datagram) {
            final byte[] packet = CraftedPacket.udp(
                            PodTun.inet(outer),
                            PodTun.inet(node.underlayAddress()),
                            SOURCE_PORT,
                            KernelVxlan.PORT,
                            datagram)
                    .bytes();
            wire.putBytes(0, packet);
            assertEquals(packet.length, attacker.send(wire.addressOffset(), packet.length), outer);
        }
    }
}
