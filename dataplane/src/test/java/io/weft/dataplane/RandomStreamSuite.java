/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.DualStack;
import io.weft.dataplane.testing.PodTun;
import io.weft.dataplane.testing.Ports;
import io.weft.dataplane.testing.RandomTraffic;
import io.weft.dataplane.testing.StaticNode;
import io.weft.linux.TapDevice;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.routing.Encapsulation;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Random streams go both ways between two nodes, and all that arrives is compared byte by byte with what was sent; but
 * for the IPv4 id of packets that may not be fragmented, which has no meaning (RFC 6864) and which joining loses, and
 * for the two forms of a zero checksum, of which the kernel too takes now one, now the other (net/core/dev.c,
 * {@code skb_checksum_help}).
 */
@RequiresRoot
abstract class RandomStreamSuite {
    /** Of an IPv6 underlay: packets of 1450 bytes, VXLAN and the headers in front. */
    private static final int UNFRAGMENTED_MTU = 1520;

    private static final int ROUNDS = 20;
    private static final int PACKETS_PER_ROUND = 250;
    private static final int TIMEOUT_MS = Await.TIMEOUT_MS;
    private static final int IPV4_ID_OFFSET = 4;
    private static final int IPV4_FLAGS_OFFSET = 6;
    private static final int IPV4_CHECKSUM_OFFSET = 10;

    /** What the underlay devices do for their hosts. */
    enum Offload {
        /** A superframe of the kernel's VXLAN crosses the link unsegmented. */
        PASSTHROUGH(""),
        /** No tunnel offload, UDP_SEGMENT is still the device's. */
        SEGMENT("tx-udp_tnl-segmentation tx-udp_tnl-csum-segmentation"),
        PLAIN("tx-udp_tnl-segmentation tx-udp_tnl-csum-segmentation tso gso tx-udp-segmentation"),
        /** No checksum offload, without which kernels before 6.11 give EIO for UDP_SEGMENT. */
        NONE("tx");

        private final String off;

        Offload(final String off) {
            this.off = off;
        }

        void apply(final Topology.Node node) {
            for (final String feature : off.isEmpty() ? new String[0] : off.split(" ", -1)) {
                node.namespace().exec("ethtool", "-K", node.underlayDevice(), feature, "off");
            }
        }
    }

    private final Ports ports;

    /** @param ports of weft's nodes. */
    RandomStreamSuite(final Ports ports) {
        this.ports = ports;
    }

    @ParameterizedTest
    @CsvSource({
        "PASSTHROUGH, true, INVOKER, 1, 63, true",
        "SEGMENT, true, INVOKER, 1, 63, true",
        "PLAIN, true, INVOKER, 1, 63, true",
        "NONE, true, INVOKER, 1, 63, true",
        "SEGMENT, true, INVOKER, 1, 1, true",
        "SEGMENT, true, INVOKER, 1, 63, false",
        "SEGMENT, true, SHARED, 1, 63, true",
        "SEGMENT, true, SHARED_NETWORK, 2, 63, true",
        "SEGMENT, true, DEDICATED, 2, 63, true",
        "PASSTHROUGH, false, INVOKER, 1, 63, true",
        "SEGMENT, false, INVOKER, 1, 63, true",
        "PLAIN, false, INVOKER, 1, 63, true",
        "NONE, false, INVOKER, 1, 63, true",
        "PASSTHROUGH, false, INVOKER, 1, 63, false",
        "PASSTHROUGH, false, DEDICATED, 2, 63, true"
    })
    void shouldArriveAsItWasSent(
            final Offload offload,
            final boolean weftPeer,
            final ThreadingMode mode,
            final int workers,
            final int maxSegments,
            final boolean joinUdp)
            throws Exception {
        final StaticNode.Options options = ports.options();
        options.threadingMode = mode;
        options.workers = workers;
        options.maxSegments = maxSegments;
        options.joinUdp = joinUdp;
        exchangeBothWays(offload, weftPeer, options, weft -> {});
    }

    /** Where the underlay device does not cut them, the kernel does, so that every way of cutting is held to the same. */
    @ParameterizedTest
    @CsvSource({
        "PASSTHROUGH, true, INVOKER, 1",
        "SEGMENT, true, INVOKER, 1",
        "PLAIN, true, INVOKER, 1",
        "PASSTHROUGH, true, DEDICATED, 2",
        "PASSTHROUGH, false, INVOKER, 1",
        "SEGMENT, false, INVOKER, 1",
        "PLAIN, false, SHARED, 1"
    })
    void shouldArriveAsItWasSentWhenSuperframesLeaveWhole(
            final Offload offload, final boolean weftPeer, final ThreadingMode mode, final int workers)
            throws Exception {
        assumeTrue(TapDevice.takesTunnelSuperframes(), "needs Linux 6.17");
        final StaticNode.Options options = ports.options();
        options.threadingMode = mode;
        options.workers = workers;
        options.tunnelOffload = true;
        exchangeBothWays(offload, weftPeer, options, weft -> {
            assertTrue(weft.counters().of(DataPlaneCounter.EGRESS_OFFLOADED_FRAMES) > 0);
            assertEquals(0, weft.counters().of(DataPlaneCounter.EGRESS_OFFLOAD_REFUSALS));
        });
    }

