/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.PodTun;
import io.weft.dataplane.testing.Ports;
import io.weft.dataplane.testing.StaticNode;
import io.weft.dataplane.testing.VxlanDatagram;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * The same datagrams, good and bad, are sent to a node on weft and to one on the kernel's VXLAN, and what reaches the pod
 * is compared. Where the two differ, decision 0020 says why.
 */
@RequiresRoot
abstract class IngressConformanceSuite {
    private static final int MARKER_PORT = 60_000;
    private static final int TIMEOUT_MS = Await.TIMEOUT_MS;
    private static final InetAddress SOURCE = PodTun.inet("10.244.0.77");
    private static final InetAddress DESTINATION = PodTun.inet("10.244.1.77");
    private static final InetAddress SOURCE_V6 = PodTun.inet("fd00:10:244::77");
    private static final InetAddress DESTINATION_V6 = PodTun.inet("fd00:10:244:1::77");

    /** What the pod of a kernel node gets and that of a weft node does not, or gets marked. */
    private static final Set<String> DECIDED_DIFFERENCES = Set.of(
            "zero source MAC",
            "group source MAC",
            "priority tag, congestion outside",
            "priority tag, congestion outside of what cannot carry it");

    /**
     * One datagram.
     *
     * @param outerTos type of service of the outer header.
     * @param reason that weft drops it for, or null.
     */
    private record Case(
            VxlanDatagram datagram, int outerTos, @Nullable DropReason reason) {}

    private final Ports ports;

    /** @param ports of weft's nodes. */
    IngressConformanceSuite(final Ports ports) {
        this.ports = ports;
    }

    @Test
    void shouldPassAndDropAsTheKernelDoes() throws Exception {
        final Map<String, Case> cases = cases();
        final Map<String, List<String>> byKernel;
        try (CloseAll resources = new CloseAll()) {
            final Topology topology =
                    resources.add(Topology.builder().dualStack().build());
            topology.kernelVxlan(topology.node(1));
            byKernel = deliver(resources, topology, cases, null);
        }
        try (CloseAll resources = new CloseAll()) {
            final Topology topology =
                    resources.add(Topology.builder().dualStack().build());
            final StaticNode.Options options = ports.options();
            options.captureDrops = true;
            final StaticNode node = resources.add(StaticNode.start(topology, topology.node(1), options));
            final Map<String, List<String>> byWeft = deliver(resources, topology, cases, node);
            assertTrue(node.errors().isEmpty(), () -> node.errors().toString());
            node.counters().awaitConserved();
            ports.assertUsed(node);
            assertEquals(
                    DECIDED_DIFFERENCES,
                    differences(byKernel, byWeft).keySet(),
                    () -> "differences: " + differences(byKernel, byWeft));
        }
    }

    private static Map<String, String> differences(
            final Map<String, List<String>> byKernel, final Map<String, List<String>> byWeft) {
        final Map<String, String> differences = new LinkedHashMap<>();
        byKernel.forEach((name, packets) -> {
            if (!packets.equals(byWeft.get(name))) {
                differences.put(name, "\n" + name + ": kernel " + packets + " weft " + byWeft.get(name));
            }
        });
        return differences;
    }

