/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

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
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The underlay carries less than a pod sends, and what is too much is dropped from its flow and no other. */
@RequiresRoot
class ShapedUnderlayTest {
    private static final int TIMEOUT_MS = Await.TIMEOUT_MS;
    private static final int FLOOD_LENGTH = 1_300;
    private static final int BURST = 100;
    private static final int DROPS = 2_000;
    private static final int SPARSE_PORT = 7_777;
    private static final int PORT_OFFSET = 20 + 2;
    private static final int NUMBER_OFFSET = 20 + 8;

    @ParameterizedTest
    @EnumSource(UnderlayPort.class)
    void shouldLoseNothingOfAFlowBesideAFlood(final UnderlayPort port) throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final Topology topology = resources.add(Topology.twoNodes());
            final StaticNode node = resources.add(StaticNode.start(topology, topology.node(0), port.options()));
            resources.add(StaticNode.start(topology, topology.node(1), port.options()));
            final PodTun from = resources.add(new PodTun(topology.node(0)));
            final PodTun to = resources.add(new PodTun(topology.node(1)));
            topology.node(0)
                    .namespace()
                    .exec(("tc qdisc add dev " + topology.node(0).underlayDevice()
                                    + " root tbf rate 20mbit burst 64k limit 64m")
                            .split(" "));
            final byte[] flood = CraftedPacket.udp(
                            from.address(), to.address(), 1, 2, CraftedPacket.payload(FLOOD_LENGTH, 1))
                    .bytes();
            int sparse = 0;
            while (node.counters().drops(DropReason.FQ_FLOW_LIMIT) < DROPS) {
                for (int i = 0; i < BURST; i++) {
                    from.send(flood);
                }
                from.send(sparse(from, to, sparse++));
                final long sent = (BURST + 1L) * sparse;
                Await.until(
                        () -> sent + " packets are read: " + node.counters(),
                        TIMEOUT_MS,
                        () -> node.counters().of(DataPlaneCounter.EGRESS_RECEIVED_PACKETS) >= sent);
            }
            final int last = sparse;
            from.send(sparse(from, to, last));
            final List<Integer> received = to.receiveUntil(packet -> last == number(packet), TIMEOUT_MS).stream()
                    .map(ShapedUnderlayTest::number)
                    .filter(number -> number >= 0)
                    .toList();
            assertEquals(IntStream.range(0, last).boxed().toList(), received);
            node.counters().awaitConserved();
            assertEquals(
                    node.counters().drops(DropReason.FQ_FLOW_LIMIT),
                    node.counters().drops(Direction.EGRESS));
            assertTrue(node.errors().isEmpty());
        }
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
