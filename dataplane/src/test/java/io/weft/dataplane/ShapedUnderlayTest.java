/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.Direction;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.PodTun;
import io.weft.dataplane.testing.StaticNode;
import io.weft.dataplane.testing.UnderlayPort;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The underlay carries less than a pod sends, and what is too much is dropped from its flow and no other. Order is not looked at: whichever
 * processor comes takes packets from a shaper, and a veth pair keeps the order of one processor only.
 */
@RequiresRoot
class ShapedUnderlayTest {
    private static final int TIMEOUT_MS = Await.TIMEOUT_MS;
    private static final int FLOOD_LENGTH = 1_300;
    private static final int BURST = 100;
    private static final int DROPS = 2_000;

    /** As many packets as fq_codel holds of all flows together (net/sched/sch_fq_codel.c, {@code limit}). */
    private static final int LONG_BURST = 10_240;

    private static final int QUIET_MS = 500;
    private static final int SPARSE_PORT = 7_777;
    private static final long INTERVAL_NS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long BURST_INTERVALS = 20;

    /** Why packets of the flood are dropped: how fast it is decides by which of these. */
    private static final Set<DropReason> FOR_WAITING =
            EnumSet.of(DropReason.FQ_FLOW_LIMIT, DropReason.QDISC_CONGESTED, DropReason.UNDERLAY_BUSY);

    private static final int UDP_OFFSET = 20;
    private static final int PORT_OFFSET = UDP_OFFSET + 2;
    private static final int NUMBER_OFFSET = UDP_OFFSET + 8;

    /** Two nodes, of which the first has an underlay that carries little, and a pod on each. */
    private static final class Shaped implements AutoCloseable {
        private final CloseAll resources = new CloseAll();
        private final Topology.Node own;
        private final StaticNode node;
        private final PodTun from;
        private final PodTun to;

        Shaped(final UnderlayPort port) throws Exception {
            final Topology topology = resources.add(Topology.twoNodes());
            own = topology.node(0);
            node = resources.add(StaticNode.start(topology, own, port.options()));
            resources.add(StaticNode.start(topology, topology.node(1), port.options()));
            from = resources.add(new PodTun(own));
            to = resources.add(new PodTun(topology.node(1)));
            shaper("add", "4mbit burst 64k");
        }

        /** What waits leaves at once, and nothing that waits in the device's queue is lost. */
        private void open() {
            shaper("change", "10gbit burst 64m");
        }

        private void shaper(final String action, final String rate) {
            own.namespace()
                    .exec(("tc qdisc " + action + " dev " + own.underlayDevice() + " root tbf rate " + rate
                                    + " limit 64m")
                            .split(" "));
        }

        @Override
        public void close() {
            resources.close();
        }
    }

    @ParameterizedTest
    @EnumSource(UnderlayPort.class)
    void shouldLoseNothingOfAFlowBesideAFlood(final UnderlayPort port) throws Exception {
        try (Shaped shaped = new Shaped(port)) {
            final StaticNode node = shaped.node;
            final PodTun from = shaped.from;
            final PodTun to = shaped.to;
            final byte[] flood = flood(from, to);
            final List<byte[]> received = new ArrayList<>();
            int sparse = 0;
            while (node.counters().drops(Direction.EGRESS) < DROPS) {
                for (int i = 0; i < BURST; i++) {
                    from.send(flood);
                }
                from.send(sparse(from, to, sparse++));
                awaitRead(node, (BURST + 1L) * sparse);
                for (byte[] packet = to.receive(0); packet.length > 0; packet = to.receive(0)) {
                    received.add(packet);
                }
            }
            final int last = sparse;
            from.send(sparse(from, to, last));
            received.addAll(to.receiveUntil(packet -> last == number(packet), TIMEOUT_MS));
            assertTrue(
                    node.counters().egressImbalance() > 0, () -> "it came when no flood was left: " + node.counters());
            assertEquals(
                    IntStream.range(0, last).boxed().toList(),
                    received.stream()
                            .map(ShapedUnderlayTest::number)
                            .filter(number -> number >= 0)
                            .sorted()
                            .toList());
            shaped.open();
            node.counters().awaitConserved();
            assertTrue(
                    FOR_WAITING.containsAll(node.counters().drops().keySet()),
                    () -> node.counters().toString());
            assertTrue(node.errors().isEmpty());
        }
    }

