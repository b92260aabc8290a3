/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.PodTun;
import io.weft.dataplane.testing.StaticNode;
import io.weft.dataplane.testing.UnderlayPort;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** By which way packets leave a node with a packet socket, and that nothing is lost or overtaken when the way changes. */
@RequiresRoot
class PacketTransmissionTest {
    private static final int TIMEOUT_MS = Await.TIMEOUT_MS;
    private static final int LAST_PORT = 60_000;
    private static final int PORT_OFFSET = 20 + 2;
    private static final int MSS = 1_300;

    private final CloseAll resources = new CloseAll();
    private final Topology topology = resources.add(Topology.twoNodes());
    private final Topology.Node a = topology.node(0);
    private final Topology.Node b = topology.node(1);
    private StaticNode node;
    private StaticNode peer;
    private PodTun from;
    private PodTun to;

    @BeforeEach
    void setUp() throws Exception {
        final String neighbours = "net/ipv4/neigh/" + a.underlayDevice() + "/";
        Map.of(
                        "base_reachable_time_ms", 1_000,
                        "interval_probe_time_ms", 1_000,
                        "delay_first_probe_time", 1,
                        "retrans_time_ms", 200,
                        "ucast_solicit", 1)
                .forEach((setting, value) -> a.namespace().sysctl(neighbours + setting, value));
        final StaticNode.Options options = UnderlayPort.PACKET.options();
        options.threadingMode = ThreadingMode.INVOKER;
        node = resources.add(StaticNode.start(topology, a, options));
        peer = resources.add(StaticNode.start(topology, b, UnderlayPort.PACKET.options()));
        from = resources.add(new PodTun(a));
        to = resources.add(new PodTun(b));
    }

    @AfterEach
    void tearDown() {
        resources.close();
    }

    private long byPacket() {
        return node.counters().of(DataPlaneCounter.EGRESS_PACKET_MESSAGES);
    }

    private long messages() {
        return node.counters().of(DataPlaneCounter.EGRESS_MESSAGES);
    }

    /** Sends packets of one flow, told apart by the first byte behind their headers, and one of another flow at the end. */
    private void send(final int... lengths) {
        for (int i = 0; i < lengths.length; i++) {
            final byte[] payload = CraftedPacket.payload(lengths[i], i);
            payload[0] = (byte) i;
            from.send(CraftedPacket.udp(from.address(), to.address(), 1, 2, payload)
                    .bytes());
        }
        invokeAll();
    }

    /** The whole of what waits is one batch: nothing is read in between. */
    private void invokeAll() {
        Await.until(
                () -> "all packets are sent: " + node.counters(),
                TIMEOUT_MS,
                () -> 0 == node.dataPlane().invoke());
    }

    private List<Integer> received(final int count) {
        from.send(CraftedPacket.udp(from.address(), to.address(), 1, LAST_PORT, new byte[] {1})
                .bytes());
        invokeAll();
        final List<byte[]> packets = to.receiveUntil(
                packet -> packet.length > PORT_OFFSET + 1
                        && LAST_PORT == ((packet[PORT_OFFSET] & 0xFF) << Byte.SIZE | (packet[PORT_OFFSET + 1] & 0xFF)),
                TIMEOUT_MS);
        final List<Integer> first = new ArrayList<>();
        packets.stream()
                .filter(packet -> 2 == packet[PORT_OFFSET + 1])
                .forEach(packet -> first.add((int) packet[20 + 8]));
        assertEquals(count, first.size(), first::toString);
        return first;
    }

    private static List<Integer> inOrder(final int count) {
        return IntStream.range(0, count).boxed().toList();
    }

