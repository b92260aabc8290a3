/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.dataplane.capture.Capture;
import io.weft.dataplane.capture.CaptureFilter;
import io.weft.dataplane.capture.CapturedPacket;
import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.dataplane.testing.NodeCounters;
import io.weft.dataplane.testing.PodTun;
import io.weft.dataplane.testing.UnderlayPort;
import io.weft.dataplane.testing.VxlanDatagram;
import io.weft.linux.Errno;
import io.weft.linux.RawSocket;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.overlay.forwarding.CounterSample;
import io.weft.overlay.json.JsonOutput;
import io.weft.overlay.ops.Conditions;
import io.weft.overlay.ops.NodeMetrics;
import io.weft.overlay.record.ProcessIdentity;
import io.weft.overlay.registry.RegistryStatus;
import io.weft.routing.Encapsulation;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.CountersManager;
import org.agrona.concurrent.status.CountersReader;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import picocli.CommandLine;

/**
 * Each way in which a packet can end is made to happen, and {@code weft show drops}, the metrics and a capture of drops tell of it with
 * the same number. Packets are real, and so are the sockets that they come by; what none of them can cause is done by a port that fails,
 * as by the kernel's errno.
 */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class DropReasonsTest {
    private static final String POD = "10.244.0.77";
    private static final String PEER_POD = "10.244.1.77";
    private static final String LOOPBACK = "127.0.0.1";
    /** Of nobody that the node knows. */
    private static final String STRANGER = "192.168.100.9";

    private static final int LENGTH = 200;

    /** With such packets not many need to wait until the flow has its share. */
    private static final int LONG = 60_000;

    /** So many of them that each waits for long, and no more than a flow may have. */
    private static final int WAITING = 400;

    private static final int IPV4_LENGTH = 20;
    private static final int UDP_LENGTH_OFFSET = 4;
    private static final String LOOPBACK_V6 = "::1";
    private static final int IPV6_LENGTH = 40;
    private static final int IPV6_FRAGMENT = 44;
    private static final int UDP = 17;
    private static final int FRAGMENT_HEADER_LENGTH = 8;
    private static final int FRAGMENT_LENGTH = 400;
    /** Beyond the longest datagram. */
    private static final int TOO_FAR = 0xFFF8;

    /** Datagrams that are put together at a time. */
    private static final int FRAGMENTED_MAX = 1024;

    private static final int COUNTERS = 256;

    /** What the peer sends from is an address that no node has, but for one that is known by it. */
    private static final IngressPolicy ANYTHING = new IngressPolicy.Builder(IngressPolicy.Sources.ANY)
            .node(List.of(IpAddress.parse(LOOPBACK)), List.of())
            .build();

    private final CloseAll resources = new CloseAll();
    private final Map<DropReason, Case> cases = new EnumMap<>(DropReason.class);
    private final List<Node> nodes = new ArrayList<>();
    private Path runDirectory = Path.of("run");

    /** Makes it happen. */
    @FunctionalInterface
    private interface Cause {
        void on(InvokedNode node) throws Exception;
    }

    /** Makes a node. */
    @FunctionalInterface
    private interface Maker {
        InvokedNode with(CountersManager counters) throws IOException;
    }

    /** @param packets that are dropped by it; 0 where some are, of many. */
    private record Case(Node node, long packets, Cause cause) {}

    /** A node, its counters in a file as a daemon has them, and a capture of its drops. */
    private final class Node {
        private final CountersFile file;
        private final InvokedNode invoked;
        private final Capture capture = new Capture(CaptureFilter.of(CaptureFilter.Kind.DROPS), 64);
        private final Map<DropReason, Long> captured = new EnumMap<>(DropReason.class);
        private final String name;

        Node(final String name, final Encapsulation encapsulation, final UnderlayPort port) throws IOException {
            this(name, counters -> new InvokedNode(1, encapsulation, port, counters));
        }

        Node(final String name, final Maker maker) throws IOException {
            this.name = name;
            file = resources.add(CountersFile.create(runDirectory.resolve(name + ".counters"), COUNTERS, 42, 1));
            invoked = resources.add(maker.with(file.manager()));
            invoked.captures().add(capture);
            resources.add(() -> {
                invoked.captures().remove(capture);
                capture.close();
            });
            nodes.add(this);
        }

        private void onPacket(final CapturedPacket packet) {
            final DropReason reason = packet.reason();
            if (null != reason) {
                captured.merge(reason, (long) packet.packets(), Long::sum);
            }
        }

        private long captured(final DropReason reason) {
            capture.read(this::onPacket, Integer.MAX_VALUE);
            assertEquals(0, capture.lost());
            return captured.getOrDefault(reason, 0L);
        }

        private long shown(final DropReason reason) {
            final StringWriter out = new StringWriter();
            final CommandLine line = WeftCommand.commandLine();
            line.setOut(new PrintWriter(out, true));
            line.setErr(new PrintWriter(new StringWriter(), true));
            assertEquals(0, line.execute("show", "drops", "--output=json", "--run-dir=" + runDirectory));
            return number(
                    "\\{\"device\":\"" + name + "\",\"reason\":\"" + reason + "\",\"direction\":\""
                            + reason.direction().label() + "\",\"count\":(\\d+),",
                    out.toString());
        }

        private long measured(final DropReason reason) {
            final List<CounterSample> samples = new ArrayList<>();
            final CountersReader reader = file.reader();
            reader.forEach((id, typeId, key, label) ->
                    samples.add(new CounterSample(name, key.getInt(0), label, reader.getCounterValue(id))));
            final String text = new NodeMetrics(new RegistryStatus(), "file", new Conditions()).text(samples);
            return number(
                    "weft_drop_packets_total\\{direction=\""
                            + reason.direction().label() + "\",reason=\"" + reason + "\"} (\\d+)\n",
                    text);
        }
    }

    private static long number(final String pattern, final String text) {
        final Matcher matcher = Pattern.compile(pattern).matcher(text);
        return matcher.find() ? Long.parseLong(matcher.group(1)) : 0;
    }

    @BeforeAll
    void setUp(@TempDir final Path directory) throws Exception {
        runDirectory = directory;
        final NetworkNamespace namespace = resources.add(NetworkNamespace.create("drops"));
        namespace.ip("link", "set", "lo", "up");
        namespace.ip("address", "add", STRANGER + "/32", "dev", "lo");
        final DatagramSocket stranger =
                resources.add(namespace.call(() -> new DatagramSocket(new InetSocketAddress(STRANGER, 0))));
        namespace.run(() -> {
            vxlan(new Node("weft.1", Encapsulation.VXLAN, UnderlayPort.UDP), stranger);
            bareIp(new Node("weft0", Encapsulation.BARE_IP, UnderlayPort.UDP));
            final RawSocket raw = resources.add(RawSocket.open());
            packetSocket(new Node("weft.2", Encapsulation.VXLAN, UnderlayPort.PACKET), raw);
            fragments(new Node("weft-v6.2", counters -> new InvokedNode(counters, PodTun.inet(LOOPBACK_V6))), raw);
        });
        final ProcessIdentity own = ProcessIdentity.own();
        Files.writeString(
                directory.resolve("weft.1.status"),
                JsonOutput.of(Map.of(
                        "pid",
                        own.pid(),
                        "startTicks",
                        own.startTicks(),
                        "pidNamespace",
                        own.pidNamespace(),
                        "networkNamespace",
                        ProcessIdentity.namespace("net"),
                        "ended",
                        false,
                        "devices",
                        nodes.stream()
                                .map(node -> Map.of(
                                        "name",
                                        node.name,
                                        "counters",
                                        directory
                                                .resolve(node.name + ".counters")
                                                .toString()))
                                .toList())));
    }

    @AfterAll
    void tearDown() {
        resources.close();
    }

    private static CraftedPacket packet(final String source, final String destination) {
        return packet(source, destination, LENGTH);
    }

    private static CraftedPacket packet(final String source, final String destination, final int length) {
        return CraftedPacket.udp(
                PodTun.inet(source), PodTun.inet(destination), 1000, 2000, CraftedPacket.payload(length, 1));
    }

    private void vxlan(final Node node, final DatagramSocket stranger) {
        lookups(node);
        superframes(node);
        refusedSends(node);
        headers(node);
        refusedWrites(node);
        policies(node);
        senders(node, stranger);
    }

    /** What a pod sends, and the tables have no way for. */
    private void lookups(final Node node) {
        final IpAddress silent = IpAddress.parse("10.244.2.0");
        final IpAddress homeless = IpAddress.parse("10.244.3.0");
        node.invoked.routing().addRoute(IpPrefix.parse("10.244.2.0/24"), silent.toInetAddress());
        node.invoked.routing().addRoute(IpPrefix.parse("10.244.3.0/24"), homeless.toInetAddress());
        node.invoked.routing().addNeighbour(homeless.toInetAddress(), MacAddress.parse("02:00:00:00:00:33"));
        node.invoked.routing().publish();
        final byte[] malformed = packet(POD, PEER_POD).bytes();
        malformed[0] = 0x55;
        put(DropReason.IP_INHDR, node, invoked -> invoked.give(malformed));
        sent(DropReason.IP_OUTNOROUTES, node, "10.99.0.1");
        sent(DropReason.MULTICAST, node, "224.0.0.5");
        sent(DropReason.NEIGH_FAILED, node, "10.244.2.2");
        sent(DropReason.VXLAN_NO_REMOTE, node, "10.244.3.2");
    }

    private void put(final DropReason reason, final Node node, final Cause cause) {
        cases.put(reason, new Case(node, 1, cause));
    }

    private void sent(final DropReason reason, final Node node, final String destination) {
        put(reason, node, invoked -> invoked.give(packet(POD, destination).bytes()));
    }

    /** The kernel makes no such superframe: the pods' device gives one all the same. */
    private void superframes(final Node node) {
        put(
                DropReason.GSO_INVALID,
                node,
                invoked -> invoked.give(5, 0, packet(POD, PEER_POD).bytes()));
        cases.put(
                DropReason.GSO_HEADERS_TOO_LONG,
                new Case(
                        node,
                        5,
                        invoked -> invoked.give(
                                5, 100, CraftedPacket.withLongHeaders().bytes())));
    }

    /** The sending socket fails, or takes nothing. */
    private void refusedSends(final Node node) {
        refused(DropReason.UNDERLAY_BUSY, node, Errno.ENOBUFS);
        refused(DropReason.UNDERLAY_UNREACHABLE, node, Errno.ENETUNREACH);
        refused(DropReason.UNDERLAY_REFUSED, node, Errno.EPERM);
        refused(DropReason.UNDERLAY_ERROR, node, Errno.EIO);
        cases.put(DropReason.FQ_FLOW_LIMIT, new Case(node, 0, invoked -> {
            invoked.sendPort().room(0);
            flood(invoked, DropReason.FQ_FLOW_LIMIT, 0);
        }));
        cases.put(DropReason.QDISC_CONGESTED, new Case(node, 0, invoked -> {
            invoked.sendPort().room(0);
            for (int i = 0; i < WAITING; i++) {
                invoked.give(packet(POD, PEER_POD, LONG).bytes());
                invoked.invoke();
            }
            flood(invoked, DropReason.QDISC_CONGESTED, 1);
        }));
    }

    /** A pod sends until packets are dropped; for each of its packets the sending socket takes so many. */
    private static void flood(final InvokedNode node, final DropReason reason, final int room) {
        final NodeCounters counters = node.counters();
        final long before = counters.drops(reason);
        Await.until(counters::toString, Await.TIMEOUT_MS, () -> {
            node.give(packet(POD, PEER_POD, LONG).bytes());
            node.sendPort().room(room);
            node.invoke();
            return counters.drops(reason) > before;
        });
        node.sendPort().room(Integer.MAX_VALUE);
        Await.until(counters::toString, Await.TIMEOUT_MS, () -> {
            node.invoke();
            return 0 == counters.egressImbalance();
        });
    }

    private void refused(final DropReason reason, final Node node, final int errno) {
        put(reason, node, invoked -> {
            invoked.sendPort().failSend(errno);
            invoked.give(packet(POD, PEER_POD).bytes());
        });
    }

    private static byte[] datagram() {
        return InvokedNode.encapsulate(packet(PEER_POD, POD).bytes());
    }

    /** Overwrites bytes of a good datagram. */
    private void changed(final DropReason reason, final Node node, final int offset, final int... values) {
        final byte[] datagram = datagram();
        for (int i = 0; i < values.length; i++) {
            datagram[offset + i] = (byte) values[i];
        }
        put(reason, node, invoked -> invoked.sendDatagramFromPeer(datagram));
    }

    /** Datagrams that are no good ones. */
    private void headers(final Node node) {
        put(DropReason.PKT_TOO_SMALL, node, invoked -> invoked.sendDatagramFromPeer(new byte[5]));
        changed(DropReason.VXLAN_INVALID_HDR, node, VxlanDatagram.FLAGS_OFFSET, 0);
        changed(DropReason.VXLAN_VNI_NOT_FOUND, node, VxlanDatagram.VNI_OFFSET, 0, 0, 2);
        changed(DropReason.OTHERHOST, node, VxlanDatagram.DESTINATION_OFFSET, 2, 0, 0, 0, 0, 9);
        changed(DropReason.MAC_INVALID_SOURCE, node, VxlanDatagram.SOURCE_OFFSET, 0, 0, 0, 0, 0, 0);
        changed(DropReason.LOCAL_MAC, node, VxlanDatagram.SOURCE_OFFSET, 2, 0, 0, 0, 0, 1);
        changed(DropReason.UNHANDLED_PROTO, node, VxlanDatagram.TYPE_OFFSET, 8, 6);
        changed(DropReason.IP_CSUM, node, VxlanDatagram.IP_OFFSET + 10, 0x12, 0x34);
        put(DropReason.INNER_IP_INHDR, node, invoked -> invoked.sendDatagramFromPeer(Arrays.copyOf(datagram(), 60)));
        put(DropReason.IP_TUNNEL_ECN, node, invoked -> {
            invoked.outerTos(3);
            invoked.sendDatagramFromPeer(datagram());
            invoked.outerTos(0);
        });
        put(DropReason.DATAGRAM_TRUNCATED, node, invoked -> {
            invoked.receivePort().truncateNext();
            invoked.sendDatagramFromPeer(datagram());
        });
    }

    /** The pods' device fails. */
    private void refusedWrites(final Node node) {
        unwritten(DropReason.HOST_DOWN, node, Errno.EIO);
        unwritten(DropReason.HOST_REFUSED, node, Errno.EINVAL);
        unwritten(DropReason.HOST_ERROR, node, Errno.ENOBUFS);
        unwritten(DropReason.PKT_TOO_BIG, node, Errno.EMSGSIZE);
    }

    private void unwritten(final DropReason reason, final Node node, final int errno) {
        put(reason, node, invoked -> {
            invoked.host().failWrite(errno);
            invoked.sendDatagramFromPeer(datagram());
        });
    }

    /** Packets that the peer may not send, or that are not for this node. */
    private void policies(final Node node) {
        came(DropReason.IP_LOCAL_SOURCE, node, "192.168.100.1", POD);
        came(DropReason.IP_INVALID_SOURCE, node, "224.0.0.5", POD);
        came(DropReason.IP_LOCALNET, node, "127.0.0.7", POD);
        came(DropReason.OWN_SUBNET_SOURCE, node, "10.244.0.9", POD);
        came(DropReason.OTHER_NODES_SOURCE, node, "10.244.5.9", POD);
        came(DropReason.UNANNOUNCED_SOURCE, node, "203.0.113.9", POD);
        came(DropReason.FOREIGN_DESTINATION, node, PEER_POD, "10.244.9.9");
    }

    /** Whoever is no node, and an address that no node has. */
    private void senders(final Node node, final DatagramSocket stranger) {
        final IngressPolicy nobody = new IngressPolicy.Builder(IngressPolicy.Sources.KNOWN).build();
        put(DropReason.UNKNOWN_SENDER, node, invoked -> {
            invoked.ingressPolicy(nobody);
            stranger.send(new DatagramPacket(datagram(), datagram().length, PodTun.inet(LOOPBACK), invoked.port()));
        });
        put(DropReason.OUTER_INVALID_SOURCE, node, invoked -> {
            invoked.ingressPolicy(nobody);
            invoked.sendDatagramFromPeer(datagram());
        });
    }

    private void came(final DropReason reason, final Node node, final String source, final String destination) {
        put(reason, node, invoked -> {
            invoked.ingressPolicy(new IngressPolicy.Builder(IngressPolicy.Sources.STRICT)
                    .node(List.of(IpAddress.parse(LOOPBACK)), List.of(IpPrefix.parse("10.244.1.0/24")))
                    .node(List.of(IpAddress.parse("192.168.100.5")), List.of(IpPrefix.parse("10.244.5.0/24")))
                    .ownSubnet(IpPrefix.parse("10.244.0.0/24"))
                    .ownAddress(IpPrefix.parse("192.168.100.1/32"))
                    .build());
            invoked.sendFromPeer(packet(source, destination).bytes());
        });
    }

    /** A tunnel that counts as a hop: of flannel's udp backend. */
    private void bareIp(final Node node) {
        put(
                DropReason.TTL_EXPIRED,
                node,
                invoked -> invoked.give(packet(POD, PEER_POD).ttl(1).bytes()));
        put(
                DropReason.INNER_TTL_EXPIRED,
                node,
                invoked -> invoked.sendFromPeer(packet(PEER_POD, POD).ttl(1).bytes()));
    }

    /** What a packet socket sees before the host's UDP drops it. */
    private void packetSocket(final Node node, final RawSocket raw) {
        put(
                DropReason.UDP_CSUM,
                node,
                invoked -> send(
                        raw,
                        outer(invoked).checksum(CraftedPacket.Checksum.WRONG).bytes()));
        put(DropReason.OUTER_HEADER, node, invoked -> {
            final byte[] packet = outer(invoked).bytes();
            ByteBuffer.wrap(packet).putShort(IPV4_LENGTH + UDP_LENGTH_OFFSET, (short) packet.length);
            send(raw, packet);
        });
    }

    /** What weft puts together itself. */
    private void fragments(final Node node, final RawSocket raw) {
        put(DropReason.FRAG_INVALID, node, invoked -> send(raw, fragment(invoked.port(), 1, TOO_FAR)));
        put(DropReason.FRAG_NO_ROOM, node, invoked -> {
            for (int i = 0; i <= FRAGMENTED_MAX; i++) {
                send(raw, fragment(invoked.port(), 1000 + i, 0));
                invoked.invoke();
            }
        });
        // Nothing is said of it before another fragment comes, as of another port.
        cases.put(DropReason.FRAG_REASM_TIMEOUT, new Case(node, 0, invoked -> {
            send(raw, fragment(invoked.port(), 2, 0));
            Await.until(() -> invoked.counters().toString(), Await.TIMEOUT_MS, () -> {
                send(raw, fragment(invoked.port() + 1, 3, 0));
                invoked.invoke();
                return invoked.counters().drops(DropReason.FRAG_REASM_TIMEOUT) > 0;
            });
        }));
    }

    /** Behind which others are to come. */
    private static byte[] fragment(final int port, final int id, final int offset) {
        final byte[] loopback = PodTun.inet(LOOPBACK_V6).getAddress();
        return ByteBuffer.allocate(IPV6_LENGTH + FRAGMENT_HEADER_LENGTH + FRAGMENT_LENGTH)
                .putInt(0x6000_0000)
                .putShort((short) (FRAGMENT_HEADER_LENGTH + FRAGMENT_LENGTH))
                .putShort((short) (IPV6_FRAGMENT << 8 | 64))
                .put(loopback)
                .put(loopback)
                .putShort((short) (UDP << 8))
                .putShort((short) (offset | 1))
                .putInt(id)
                .putShort((short) 40_000)
                .putShort((short) port)
                .array();
    }

    private static CraftedPacket outer(final InvokedNode node) {
        return CraftedPacket.udp(PodTun.inet(LOOPBACK), PodTun.inet(LOOPBACK), 40_000, node.port(), datagram());
    }

    private static void send(final RawSocket raw, final byte[] packet) {
        final UnsafeBuffer buffer = new UnsafeBuffer(BufferUtil.allocateDirectAligned(packet.length, 64));
        buffer.putBytes(0, packet);
        assertTrue(raw.send(buffer.addressOffset(), packet.length) > 0);
    }

    @ParameterizedTest
    @EnumSource
    void shouldShowTheSameNumberInEachPlace(final DropReason reason) throws Exception {
        final @Nullable Case each = cases.get(reason);
        assertNotNull(each, () -> "make packets be dropped for " + reason + " here");
        final Node node = each.node;
        final long captured = node.captured(reason);
        final long shown = node.shown(reason);
        final long measured = node.measured(reason);
        each.cause.on(node.invoked);
        Await.until(() -> reason + ": " + node.invoked.counters(), Await.TIMEOUT_MS, () -> {
            node.invoked.invoke();
            return node.invoked.counters().drops(reason) > measured;
        });
        node.invoked.ingressPolicy(ANYTHING);
        final long dropped = node.invoked.counters().drops(reason) - measured;
        assertTrue(each.packets == dropped || 0 == each.packets, () -> dropped + " packets were dropped");
        assertEquals(dropped, node.shown(reason) - shown, "weft show drops");
        assertEquals(dropped, node.measured(reason) - measured, "metrics");
        assertEquals(dropped, node.captured(reason) - captured, "capture");
    }
}
