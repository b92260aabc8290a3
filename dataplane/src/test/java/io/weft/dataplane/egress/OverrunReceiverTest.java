/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static java.nio.ByteOrder.BIG_ENDIAN;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.dataplane.agent.Backlog;
import io.weft.dataplane.agent.Doorbell;
import io.weft.dataplane.capture.Captures;
import io.weft.dataplane.capture.Tap;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.dataplane.testing.NodeCounters;
import io.weft.dataplane.testing.PodTun;
import io.weft.dataplane.testing.ScriptedHost;
import io.weft.dataplane.tunnel.PodPathMtu;
import io.weft.dataplane.tunnel.Tunnel;
import io.weft.dataplane.underlay.UnansweredPeers;
import io.weft.linux.testing.CloseAll;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingTables;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.agrona.concurrent.status.CountersManager;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The host hands over more than is sent: a burst is taken as it is, and of a flood no more than its share. */
class OverrunReceiverTest {
    private static final int RING_LENGTH = 0x200000;
    private static final int RING_FRAMES = 1024;
    private static final int VNET_LENGTH = 10;
    private static final int FLOOD_PORT = 1;
    private static final int SPARSE_PORT = 3;
    private static final int TCP_ACK = 0x10;
    private static final int PORT_OFFSET = 20;
    private static final int NUMBER_OFFSET = 20 + 8;
    private static final MacAddress PEER_MAC = new MacAddress(2);

    private final CloseAll resources = new CloseAll();
    private final CountersManager manager = NodeCounters.newManager();
    private final NodeCounters counters = new NodeCounters(manager);
    private final ScriptedHost host = new ScriptedHost();
    private final EgressMemory memory = resources.add(new EgressMemory(RING_LENGTH, RING_LENGTH));
    private final EgressRing ring = new EgressRing(memory, RING_FRAMES);
    private long nowNs;
    private final Backlog backlog = new Backlog(() -> nowNs, null);
    private final EgressReceiver receiver = receiver();
    private final List<Integer> flood = new ArrayList<>();
    private final List<Integer> sparse = new ArrayList<>();

    @AfterEach
    void tearDown() {
        resources.close();
    }

    private EgressReceiver receiver() {
        final RoutingTables routing =
                resources.add(new RoutingTables(new RoutingContext().vni(1).vtepMac(new MacAddress(1))));
        final InetAddress gateway = PodTun.inet("10.244.1.0");
        routing.addRoute(IpPrefix.parse("10.244.1.0/24"), gateway);
        routing.addNeighbour(gateway, PEER_MAC);
        routing.addFdb(PEER_MAC, PodTun.inet("192.0.2.1"));
        routing.publish();
        return new EgressReceiver(
                host,
                ring,
                new FairQueue(memory, 1),
                Tunnel.of(routing.context()),
                routing.newReader(),
                new UnreachableNotifier(null, 0, null, () -> 0),
                new PodPathMtu(() -> nowNs),
                new UnansweredPeers(1),
                backlog,
                new WorkerCounters(manager, 0),
                new Tap(new Captures(), 0),
                resources.add(new Doorbell()),
                0);
    }

    private void give(final int port, final int from, final int to) {
        for (int i = from; i < to; i++) {
            final byte[] payload = ByteBuffer.allocate(100).putInt(i).array();
            give(CraftedPacket.udp(InvokedNode.POD, InvokedNode.PEER_POD, port, 2, payload));
        }
    }

    private void give(final CraftedPacket packet) {
        final byte[] bytes = packet.bytes();
        host.give(ByteBuffer.allocate(VNET_LENGTH + bytes.length)
                .put(VNET_LENGTH, bytes)
                .array());
    }

    /** One duty cycle of the receiver, after which what it took is sent. Returns how many frames that were. */
    private int cycle() {
        receiver.doWork();
        int count = 0;
        EgressFrame last = null;
        for (EgressFrame frame = ring.poll(); null != frame; frame = ring.poll()) {
            final int number = ring.arena().getInt(frame.ipOffset + NUMBER_OFFSET, BIG_ENDIAN);
            final int port = ring.arena().getShort(frame.ipOffset + PORT_OFFSET, BIG_ENDIAN);
            (FLOOD_PORT == port ? flood : sparse).add(number);
            last = frame;
            count++;
        }
        if (null != last) {
            ring.release(last);
        }
        return count;
    }

    private static List<Integer> upTo(final int count) {
        return IntStream.range(0, count).boxed().toList();
    }

    @Test
    void shouldTakeALongBurstWhole() {
        give(FLOOD_PORT, 0, 5_000);
        while (flood.size() < 5_000) {
            assertTrue(cycle() > 0, counters::toString);
        }
        assertEquals(upTo(5_000), flood);
        assertEquals(Map.of(), counters.drops());
    }