    private static Map<String, List<String>> deliver(
            final CloseAll resources,
            final Topology topology,
            final Map<String, Case> cases,
            final @Nullable StaticNode weft)
            throws Exception {
        final Topology.Node peer = topology.node(0);
        topology.node(1).namespace().sysctl("net/ipv4/conf/all/route_localnet", 1); // as kube-proxy does
        final PodTun pod = resources.add(new PodTun(topology.node(1)));
        final DatagramChannel channel = resources.add(peer.namespace()
                .call(() -> DatagramChannel.open(StandardProtocolFamily.INET)
                        .bind(new InetSocketAddress(peer.underlayAddress(), 0))));
        final InetSocketAddress vtep = new InetSocketAddress(topology.node(1).underlayAddress(), KernelVxlan.PORT);
        final Map<String, List<String>> delivered = new LinkedHashMap<>();
        int sent = 0;
        for (final Map.Entry<String, Case> entry : cases.entrySet()) {
            final Case each = entry.getValue();
            final long dropsBefore =
                    null == weft || null == each.reason ? 0 : weft.counters().drops(each.reason);
            channel.setOption(StandardSocketOptions.IP_TOS, each.outerTos);
            channel.send(ByteBuffer.wrap(each.datagram.bytes()), vtep);
            channel.setOption(StandardSocketOptions.IP_TOS, 0);
            final byte[] marker = marker(sent);
            channel.send(ByteBuffer.wrap(new VxlanDatagram(marker).bytes()), vtep);
            sent++;
            delivered.put(
                    entry.getKey(),
                    pod.receiveUntil(packet -> isMarker(packet, marker), TIMEOUT_MS).stream()
                            .filter(packet -> packet.length > 0 && !isOfTheLink(packet))
                            .map(HexFormat.of()::formatHex)
                            .toList());
            if (null != weft) {
                final long expected = 2L * sent;
                Await.until(
                        () -> expected + " datagrams: " + weft.counters(),
                        TIMEOUT_MS,
                        () -> weft.counters().of(DataPlaneCounter.INGRESS_RECEIVED_PACKETS) == expected);
                if (null != each.reason) {
                    assertEquals(
                            dropsBefore + 1,
                            weft.counters().drops(each.reason),
                            () -> entry.getKey() + ": " + weft.counters());
                }
            }
        }
        return delivered;
    }

    private static byte[] marker(final int number) {
        return CraftedPacket.udp(SOURCE, DESTINATION, MARKER_PORT, number, new byte[8])
                .bytes();
    }

    /** The marker's UDP header; the TTL has changed on the way. */
    private static boolean isMarker(final byte[] packet, final byte[] marker) {
        return packet.length == marker.length && Arrays.equals(packet, 20, 28, marker, 20, 28);
    }

    /** The kernel at either end discovers its neighbours and tells which groups it is in. */
    private static boolean isOfTheLink(final byte[] packet) {
        return 6 == (packet[0] & 0xFF) >>> 4 && ((packet[8] & 0xFF) >= 0xFE || 0xFF == (packet[24] & 0xFF));
    }

    private static Map<String, Case> cases() {
        final Map<String, Case> cases = new LinkedHashMap<>();
        addHeaderCases(cases);
        addTagCases(cases);
        addIpv4Cases(cases);
        addIpv6Cases(cases);
        addSourceCases(cases);
        for (int outer = 0; outer < 4; outer++) {
            for (int inner = 0; inner < 4; inner++) {
                final boolean drop = 3 == outer && 0 == inner;
                final byte[] packet = udp().tos(0xB8 | inner).bytes();
                cases.put(
                        "ECN outer " + outer + " inner " + inner,
                        new Case(new VxlanDatagram(packet), outer, drop ? DropReason.IP_TUNNEL_ECN : null));
            }
        }
        return cases;
    }