    private void exchangeBothWays(
            final Offload offload,
            final boolean weftPeer,
            final StaticNode.Options options,
            final Consumer<StaticNode> check)
            throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final Topology topology =
                    resources.add(Topology.builder().dualStack().build());
            final List<StaticNode> wefts = new ArrayList<>();
            topology.nodes().forEach(offload::apply);
            wefts.add(resources.add(StaticNode.start(topology, topology.node(0), options)));
            DualStack.addPeer(topology.node(0), wefts.get(0), topology.node(1));
            if (weftPeer) {
                wefts.add(resources.add(StaticNode.start(topology, topology.node(1), options)));
                DualStack.addPeer(topology.node(1), wefts.get(1), topology.node(0));
            } else {
                topology.kernelVxlan(topology.node(1));
                DualStack.addPeer(topology.node(1).namespace(), topology.node(0));
            }
            final PodTun a = resources.add(new PodTun(topology.node(0)));
            final PodTun b = resources.add(new PodTun(topology.node(1)));
            final boolean isGuessed = Offload.PASSTHROUGH == offload && !weftPeer && !ports.isToldHowToCut();
            exchange(new RandomTraffic(1, a, b, false, Encapsulation.VXLAN), b, wefts);
            exchange(new RandomTraffic(2, b, a, isGuessed, Encapsulation.VXLAN), a, wefts);
            assertSound(wefts, offload, false);
            wefts.forEach(check);
        }
    }

    /** At an MTU of 1500 the longest datagrams do not fit, and come in fragments. */
    @ParameterizedTest
    @CsvSource({
        "PASSTHROUGH, 1520, INVOKER, 1",
        "SEGMENT, 1520, SHARED_NETWORK, 2",
        "NONE, 1520, INVOKER, 1",
        "SEGMENT, 1500, INVOKER, 1",
        "NONE, 1500, SHARED, 1"
    })
    void shouldArriveAsItWasSentOverIpv6(
            final Offload offload, final int underlayMtu, final ThreadingMode mode, final int workers)
            throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final Topology topology = resources.add(
                    Topology.builder().dualStack().mtu(underlayMtu).build());
            final StaticNode.Options options = ports.options();
            options.ipv6Underlay = true;
            options.threadingMode = mode;
            options.workers = workers;
            topology.nodes().forEach(offload::apply);
            final List<StaticNode> wefts = new ArrayList<>();
            for (final Topology.Node node : topology.nodes()) {
                wefts.add(resources.add(StaticNode.start(topology, node, options)));
            }
            DualStack.addPeer(topology.node(0), wefts.get(0), topology.node(1));
            DualStack.addPeer(topology.node(1), wefts.get(1), topology.node(0));
            final PodTun a = resources.add(new PodTun(topology.node(0)));
            final PodTun b = resources.add(new PodTun(topology.node(1)));
            exchange(new RandomTraffic(1, a, b, false, Encapsulation.VXLAN), b, wefts);
            exchange(new RandomTraffic(2, b, a, false, Encapsulation.VXLAN), a, wefts);
            assertSound(wefts, offload, underlayMtu < UNFRAGMENTED_MTU);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "PASSTHROUGH, INVOKER, 1, 63, true",
        "SEGMENT, INVOKER, 1, 63, true",
        "SEGMENT, INVOKER, 1, 63, false",
        "NONE, INVOKER, 1, 63, true",
        "SEGMENT, DEDICATED, 2, 63, true",
        "PLAIN, SHARED, 1, 1, true"
    })
    void shouldArriveAsItWasSentWhenADatagramIsTheBarePacket(
            final Offload offload,
            final ThreadingMode mode,
            final int workers,
            final int maxSegments,
            final boolean joinUdp)
            throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final Topology topology = resources.add(Topology.twoNodes());
            final StaticNode.Options options = ports.options();
            options.encapsulation = Encapsulation.BARE_IP;
            options.threadingMode = mode;
            options.workers = workers;
            options.maxSegments = maxSegments;
            options.joinUdp = joinUdp;
            topology.nodes().forEach(offload::apply);
            final List<StaticNode> wefts = new ArrayList<>();
            for (final Topology.Node node : topology.nodes()) {
                wefts.add(resources.add(StaticNode.start(topology, node, options)));
            }
            final PodTun a = resources.add(new PodTun(topology.node(0)));
            final PodTun b = resources.add(new PodTun(topology.node(1)));
            exchange(new RandomTraffic(1, a, b, false, Encapsulation.BARE_IP), b, wefts);
            exchange(new RandomTraffic(2, b, a, false, Encapsulation.BARE_IP), a, wefts);
            assertSound(wefts, offload, false);
        }
    }

    private void assertSound(final List<StaticNode> wefts, final Offload offload, final boolean isFragmented) {
        for (final StaticNode weft : wefts) {
            ports.underlay().assertReceived(weft);
            if (isFragmented) {
                ports.underlay().assertSentBothWays(weft);
            } else {
                ports.underlay().assertSent(weft);
            }
            assertTrue(weft.errors().isEmpty(), () -> weft.errors().toString());
            awaitConserved(weft);
            weft.assertCountedByPeer();
            assertTrue(
                    0 == weft.counters().of(DataPlaneCounter.EGRESS_SEGMENTATION_FALLBACKS) || Offload.NONE == offload);
        }
    }

    private static void awaitConserved(final StaticNode weft) {
        if (weft.dataPlane().dataThreads().isEmpty()) {
            weft.counters().assertConserved();
        } else {
            weft.counters().awaitConserved();
        }
    }

    private static void exchange(final RandomTraffic traffic, final PodTun to, final List<StaticNode> wefts) {
        for (int round = 0; round < ROUNDS; round++) {
            int sent = 0;
            while (sent < PACKETS_PER_ROUND) {
                sent += traffic.sendSome();
            }
            final List<String> arrived = receive(to, sent, wefts);
            final List<String> expected =
                    traffic.takeExpected().stream().map(RandomStreamSuite::text).toList();
            if (!expected.stream()
                    .sorted()
                    .toList()
                    .equals(arrived.stream().sorted().toList())) {
                throw new AssertionError("round " + round + difference(expected, arrived)
                        + wefts.stream().map(weft -> "\n" + weft.counters()).toList());
            }
        }
    }

    private static String difference(final List<String> expected, final List<String> arrived) {
        final List<String> missing = new ArrayList<>(expected);
        final List<String> unexpected = new ArrayList<>();
        arrived.forEach(packet -> {
            if (!missing.remove(packet)) {
                unexpected.add(packet);
            }
        });
        return ": " + expected.size() + " sent, " + missing.size() + " missing, the first "
                + missing.stream().findFirst() + "\n" + unexpected.size() + " unexpected, the first "
                + unexpected.stream().findFirst();
    }

    /** Nodes in mode INVOKER have waited until now, so that they find all that was sent at once. */
    private static List<String> receive(final PodTun pod, final int count, final List<StaticNode> wefts) {
        final List<String> packets = new ArrayList<>();
        final long deadlineNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(TIMEOUT_MS);
        while (packets.size() < count && System.nanoTime() < deadlineNs) {
            for (final StaticNode weft : wefts) {
                if (weft.dataPlane().dataThreads().isEmpty()) {
                    weft.dataPlane().invoke();
                }
            }
            final byte[] packet = pod.receive(1);
            if (packet.length > 0 && !isKernelsOwn(packet)) {
                packets.add(text(packet));
            }
        }
        return packets;
    }

    /** Multicast listener reports and the like. */
    private static boolean isKernelsOwn(final byte[] packet) {
        return 6 == (packet[0] & 0xFF) >>> 4 && (packet[24] & 0xFF) == 0xFF;
    }

    private static String text(final byte[] packet) {
        final byte[] bytes = packet.clone();
        if (4 == bytes[0] >>> 4 && 0 != (bytes[IPV4_FLAGS_OFFSET] & 0x40)) {
            for (final int offset : new int[] {IPV4_ID_OFFSET, IPV4_CHECKSUM_OFFSET}) {
                bytes[offset] = 0;
                bytes[offset + 1] = 0;
            }
        }
        final boolean ipv6 = 6 == (bytes[0] & 0xFF) >>> 4;
        final int tcpChecksum = 16 + (ipv6 ? 40 : (bytes[0] & 0xF) * 4);
        if (CraftedPacket.TCP == bytes[ipv6 ? 6 : 9] && -1 == bytes[tcpChecksum] && -1 == bytes[tcpChecksum + 1]) {
            bytes[tcpChecksum] = 0;
            bytes[tcpChecksum + 1] = 0;
        }
        return HexFormat.of().formatHex(bytes);
    }
}
