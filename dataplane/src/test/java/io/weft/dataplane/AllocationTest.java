/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.pod.PodPort;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.PodTun;
import io.weft.dataplane.testing.StaticNode;
import io.weft.dataplane.testing.UnderlayPort;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.routing.Encapsulation;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The data threads allocate nothing for a packet. */
@RequiresRoot
class AllocationTest {
    private static final long WARM_UP_PACKETS = 300_000;
    private static final long PACKETS = 1_000_000;
    private static final int SEGMENT_LENGTH = 200;
    private static final int SEGMENTS = 60;
    private static final int BURST = 20;
    private static final int TIMEOUT_MS = Await.TIMEOUT_MS;

    /** An object of the smallest size for more than one of fifty packets is too much. */
    private static final int PACKETS_PER_OBJECT = 50;

    private static final int OBJECT_LENGTH_MIN = 16;

    private final ThreadMXBean threadBean = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @ParameterizedTest
    @CsvSource({"VXLAN, UDP, TUN", "BARE_IP, UDP, TUN", "VXLAN, PACKET, PACKET"})
    void shouldAllocateNothingWhenAMillionPacketsGoThrough(
            final Encapsulation encapsulation, final UnderlayPort port, final PodPort podPort) throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final Topology topology = resources.add(Topology.twoNodes());
            final StaticNode.Options options = port.options();
            options.encapsulation = encapsulation;
            options.podPort = podPort;
            final StaticNode a = resources.add(StaticNode.start(topology, topology.node(0), options));
            final StaticNode b = resources.add(StaticNode.start(topology, topology.node(1), options));
            final PodTun from = resources.add(new PodTun(topology.node(0)));
            final PodTun to = resources.add(new PodTun(topology.node(1)));
            final long[] threads = Stream.of(a, b)
                    .flatMap(node -> node.dataPlane().dataThreads().stream())
                    .mapToLong(Thread::getId)
                    .toArray();
            sendUntilDelivered(WARM_UP_PACKETS, from, to, a, b);
            final long before = allocated(threads);
            sendUntilDelivered(PACKETS, from, to, a, b);
            final long bytes = allocated(threads) - before;
            final long limit = PACKETS / PACKETS_PER_OBJECT * OBJECT_LENGTH_MIN;
            assertTrue(bytes < limit, () -> bytes + " bytes allocated for " + PACKETS + " packets");
            assertTrue(a.errors().isEmpty() && b.errors().isEmpty());
        }
    }

    private long allocated(final long[] threads) {
        long sum = 0;
        for (final long bytes : threadBean.getThreadAllocatedBytes(threads)) {
            sum += bytes;
        }
        return sum;
    }

    /**
     * Superframes of TCP and UDP, and a single packet after each, in bursts that fit into the queues on the way. Where the
     * receiving node gets no CPU they do not, and what is lost is not counted.
     */
    private static void sendUntilDelivered(
            final long packets, final PodTun from, final PodTun to, final StaticNode node, final StaticNode peer) {
        final byte[] payload = CraftedPacket.payload(SEGMENTS * SEGMENT_LENGTH, 1);
        final byte[] none = {};
        final CraftedPacket udp = CraftedPacket.udp(from.address(), to.address(), 1, 2, payload);
        final CraftedPacket tcp =
                CraftedPacket.tcp(from.address(), to.address(), 3, 4, 5, CraftedPacket.ACK, none, payload);
        final byte[] single = CraftedPacket.udp(
                        from.address(), to.address(), 5, 6, CraftedPacket.payload(SEGMENT_LENGTH, 2))
                .bytes();
        final long end = delivered(peer) + packets;
        while (delivered(peer) < end) {
            final long deliveredBefore = delivered(peer);
            final long forwardedBefore = node.counters().of(DataPlaneCounter.EGRESS_FORWARDED_PACKETS);
            int sent = 0;
            for (final CraftedPacket packet : from.takesUdpSuperframes() ? List.of(udp, tcp) : List.of(tcp, tcp)) {
                for (int i = 0; i < BURST / 2; i++) {
                    from.sendPartial(packet, SEGMENT_LENGTH);
                    from.send(single);
                    sent += SEGMENTS + 1;
                }
            }
            final long expected = forwardedBefore + sent;
            Await.until(
                    () -> expected + " packets forwarded: " + node.counters() + ", delivered: " + peer.counters(),
                    TIMEOUT_MS,
                    () -> node.counters().of(DataPlaneCounter.EGRESS_FORWARDED_PACKETS) >= expected
                            && delivered(peer) > deliveredBefore);
        }
    }

    private static long delivered(final StaticNode node) {
        return node.counters().of(DataPlaneCounter.INGRESS_DELIVERED_PACKETS);
    }
}