    private static void addHeaderCases(final Map<String, Case> cases) {
        add(cases, "good", good(), null);
        add(cases, "empty", good().length(0), DropReason.PKT_TOO_SMALL);
        add(cases, "half a VXLAN header", good().length(5), DropReason.PKT_TOO_SMALL);
        add(cases, "VXLAN header alone", good().length(8), DropReason.PKT_TOO_SMALL);
        add(cases, "half an Ethernet header", good().length(15), DropReason.PKT_TOO_SMALL);
        add(cases, "no inner packet", good().length(22), DropReason.PKT_TOO_SMALL);
        add(cases, "half an IP header", good().length(22 + 10), DropReason.PKT_TOO_SMALL);
        add(cases, "no I flag", good().with(VxlanDatagram.FLAGS_OFFSET, 0), DropReason.VXLAN_INVALID_HDR);
        add(cases, "another flag", good().with(VxlanDatagram.FLAGS_OFFSET, 0x88), DropReason.VXLAN_INVALID_HDR);
        add(cases, "first reserved bits", good().with(1, 1), DropReason.VXLAN_INVALID_HDR);
        add(cases, "last reserved bits", good().with(VxlanDatagram.RESERVED_OFFSET, 1), DropReason.VXLAN_INVALID_HDR);
        add(cases, "wrong VNI", good().with(VxlanDatagram.VNI_OFFSET, 0, 0, 2), DropReason.VXLAN_VNI_NOT_FOUND);
        add(
                cases,
                "foreign MAC",
                good().with(VxlanDatagram.DESTINATION_OFFSET, 2, 0, 0, 0, 0, 9),
                DropReason.OTHERHOST);
        add(
                cases,
                "broadcast MAC",
                good().with(VxlanDatagram.DESTINATION_OFFSET, 255, 255, 255, 255, 255, 255),
                DropReason.OTHERHOST);
        add(cases, "own source MAC", good().with(VxlanDatagram.SOURCE_OFFSET, 2, 0, 0, 0, 0, 2), DropReason.LOCAL_MAC);
        add(
                cases,
                "zero source MAC",
                good().with(VxlanDatagram.SOURCE_OFFSET, 0, 0, 0, 0, 0, 0),
                DropReason.MAC_INVALID_SOURCE);
        add(
                cases,
                "group source MAC",
                good().with(VxlanDatagram.SOURCE_OFFSET, 3, 0, 0, 0, 0, 1),
                DropReason.MAC_INVALID_SOURCE);
        add(cases, "unknown source MAC", good().with(VxlanDatagram.SOURCE_OFFSET, 2, 9, 9, 9, 9, 9), null);
        add(cases, "ARP", good().with(VxlanDatagram.TYPE_OFFSET, 8, 6), DropReason.UNHANDLED_PROTO);
        add(cases, "VLAN", good().with(VxlanDatagram.TYPE_OFFSET, 0x81, 0), DropReason.UNHANDLED_PROTO);
        add(cases, "IPv4 named IPv6", good().with(VxlanDatagram.TYPE_OFFSET, 0x86, 0xDD), DropReason.INNER_IP_INHDR);
    }

    /** Priority tags (IEEE 802.1Q, VLAN id 0) mean nothing to a host that has no VLAN device; other tags are of another network. */
    private static void addTagCases(final Map<String, Case> cases) {
        add(cases, "priority tag", good().tagged(0x8100_0000), null);
        add(cases, "priority 7", good().tagged(0x8100_E000), null);
        add(cases, "drop eligible", good().tagged(0x8100_1000), null);
        add(cases, "service tag without VLAN", good().tagged(0x88A8_0000), null);
        add(cases, "two priority tags", good().tagged(0x8100_0000, 0x8100_2000), null);
        add(cases, "service and priority tag", good().tagged(0x88A8_2000, 0x8100_4000), null);
        add(
                cases,
                "five priority tags",
                good().tagged(0x8100_0000, 0x8100_0000, 0x8100_0000, 0x88A8_0000, 0x8100_0000),
                null);
        add(cases, "priority tag, IPv6", new VxlanDatagram(udpV6().bytes()).tagged(0x8100_0000), null);
        add(cases, "priority tag, padded", good().tagged(0x8100_0000).length(good().bytes().length + 20), null);
        add(
                cases,
                "priority tag, wrong inner checksum",
                new VxlanDatagram(tcp().checksum(CraftedPacket.Checksum.WRONG).bytes()).tagged(0x8100_0000),
                null);
        add(cases, "VLAN 1", good().tagged(0x8100_0001), DropReason.UNHANDLED_PROTO);
        add(cases, "VLAN 4095", good().tagged(0x8100_0FFF), DropReason.UNHANDLED_PROTO);
        add(cases, "VLAN 256, priority 7", good().tagged(0x8100_E100), DropReason.UNHANDLED_PROTO);
        add(cases, "service VLAN 5", good().tagged(0x88A8_0005), DropReason.UNHANDLED_PROTO);
        add(cases, "VLAN 5 behind a priority tag", good().tagged(0x8100_0000, 0x8100_0005), DropReason.UNHANDLED_PROTO);
        add(cases, "priority tag behind VLAN 5", good().tagged(0x8100_0005, 0x8100_0000), DropReason.UNHANDLED_PROTO);
        add(cases, "old service tag", good().tagged(0x9100_0000), DropReason.UNHANDLED_PROTO);
        add(
                cases,
                "ARP behind a priority tag",
                good().with(VxlanDatagram.TYPE_OFFSET, 8, 6).tagged(0x8100_0000),
                DropReason.UNHANDLED_PROTO);
        add(
                cases,
                "IPv4 named IPv6 behind a priority tag",
                good().with(VxlanDatagram.TYPE_OFFSET, 0x86, 0xDD).tagged(0x8100_0000),
                DropReason.INNER_IP_INHDR);
        for (final int length : new int[] {22, 23, 24, 25, 26, 26 + 19}) {
            add(
                    cases,
                    "priority tag, " + length + " bytes",
                    good().tagged(0x8100_0000).length(length),
                    DropReason.PKT_TOO_SMALL);
        }
        add(
                cases,
                "priority tags to the end",
                good().tagged(0x8100_0000, 0x8100_0000, 0x8100_0000, 0x8100_0000, 0x8100_0000, 0x8100_0000)
                        .length(20 + 6 * 4),
                DropReason.PKT_TOO_SMALL);
        add(
                cases,
                "header checksum behind a priority tag",
                good().with(VxlanDatagram.IP_OFFSET + 10, 0x12).tagged(0x8100_0000),
                DropReason.IP_CSUM);
        add(
                cases,
                "truncated payload behind a priority tag",
                good().tagged(0x8100_0000).length(60),
                DropReason.INNER_IP_INHDR);
        cases.put(
                "priority tag, congestion outside",
                new Case(new VxlanDatagram(udp().tos(2).bytes()).tagged(0x8100_0000), 3, null));
        cases.put(
                "priority tag, congestion outside of what cannot carry it",
                new Case(good().tagged(0x8100_0000), 3, DropReason.IP_TUNNEL_ECN));
    }

