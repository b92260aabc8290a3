/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.PodTun;
import io.weft.dataplane.testing.StaticNode;
import io.weft.dataplane.testing.UnderlayPort;
import io.weft.dataplane.testing.VxlanDatagram;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What becomes of a datagram with a good packet inside, by its outer headers: delivered once, or not at all, as the kernel's UDP
 * layer has it. A router between the nodes passes the datagrams on as they are.
 */
@RequiresRoot
abstract class OuterHeaderSuite {
    private static final int MARKER_PORT = 60_000;
    private static final int IPV4_LENGTH = 20;
    private static final int LENGTH_OFFSET = 2;
    private static final int FRAGMENT_OFFSET = 6;
    private static final int UDP_LENGTH_OFFSET = IPV4_LENGTH + 4;
    private static final InetAddress PEER_POD = PodTun.inet("10.244.0.77");
    private static final InetAddress POD = PodTun.inet("10.244.1.77");

    private final UnderlayPort port;
    private final CloseAll resources = new CloseAll();
    private final Topology topology = resources.add(Topology.twoNodes());
    private final PodTun router = resources.add(new PodTun(topology.node(0)));
    private final PodTun pod = resources.add(new PodTun(topology.node(1)));
    private final InetAddress vtep = PodTun.inet(topology.node(1).underlayAddress());
    private int markers;

    /** @param port that the node receives by. */
    OuterHeaderSuite(final UnderlayPort port) {
        this.port = port;
    }

    @BeforeEach
    void setUp() {
        for (final Topology.Node node : topology.nodes()) {
            node.namespace().sysctl("net/ipv4/conf/all/rp_filter", 0);
            node.namespace().sysctl("net/ipv4/conf/" + node.underlayDevice() + "/rp_filter", 0);
        }
    }

    @AfterEach
    void tearDown() {
        resources.close();
    }

    private StaticNode start(final int workers) throws Exception {
        final StaticNode.Options options = port.options();
        options.workers = workers;
        return resources.add(StaticNode.start(topology, topology.node(1), options));
    }

    private static byte[] inner(final int length) {
        return CraftedPacket.udp(PEER_POD, POD, 1000, 2000, CraftedPacket.payload(length, length))
                .bytes();
    }

    /** A datagram from a peer to the node, right but for what a test changes. */
    private CraftedPacket outer(final int innerLength) {
        return CraftedPacket.udp(
                PEER_POD, vtep, 40_000, KernelVxlan.PORT, new VxlanDatagram(inner(innerLength)).bytes());
    }

    /** Overwrites 16 bits, and makes the header checksum right again. */
    private static byte[] with(final CraftedPacket outer, final int offset, final int value) {
        final byte[] packet = outer.bytes();
        ByteBuffer.wrap(packet).putShort(offset, (short) value);
        CraftedPacket.fixIpv4Checksum(packet);
        return packet;
    }

    /** Cut by a router into fragments of so many bytes of payload. */
    private static List<byte[]> fragments(final byte[] packet, final int length, final int id) {
        final List<byte[]> fragments = new ArrayList<>();
        for (int at = IPV4_LENGTH; at < packet.length; at += length) {
            final int end = Math.min(packet.length, at + length);
            final byte[] fragment = ByteBuffer.allocate(IPV4_LENGTH + end - at)
                    .put(packet, 0, IPV4_LENGTH)
                    .put(packet, at, end - at)
                    .putShort(LENGTH_OFFSET, (short) (IPV4_LENGTH + end - at))
                    .putShort(4, (short) id)
                    .putShort(FRAGMENT_OFFSET, (short)
                            ((at - IPV4_LENGTH) / 8 | (end < packet.length ? CraftedPacket.MORE_FRAGMENTS : 0)))
                    .array();
            CraftedPacket.fixIpv4Checksum(fragment);
            fragments.add(fragment);
        }
        return fragments;
    }

    /** What the pod got before the next marker, which comes the same way. */
    private List<String> delivered() {
        final int number = markers++;
        final byte[] marker = CraftedPacket.udp(PEER_POD, POD, MARKER_PORT, number, new byte[8])
                .bytes();
        router.send(CraftedPacket.udp(PEER_POD, vtep, 40_000, KernelVxlan.PORT, new VxlanDatagram(marker).bytes())
                .bytes());
        return pod
                .receiveUntil(
                        packet -> packet.length == marker.length && Arrays.equals(packet, 20, 28, marker, 20, 28),
                        Await.TIMEOUT_MS)
                .stream()
                .filter(packet -> packet.length > 0)
                .map(OuterHeaderSuite::text)
                .toList();
    }