    /** What stands no longer than the ring holds is no flood. */
    @Test
    void shouldReadAllAtOnceAndDropNothingWhenALittleStandsForLong() {
        give(FLOOD_PORT, 0, 500);
        cycle();
        nowNs += TimeUnit.MILLISECONDS.toNanos(5);
        cycle();
        assertTrue(flood.size() < 200, () -> flood.size() + " were read at once");
        cycle();
        assertEquals(upTo(500), flood);
        assertEquals(Map.of(), counters.drops());
    }

    @Test
    void shouldDropFromWhoFloodsWhenManyStandForLong() {
        int given = 0;
        for (int round = 0; round < 50; round++) {
            give(FLOOD_PORT, given, given + 1_200);
            give(SPARSE_PORT, round, round + 1);
            given += 1_200;
            nowNs += TimeUnit.MILLISECONDS.toNanos(1);
            cycle();
        }
        nowNs += TimeUnit.MILLISECONDS.toNanos(1);
        while (cycle() > 0) {
            nowNs += TimeUnit.MILLISECONDS.toNanos(1);
        }
        assertEquals(upTo(50), sparse, "nothing of the other flow is dropped");
        final long dropped = counters.drops(DropReason.FQ_FLOW_LIMIT);
        assertEquals(Map.of(DropReason.FQ_FLOW_LIMIT, dropped), counters.drops());
        assertTrue(dropped > given / 10, () -> dropped + " dropped");
        assertEquals(given, flood.size() + dropped);
        assertEquals(flood.stream().sorted().toList(), flood, "what is left is in order");
        assertEquals(given + 50, counters.of(DataPlaneCounter.EGRESS_RECEIVED_PACKETS));
    }

    /** Its sender waits for its receiver, and loses a round trip with what is dropped. */
    @Test
    void shouldDropLittleOfAStreamThatIsAlone() {
        final long given = streams(1);
        final long dropped = counters.drops(DropReason.FQ_FLOW_LIMIT);
        assertTrue(dropped > 0 && dropped < given / 8, () -> dropped + " dropped");
    }

    /** They would fill the host's queue, which then drops what it has no room for, whoever it is from. */
    @Test
    void shouldDropFromStreamsThatCompete() {
        final long given = streams(2);
        final long dropped = counters.drops(DropReason.FQ_FLOW_LIMIT);
        assertTrue(dropped > given / 4, () -> dropped + " dropped");
    }

    /** Gives more than is read, and a little of another flow beside it. Returns how many packets of the streams were given. */
    private long streams(final int count) {
        final int eachRound = 700;
        final int rounds = 50;
        for (int round = 0; round < rounds; round++) {
            for (int i = 0; i < eachRound; i++) {
                final int port = 0 == i % count ? FLOOD_PORT : FLOOD_PORT + 100 * (i % count);
                give(CraftedPacket.tcp(
                        InvokedNode.POD, InvokedNode.PEER_POD, port, 2, i, TCP_ACK, new byte[0], new byte[100]));
            }
            give(SPARSE_PORT, round, round + 1);
            nowNs += TimeUnit.MILLISECONDS.toNanos(1);
            cycle();
        }
        nowNs += TimeUnit.MILLISECONDS.toNanos(1);
        while (cycle() > 0) {
            nowNs += TimeUnit.MILLISECONDS.toNanos(1);
        }
        assertTrue(sparse.containsAll(upTo(rounds)), "nothing of the other flow is dropped");
        final long given = (long) eachRound * rounds;
        assertEquals(given + rounds, flood.size() + sparse.size() + counters.drops(DropReason.FQ_FLOW_LIMIT));
        return given;
    }

    @Test
    void shouldCallItUrgentWhenDatagramsAreNotReadInTime() {
        give(FLOOD_PORT, 0, 2_000);
        while (!backlog.isUrgent()) {
            assertTrue(cycle() > 0, "all is read");
        }
        assertEquals(Map.of(), counters.drops());
    }

    @Test
    void shouldNotCallItUrgentWhenReceiversHoldSendersBack() {
        for (int i = 0; i < 2_000; i++) {
            give(CraftedPacket.tcp(
                    InvokedNode.POD, InvokedNode.PEER_POD, FLOOD_PORT, 2, i, TCP_ACK, new byte[0], new byte[100]));
        }
        int read = 0;
        while (read < 2_000) {
            final int taken = cycle();
            assertTrue(taken > 0, counters::toString);
            assertFalse(backlog.isUrgent());
            read += taken;
        }
    }
}