    /** What says that it is from the receiving host itself, its own routing drops where the device's does not. */
    private static void addSourceCases(final Map<String, Case> cases) {
        addFrom(cases, "10.244.1.0", DropReason.IP_LOCAL_SOURCE);
        addFrom(cases, "10.244.1.1", DropReason.IP_LOCAL_SOURCE);
        addFrom(cases, "192.168.100.2", DropReason.IP_LOCAL_SOURCE);
        addFrom(cases, "127.0.0.1", DropReason.IP_LOCALNET);
    }

    private static void addFrom(final Map<String, Case> cases, final String source, final DropReason reason) {
        final byte[] packet = CraftedPacket.udp(PodTun.inet(source), DESTINATION, 5000, 5001, new byte[8])
                .bytes();
        add(cases, "from " + source, new VxlanDatagram(packet), reason);
    }

    private static void addIpv4Cases(final Map<String, Case> cases) {
        add(cases, "padded", good().length(good().bytes().length + 18), null);
        add(cases, "truncated payload", good().length(60), DropReason.INNER_IP_INHDR);
        add(cases, "version 5", good().withIpv4(0, 0x55), DropReason.INNER_IP_INHDR);
        add(cases, "IHL 4", good().withIpv4(0, 0x44), DropReason.INNER_IP_INHDR);
        add(cases, "total length 19", good().withIpv4(2, 0, 19), DropReason.INNER_IP_INHDR);
        add(cases, "total length too long", good().withIpv4(2, 0xFF, 0xFF), DropReason.INNER_IP_INHDR);
        add(cases, "header checksum", good().with(VxlanDatagram.IP_OFFSET + 10, 0x12), DropReason.IP_CSUM);
        add(cases, "TTL 0", new VxlanDatagram(udp().ttl(0).bytes()), null);
        add(cases, "TTL 1", new VxlanDatagram(udp().ttl(1).bytes()), null);
        add(cases, "TTL 255", new VxlanDatagram(udp().ttl(255).bytes()), null);
        add(
                cases,
                "first fragment",
                new VxlanDatagram(udp().fragment(CraftedPacket.MORE_FRAGMENTS).bytes()),
                null);
        add(cases, "last fragment", new VxlanDatagram(udp().fragment(100).bytes()), null);
        add(
                cases,
                "options",
                new VxlanDatagram(
                        udp().options((byte) 1, (byte) 1, (byte) 1, (byte) 0).bytes()),
                null);
        for (final CraftedPacket.Checksum state : CraftedPacket.Checksum.values()) {
            if (CraftedPacket.Checksum.PARTIAL != state) {
                add(
                        cases,
                        "UDP checksum " + state,
                        new VxlanDatagram(udp().checksum(state).bytes()),
                        null);
                add(
                        cases,
                        "TCP checksum " + state,
                        new VxlanDatagram(tcp().checksum(state).bytes()),
                        null);
            }
        }
        add(cases, "UDP length too long", good().with(VxlanDatagram.IP_OFFSET + 24, 0x7F), null);
        add(
                cases,
                "TCP header too long",
                new VxlanDatagram(tcp().bytes()).with(VxlanDatagram.IP_OFFSET + 32, 0xF0),
                null);
        add(
                cases,
                "protocol 253",
                new VxlanDatagram(CraftedPacket.raw(SOURCE, DESTINATION, 253, new byte[40])
                        .bytes()),
                null);
        add(
                cases,
                "no payload",
                new VxlanDatagram(
                        CraftedPacket.raw(SOURCE, DESTINATION, 253, new byte[0]).bytes()),
                null);
    }