    /** Of a packet what no router changes. */
    private static String text(final byte[] packet) {
        return HexFormat.of().formatHex(packet, IPV4_LENGTH, packet.length);
    }

    private Map<String, byte[]> good() {
        final Map<String, byte[]> good = new LinkedHashMap<>();
        good.put("as it should be", outer(100).bytes());
        good.put("odd length", outer(101).bytes());
        good.put("no checksum", outer(102).checksum(CraftedPacket.Checksum.ZERO).bytes());
        good.put(
                "may not be fragmented",
                outer(103).fragment(CraftedPacket.DO_NOT_FRAGMENT).bytes());
        good.put(
                "options",
                outer(104).options((byte) 1, (byte) 1, (byte) 1, (byte) 1).bytes());
        good.put("congestion could be marked", outer(105).tos(2).bytes());
        return good;
    }

    private Map<String, byte[]> bad() {
        final Map<String, byte[]> bad = new LinkedHashMap<>();
        bad.put(
                "wrong UDP checksum",
                outer(100).checksum(CraftedPacket.Checksum.WRONG).bytes());
        bad.put(
                "wrong UDP checksum, odd length",
                outer(101).checksum(CraftedPacket.Checksum.WRONG).bytes());
        bad.put(
                "UDP length beyond the packet",
                with(outer(100).checksum(CraftedPacket.Checksum.ZERO), UDP_LENGTH_OFFSET, 1000));
        bad.put(
                "UDP length below its header",
                with(outer(100).checksum(CraftedPacket.Checksum.ZERO), UDP_LENGTH_OFFSET, 7));
        bad.put(
                "another port",
                CraftedPacket.udp(PEER_POD, vtep, 1, 8473, new VxlanDatagram(inner(9)).bytes())
                        .bytes());
        return bad;
    }

    @Test
    void shouldDeliverWhatIsGoodOnce() throws Exception {
        final StaticNode node = start(1);
        for (final Map.Entry<String, byte[]> each : good().entrySet()) {
            router.send(each.getValue());
            final int vxlan = (each.getValue()[0] & 0xF) * 4 + 8;
            final byte[] packet = CraftedPacket.tail(each.getValue(), vxlan + VxlanDatagram.IP_OFFSET);
            assertEquals(List.of(text(packet)), delivered(), each::getKey);
        }
        node.counters().awaitConserved();
    }

    @Test
    void shouldDeliverNothingOfWhatIsBad() throws Exception {
        final StaticNode node = start(1);
        for (final Map.Entry<String, byte[]> each : bad().entrySet()) {
            router.send(each.getValue());
            assertEquals(List.of(), delivered(), each::getKey);
        }
        node.counters().awaitConserved();
        assertEquals(
                UnderlayPort.PACKET == port ? Map.of(DropReason.UDP_CSUM, 2L, DropReason.OUTER_HEADER, 2L) : Map.of(),
                node.counters().drops(),
                "what no UDP layer has dropped before");
        assertTrue(node.errors().isEmpty(), () -> node.errors().toString());
    }

    /** In whatever order they come, and beside datagrams of the same peer that were not fragmented. */
    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void shouldDeliverWhatCameInFragmentsOnce(final int workers) throws Exception {
        final StaticNode node = start(workers);
        final List<String> expected = new ArrayList<>();
        final List<String> got = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            final int length = 1 + 70 * i;
            final List<byte[]> fragments = fragments(outer(length).bytes(), 8 * (1 + i), 7 + i);
            if (0 != i % 3) {
                Collections.reverse(fragments);
            }
            fragments.forEach(router::send);
            expected.add(text(inner(length)));
            got.addAll(delivered());
        }
        if (workers > 1) { // they come by other workers than the markers do
            Await.until(() -> got.size() + " of " + expected.size(), Await.TIMEOUT_MS, () -> {
                got.addAll(delivered());
                return got.size() >= expected.size();
            });
        }
        assertEquals(expected.stream().sorted().toList(), got.stream().sorted().toList());
        node.counters().awaitConserved();
    }

    @Test
    void shouldDeliverNothingWhenAFragmentIsMissingOrOneIsWrong() throws Exception {
        final StaticNode node = start(1);
        final List<byte[]> fragments = fragments(outer(1000).bytes(), 400, 1);
        router.send(fragments.get(0));
        router.send(fragments.get(2));
        assertEquals(List.of(), delivered(), "missing");
        fragments(outer(1000).checksum(CraftedPacket.Checksum.WRONG).bytes(), 400, 2)
                .forEach(router::send);
        assertEquals(List.of(), delivered(), "wrong checksum");
        node.counters().awaitConserved();
    }
}