    /** The peer does not ask for this node's address, so that nobody hears of its new one before the kernel asks. */
    @Test
    void shouldFollowANextHopThatHasAnotherMacAddressWithoutSayingSo() {
        b.namespace().ip("link", "set", b.underlayDevice(), "address", "02:aa:00:00:00:77");
        final String mac = a.namespace()
                .exec("cat", "/sys/class/net/" + a.underlayDevice() + "/address")
                .trim();
        b.namespace()
                .ip(
                        "neigh",
                        "replace",
                        a.underlayAddress(),
                        "lladdr",
                        mac,
                        "dev",
                        b.underlayDevice(),
                        "nud",
                        "permanent");
        final long before = peer.counters().of(DataPlaneCounter.INGRESS_RECEIVED_PACKETS);
        Await.until(() -> "a packet reaches the peer: " + peer.counters(), TIMEOUT_MS, () -> {
            node.lookAtNextHops();
            send(10);
            return peer.counters().of(DataPlaneCounter.INGRESS_RECEIVED_PACKETS) > before;
        });
        node.awaitNextHops();
        final long packets = byPacket();
        final long all = messages();
        send(10);
        assertEquals(1, byPacket() - packets);
        assertEquals(1, messages() - all);
    }

    @Test
    void shouldLoseNothingWhileTheNextHopIsUnknown() {
        a.namespace().ip("neigh", "flush", "dev", a.underlayDevice());
        a.namespace()
                .ip("link", "set", a.underlayDevice(), "arp", "off", "arp", "on"); // forgets even those that are kept
        final long before = byPacket();
        assertEquals(0, node.lookAtNextHops().size());
        send(1, 2, 3);
        assertEquals(before, byPacket());
        node.awaitNextHops();
        send(1);
        assertEquals(before + 1, byPacket());
        assertEquals(List.of(0, 1, 2, 0), received(4));
    }

    @Test
    void shouldSendByUdpWhatLeavesByAnotherInterface() {
        a.namespace().vethTo("other0", b.namespace(), "other1", topology.mtu());
        a.namespace().ip("addr", "add", "192.168.101.1/24", "dev", "other0");
        b.namespace().ip("addr", "add", "192.168.101.2/24", "dev", "other1");
        for (final String device : List.of("all", "other1")) {
            b.namespace().sysctl("net/ipv4/conf/" + device + "/rp_filter", 0);
        }
        a.namespace().ip("route", "add", b.underlayAddress() + "/32", "via", "192.168.101.2", "dev", "other0");
        final long before = byPacket();
        assertEquals(0, node.lookAtNextHops().size());
        send(1, 2, 3);
        assertEquals(inOrder(3), received(3));
        assertEquals(before, byPacket());

        a.namespace().ip("route", "delete", b.underlayAddress() + "/32");
        node.awaitNextHops();
        send(1, 2, 3);
        assertEquals(inOrder(3), received(3));
        assertTrue(byPacket() > before);
    }

    @Test
    void shouldKeepOrderWhenThePathIsTooNarrowForSome() {
        a.namespace()
                .ip(
                        "route",
                        "replace",
                        b.underlayAddress() + "/32",
                        "dev",
                        a.underlayDevice(),
                        "src",
                        a.underlayAddress(),
                        "mtu",
                        "1000");
        node.awaitNextHops();
        final int[] lengths = {10, 1_400, 10, 10, 1_400, 1_400, 922, 923, 500};
        send(lengths);
        assertEquals(inOrder(lengths.length), received(lengths.length));
        UnderlayPort.PACKET.assertSentBothWays(node);
        final byte[] none = {};
        from.sendPartial(
                CraftedPacket.tcp(
                        from.address(),
                        to.address(),
                        3,
                        4,
                        5,
                        CraftedPacket.ACK,
                        none,
                        CraftedPacket.payload(9_000, 1)),
                MSS);
        final long before = byPacket();
        invokeAll();
        assertEquals(before, byPacket(), "no segment of a superframe whose segments are too long");
        node.counters().assertConserved();
    }

    @Test
    void shouldSendByUdpWhatThePacketSocketDoesNotTake() {
        a.namespace().ip("link", "set", a.underlayDevice(), "mtu", "1400"); // and nobody has looked since
        final int[] lengths = {10, 1_398, 1_399, 1_400, 1_401}; // each a message of its own
        send(lengths);
        assertEquals(inOrder(lengths.length), received(lengths.length));
        assertTrue(
                node.counters().of(DataPlaneCounter.EGRESS_PACKET_REFUSALS) > 0,
                () -> node.counters().toString());
        node.counters().assertConserved();
    }
}
