/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.FrameSender;
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
    private static final int IPV6_LENGTH = 40;
    private static final int IPV6_FRAGMENT = 44;
    private static final int UDP_LENGTH_OFFSET = 4;
    /** Twice, for packet socket and host, fewer than the kernel's {@code ipfrag_max_dist}: fragments of a sender after which it gives one up. */
    private static final int INTERLEAVED = 30;

    /** More than a node puts together at a time. */
    private static final int MANY = 1100;

    private static final List<IpPrefix> EVERYBODY = List.of(IpPrefix.parse("0.0.0.0/0"), IpPrefix.parse("::/0"));
    private static final InetAddress PEER_POD = PodTun.inet("10.244.0.77");
    private static final InetAddress POD = PodTun.inet("10.244.1.77");

    private final UnderlayPort port;
    private final CloseAll resources = new CloseAll();
    private final Topology topology =
            resources.add(Topology.builder().dualStack().build());
    private final PodTun router = resources.add(new PodTun(topology.node(0)));
    private final PodTun pod = resources.add(new PodTun(topology.node(1)));
    private final boolean ipv6;
    private final InetAddress peer;
    private final InetAddress vtep;
    private int markers;

    /**
     * @param port that the node receives by.
     * @param ipv6 whether the datagrams come over IPv6.
     */
    OuterHeaderSuite(final UnderlayPort port, final boolean ipv6) {
        this.port = port;
        this.ipv6 = ipv6;
        final Topology.Node node = topology.node(1);
        peer = ipv6 ? router.addressV6() : PEER_POD;
        vtep = PodTun.inet(ipv6 ? node.underlayAddressV6() : node.underlayAddress());
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
        return start(workers, List.of(IpPrefix.host(peer)));
    }

    /** @param admitted senders beside the nodes. */
    private StaticNode start(final int workers, final List<IpPrefix> admitted) throws Exception {
        final StaticNode.Options options = port.options();
        options.workers = workers;
        options.ipv6Underlay = ipv6;
        options.ingressAllow = admitted;
        return resources.add(StaticNode.start(topology, topology.node(1), options));
    }

    private static byte[] inner(final int length) {
        return CraftedPacket.udp(PEER_POD, POD, 1000, 2000, CraftedPacket.payload(length, length))
                .bytes();
    }

    /** A datagram from a peer to the node, right but for what a test changes. */
    private CraftedPacket outer(final int innerLength) {
        return CraftedPacket.udp(peer, vtep, 40_000, KernelVxlan.PORT, new VxlanDatagram(inner(innerLength)).bytes());
    }

    private static byte[] datagram(final InetAddress source, final InetAddress destination, final int innerLength) {
        return CraftedPacket.udp(
                        source, destination, 40_000, KernelVxlan.PORT, new VxlanDatagram(inner(innerLength)).bytes())
                .bytes();
    }

    private int ipLength() {
        return ipv6 ? IPV6_LENGTH : IPV4_LENGTH;
    }

    /** Overwrites the UDP header's length. */
    private byte[] withUdpLength(final CraftedPacket outer, final int length) {
        final byte[] packet = outer.bytes();
        ByteBuffer.wrap(packet).putShort(ipLength() + UDP_LENGTH_OFFSET, (short) length);
        return packet;
    }

    /** With what a node leaves to its host to judge. */
    private CraftedPacket withOptions(final CraftedPacket outer) {
        return ipv6
                ? outer.extension(CraftedPacket.DESTINATION_OPTIONS, new byte[] {0, 0, 1, 4, 0, 0, 0, 0})
                : outer.options((byte) 1, (byte) 1, (byte) 1, (byte) 1);
    }

    /** One fragment of a packet. */
    private byte[] fragment(final byte[] packet, final int from, final int to, final int id) {
        final boolean isLast = ipLength() + to == packet.length;
        return ipv6 ? fragmentV6(packet, from, to, isLast, id) : fragmentV4(packet, from, to, isLast, id);
    }

    private static byte[] fragmentV4(
            final byte[] packet, final int from, final int to, final boolean isLast, final int id) {
        final byte[] fragment = ByteBuffer.allocate(IPV4_LENGTH + to - from)
                .put(packet, 0, IPV4_LENGTH)
                .put(packet, IPV4_LENGTH + from, to - from)
                .putShort(LENGTH_OFFSET, (short) (IPV4_LENGTH + to - from))
                .putShort(LENGTH_OFFSET + 2, (short) id)
                .putShort(FRAGMENT_OFFSET, (short) (from / 8 | (isLast ? 0 : CraftedPacket.MORE_FRAGMENTS)))
                .array();
        CraftedPacket.fixIpv4Checksum(fragment);
        return fragment;
    }

    private static byte[] fragmentV6(
            final byte[] packet, final int from, final int to, final boolean isLast, final int id) {
        return ByteBuffer.allocate(IPV6_LENGTH + 8 + to - from)
                .put(packet, 0, IPV6_LENGTH)
                .put(packet[6])
                .put((byte) 0)
                .putShort((short) (from | (isLast ? 0 : 1)))
                .putInt(id)
                .put(packet, IPV6_LENGTH + from, to - from)
                .putShort(4, (short) (8 + to - from))
                .put(6, (byte) IPV6_FRAGMENT)
                .array();
    }

    /** Cut by a router into fragments of so many bytes of payload. */
    private List<byte[]> fragments(final byte[] packet, final int length, final int id) {
        final int end = packet.length - ipLength();
        final List<byte[]> fragments = new ArrayList<>();
        for (int at = 0; at < end; at += length) {
            fragments.add(fragment(packet, at, Math.min(end, at + length), id));
        }
        return fragments;
    }

    /** What the pod got before the next marker. */
    private List<String> delivered() {
        return delivered(false);
    }

    /** @param hasOptions of the marker, which so comes the same way. */
    private List<String> delivered(final boolean hasOptions) {
        final int number = markers++;
        final byte[] marker = CraftedPacket.udp(PEER_POD, POD, MARKER_PORT, number, new byte[8])
                .bytes();
        final CraftedPacket outer =
                CraftedPacket.udp(peer, vtep, 40_000, KernelVxlan.PORT, new VxlanDatagram(marker).bytes());
        router.send((hasOptions ? withOptions(outer) : outer).bytes());
        return pod
                .receiveUntil(
                        packet -> packet.length == marker.length && Arrays.equals(packet, 20, 28, marker, 20, 28),
                        Await.TIMEOUT_MS)
                .stream()
                .filter(packet -> packet.length > 0 && 4 == packet[0] >>> 4)
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
        good.put("congestion could be marked", outer(105).tos(2).bytes());
        if (!ipv6) {
            good.put(
                    "no checksum",
                    outer(102).checksum(CraftedPacket.Checksum.ZERO).bytes());
            good.put(
                    "may not be fragmented",
                    outer(103).fragment(CraftedPacket.DO_NOT_FRAGMENT).bytes());
        }
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
        bad.put("UDP length beyond the packet", withUdpLength(outer(100), 1000));
        bad.put("UDP length below its header", withUdpLength(outer(100), 7));
        bad.put(
                "another port",
                CraftedPacket.udp(peer, vtep, 1, 8473, new VxlanDatagram(inner(9)).bytes())
                        .bytes());
        if (ipv6) {
            bad.put(
                    "no checksum",
                    outer(102).checksum(CraftedPacket.Checksum.ZERO).bytes());
        }
        return bad;
    }

    @Test
    void shouldDeliverWhatIsGoodOnce() throws Exception {
        final StaticNode node = start(1);
        for (final Map.Entry<String, byte[]> each : good().entrySet()) {
            router.send(each.getValue());
            final byte[] packet = CraftedPacket.tail(each.getValue(), ipLength() + 8 + VxlanDatagram.IP_OFFSET);
            assertEquals(List.of(text(packet)), delivered(), each::getKey);
        }
        port.assertUsed(node);
        router.send(withOptions(outer(104)).bytes());
        assertEquals(List.of(text(inner(104))), delivered(true), "options");
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
        final boolean isPacket = UnderlayPort.PACKET == port; // what no UDP layer has dropped before
        assertEquals(isPacket ? ipv6 ? 3 : 2 : 0, node.counters().drops(DropReason.UDP_CSUM));
        assertEquals(isPacket ? 2 : 0, node.counters().drops(DropReason.OUTER_HEADER));
        assertTrue(node.errors().isEmpty(), () -> node.errors().toString());
    }

    /** The kernel refuses most of them before a UDP socket sees them; what it passes is refused all the same. */
    @Test
    void shouldDeliverNothingFromASourceThatNoNodeHas() throws Exception {
        final StaticNode node = start(1, EVERYBODY);
        final FrameSender frames = resources.add(new FrameSender(topology.node(0)));
        final InetAddress stranger = PodTun.inet(ipv6 ? "2001:db8::66" : "198.51.100.66");
        frames.send(mac(), datagram(stranger, vtep, 99));
        assertEquals(List.of(text(inner(99))), delivered(), "from a stranger");
        final List<String> sources = ipv6
                ? List.of("::", "::1", "ff02::1", topology.node(1).underlayAddressV6())
                : List.of(
                        "0.0.0.0",
                        "127.0.0.1",
                        "127.1.2.3",
                        "224.0.0.5",
                        "255.255.255.255",
                        Topology.UNDERLAY_BROADCAST,
                        topology.node(1).underlayAddress());
        for (final String source : sources) {
            frames.send(mac(), datagram(PodTun.inet(source), vtep, 100));
            assertEquals(List.of(), delivered(), source);
        }
        node.counters().awaitConserved();
        final long refused = node.counters().drops(DropReason.OUTER_INVALID_SOURCE);
        assertEquals(UnderlayPort.PACKET == port, sources.size() == refused, () -> refused + " refused");
    }

    /** A switch floods frames, and hosts hear broadcasts: what the UDP port makes of them is made of them. */
    @Test
    void shouldTakeByWhomItIsSentToAsTheUdpPortDoes() throws Exception {
        final StaticNode node = start(1, EVERYBODY);
        final FrameSender frames = resources.add(new FrameSender(topology.node(0)));
        frames.send(MacAddress.parse("02:00:00:00:99:99"), datagram(peer, vtep, 90));
        final InetAddress other = PodTun.inet(ipv6 ? "fd00:100::99" : "192.168.100.99");
        frames.send(mac(), datagram(peer, other, 91));
        assertEquals(List.of(), delivered(), "for another host");
        assertEquals(List.of(), delivered(true), "for another host");
        frames.send(MacAddress.parse("ff:ff:ff:ff:ff:ff"), datagram(peer, vtep, 92));
        assertEquals(List.of(text(inner(92))), delivered(true), "for everybody's MAC");
        frames.send(MacAddress.parse("33:33:00:00:00:01"), datagram(peer, vtep, 93));
        assertEquals(List.of(text(inner(93))), delivered(true), "for a group's MAC");
        node.counters().awaitConserved();
    }

    private MacAddress mac() {
        final Topology.Node node = topology.node(1);
        return MacAddress.parse(node.namespace()
                .exec("cat", "/sys/class/net/" + node.underlayDevice() + "/address")
                .trim());
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
    void shouldDeliverNothingWhenAFragmentIsMissingOrWrong() throws Exception {
        final StaticNode node = start(1);
        final byte[] packet = outer(1000).bytes();
        final List<byte[]> fragments = fragments(packet, 400, 1);
        router.send(fragments.get(0));
        router.send(fragments.get(2));
        assertEquals(List.of(), delivered(), "one is missing");
        fragments(outer(1000).checksum(CraftedPacket.Checksum.WRONG).bytes(), 400, 2)
                .forEach(router::send);
        assertEquals(List.of(), delivered(), "wrong checksum");
        router.send(fragment(packet, 0, 400, 3));
        router.send(fragment(packet, 200, 600, 3));
        router.send(fragment(packet, 400, packet.length - ipLength(), 3));
        assertEquals(List.of(), delivered(), "two overlap");
        node.counters().awaitConserved();
        assertEquals(isOwnReassembly() ? 1 : 0, node.counters().drops(DropReason.FRAG_INVALID), "the overlap");
    }

    /** What the kernel puts together it counts itself. */
    private boolean isOwnReassembly() {
        return ipv6 && UnderlayPort.PACKET == port;
    }

    /** As a router cuts what several flows of a peer send at once. */
    @Test
    void shouldDeliverManyDatagramsWhoseFragmentsComeInterleaved() throws Exception {
        start(1);
        final List<List<byte[]>> all = new ArrayList<>();
        final List<String> expected = new ArrayList<>();
        for (int i = 0; i < INTERLEAVED; i++) {
            all.add(fragments(outer(600 + i).bytes(), 400, 100 + i));
            expected.add(text(inner(600 + i)));
        }
        all.forEach(fragments -> router.send(fragments.get(0)));
        all.forEach(fragments -> router.send(fragments.get(1)));
        assertEquals(expected, delivered());
    }

    /** They are for whoever has that port, and no fault of the tunnel. */
    @Test
    void shouldDeliverFragmentsBesideManyOfAnotherPort() throws Exception {
        assumeTrue(isOwnReassembly(), "the kernel keeps them for whoever has the port");
        final StaticNode node = start(1);
        final byte[] other = CraftedPacket.udp(peer, vtep, 1, 8473, new VxlanDatagram(inner(1000)).bytes())
                .bytes();
        final List<byte[]> own = fragments(outer(998).bytes(), 400, 50);
        router.send(own.get(0));
        for (int id = 100; id < 100 + MANY; id++) {
            router.send(fragments(other, 400, id).get(0));
            if (0 == id % INTERLEAVED) { // so that the socket is not overrun
                assertEquals(List.of(), delivered());
            }
        }
        router.send(own.get(1));
        router.send(own.get(2));
        assertEquals(List.of(text(inner(998))), delivered());
        node.counters().awaitConserved();
        for (final DropReason reason :
                List.of(DropReason.FRAG_INVALID, DropReason.FRAG_NO_ROOM, DropReason.FRAG_REASM_TIMEOUT)) {
            assertEquals(0, node.counters().drops(reason), reason::name);
        }
    }

    @Test
    void shouldDeliverADatagramOnceWhenItsFragmentsComeTwice() throws Exception {
        start(1);
        final List<byte[]> fragments = fragments(outer(1000).bytes(), 400, 1);
        for (final byte[] fragment : fragments.subList(0, fragments.size() - 1)) {
            router.send(fragment);
            router.send(fragment);
        }
        router.send(fragments.get(fragments.size() - 1));
        assertEquals(List.of(text(inner(1000))), delivered());
    }

    /** Nobody has sent the rest of them for long, and they take no memory away from others. */
    @Test
    void shouldDeliverFragmentsBesideManyThatAreNeverComplete() throws Exception {
        start(1);
        for (int id = 1; id < 50; id++) {
            router.send(fragments(outer(1000).bytes(), 400, id).get(0));
        }
        fragments(outer(999).bytes(), 400, 50).forEach(router::send);
        assertEquals(List.of(text(inner(999))), delivered());
    }
}