    /** What the underlay cannot carry at once waits; only of a queue that stands for long one packet is lost now and then. */
    @ParameterizedTest
    @EnumSource(UnderlayPort.class)
    void shouldKeepABurstUntilTheUnderlayTakesIt(final UnderlayPort port) throws Exception {
        try (Shaped shaped = new Shaped(port)) {
            final StaticNode node = shaped.node;
            final PodTun from = shaped.from;
            final PodTun to = shaped.to;
            final long beginNs = System.nanoTime();
            for (int number = 0; number < LONG_BURST; number++) {
                from.send(numbered(from, to, number));
                if (0 == number % BURST) {
                    awaitRead(node, number);
                }
            }
            awaitRead(node, LONG_BURST);
            shaped.open();
            final Set<Integer> received = new HashSet<>();
            for (byte[] packet = to.receive(TIMEOUT_MS); packet.length > 0; packet = to.receive(QUIET_MS)) {
                if (FLOOD_LENGTH + NUMBER_OFFSET == packet.length) {
                    final int number = ByteBuffer.wrap(packet).getInt(NUMBER_OFFSET);
                    assertArrayEquals(
                            datagram(numbered(from, to, number)),
                            datagram(packet),
                            "as it was sent, wherever it lay meanwhile");
                    assertTrue(received.add(number), () -> number + " came twice");
                }
            }
            node.counters().awaitConserved();
            final long intervals = (System.nanoTime() - beginNs) / INTERVAL_NS;
            assumeTrue(intervals < BURST_INTERVALS, "on this machine it takes so long that it is no burst");
            final long dropped = node.counters().drops(Direction.EGRESS);
            assertEquals(dropped, node.counters().drops(DropReason.QDISC_CONGESTED));
            // as many as CoDel drops by its control law while a queue stands for so long
            assertTrue(dropped <= intervals * intervals / 4 + intervals + 1, () -> intervals + ": " + node.counters());
            assertTrue(node.errors().isEmpty());
        }
    }

    /** What no router changes. */
    private static byte[] datagram(final byte[] packet) {
        return Arrays.copyOfRange(packet, UDP_OFFSET, packet.length);
    }

    /** A packet that shows its number. */
    private static byte[] numbered(final PodTun from, final PodTun to, final int number) {
        final byte[] payload = CraftedPacket.payload(FLOOD_LENGTH, number);
        ByteBuffer.wrap(payload).putInt(number);
        return CraftedPacket.udp(from.address(), to.address(), 1, 2, payload).bytes();
    }

    private static byte[] flood(final PodTun from, final PodTun to) {
        return CraftedPacket.udp(from.address(), to.address(), 1, 2, CraftedPacket.payload(FLOOD_LENGTH, 1))
                .bytes();
    }

    private static void awaitRead(final StaticNode node, final long packets) {
        Await.until(
                () -> packets + " packets are read: " + node.counters(),
                TIMEOUT_MS,
                () -> node.counters().of(DataPlaneCounter.EGRESS_RECEIVED_PACKETS) >= packets);
    }

    private static byte[] sparse(final PodTun from, final PodTun to, final int number) {
        final byte[] payload = ByteBuffer.allocate(Integer.BYTES).putInt(number).array();
        return CraftedPacket.udp(from.address(), to.address(), 3, SPARSE_PORT, payload)
                .bytes();
    }

    /** Of a packet of the sparse flow; -1 for others. */
    private static int number(final byte[] packet) {
        final ByteBuffer buffer = ByteBuffer.wrap(packet);
        return packet.length == NUMBER_OFFSET + Integer.BYTES && SPARSE_PORT == buffer.getShort(PORT_OFFSET)
                ? buffer.getInt(NUMBER_OFFSET)
                : -1;
    }
}