    private static void addIpv6Cases(final Map<String, Case> cases) {
        add(cases, "IPv6", new VxlanDatagram(udpV6().bytes()), null);
        add(
                cases,
                "IPv6 extension",
                new VxlanDatagram(
                        udpV6().extension(CraftedPacket.DESTINATION_OPTIONS, new byte[] {0, 0, 1, 4, 0, 0, 0, 0})
                                .bytes()),
                null);
        add(
                cases,
                "IPv6 extension too long",
                new VxlanDatagram(
                        udpV6().extension(CraftedPacket.DESTINATION_OPTIONS, new byte[] {0, 99, 1, 4, 0, 0, 0, 0})
                                .bytes()),
                null);
        add(cases, "IPv6 hop limit 1", new VxlanDatagram(udpV6().ttl(1).bytes()), null);
        add(
                cases,
                "IPv6 wrong checksum",
                new VxlanDatagram(udpV6().checksum(CraftedPacket.Checksum.WRONG).bytes()),
                null);
        add(
                cases,
                "IPv6 zero checksum",
                new VxlanDatagram(udpV6().checksum(CraftedPacket.Checksum.ZERO).bytes()),
                null);
        add(cases, "IPv6 truncated", new VxlanDatagram(udpV6().bytes()).length(70), DropReason.INNER_IP_INHDR);
        add(cases, "IPv6 padded", new VxlanDatagram(udpV6().bytes()).length(200), null);
        add(
                cases,
                "IPv6 named IPv4",
                new VxlanDatagram(udpV6().bytes()).with(VxlanDatagram.TYPE_OFFSET, 8, 0),
                DropReason.INNER_IP_INHDR);
    }

    private static void add(
            final Map<String, Case> cases,
            final String name,
            final VxlanDatagram datagram,
            final @Nullable DropReason reason) {
        cases.put(name, new Case(datagram, 0, reason));
    }

    private static VxlanDatagram good() {
        return new VxlanDatagram(udp().bytes());
    }

    private static CraftedPacket udp() {
        return CraftedPacket.udp(SOURCE, DESTINATION, 1000, 2000, CraftedPacket.payload(33, 1));
    }

    private static CraftedPacket udpV6() {
        return CraftedPacket.udp(SOURCE_V6, DESTINATION_V6, 1000, 2000, CraftedPacket.payload(33, 2));
    }

    private static CraftedPacket tcp() {
        return CraftedPacket.tcp(
                SOURCE, DESTINATION, 1000, 2000, 7, CraftedPacket.ACK, new byte[0], CraftedPacket.payload(33, 3));
    }
}
