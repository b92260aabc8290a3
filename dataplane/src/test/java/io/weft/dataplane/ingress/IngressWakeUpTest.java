/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.MacAddress;
import io.weft.dataplane.agent.Backlog;
import io.weft.dataplane.agent.CommandQueue;
import io.weft.dataplane.agent.Doorbell;
import io.weft.dataplane.capture.Captures;
import io.weft.dataplane.capture.Tap;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.dataplane.testing.NodeCounters;
import io.weft.dataplane.tunnel.PodPathMtu;
import io.weft.dataplane.tunnel.Tunnel;
import io.weft.dataplane.underlay.UnansweredPeers;
import io.weft.encap.FrameHeader;
import io.weft.linux.testing.CloseAll;
import io.weft.routing.RewriteBlock;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingTables;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;
import org.agrona.concurrent.SystemNanoClock;
import org.junit.jupiter.api.Test;

/**
 * An agent that waits for another to make room is told of it by the doorbell. If the room was made before the agent
 * said that it waits, nobody rings any more: it must see for itself, or it sleeps while packets wait.
 */
class IngressWakeUpTest {
    @Test
    void shouldSeeWorkWhenTheIngressSenderMadeRoomBeforeTheReceiverWaits() throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final WorkerCounters counters = new WorkerCounters(NodeCounters.newManager(), 0);
            final Doorbell doorbell = resources.add(new Doorbell());
            final RoutingTables routing =
                    resources.add(new RoutingTables(new RoutingContext().vni(1).vtepMac(new MacAddress(1))));
            final int slots = 2;
            final IngressRing ring =
                    new IngressRing(slots, 16, FrameHeader.ofPackets(), true, RewriteBlock.TUNNEL_HEADER_LENGTH);
            final InvokedNode sockets = resources.add(new InvokedNode(1));
            final IngressReceiver receiver = new IngressReceiver(
                    new DatagramReceiver(sockets.receivePort(), ring),
                    ring,
                    Tunnel.of(routing.context()),
                    new IngressCheck(new AtomicReference<>(IngressPolicy.ANYTHING), new UnansweredPeers(1), counters),
                    1450,
                    new PodPathMtu(SystemNanoClock.INSTANCE),
                    new Backlog(SystemNanoClock.INSTANCE, null),
                    new CommandQueue(doorbell),
                    counters,
                    new Tap(new Captures(), 0),
                    doorbell,
                    0);
            assertEquals(slots, ring.claimSlots(slots));
            IngressRingTest.begin(ring, ring.claimFrame());
            ring.publish(slots, false);
            receiver.doWork();
            assertFalse(receiver.wantsInput(), "the ring is full");
            assertFalse(receiver.hasWork(), "the ring is full");
            assertEquals(1, counters.of(DataPlaneCounter.INGRESS_QUEUE_FRAMES).get());
            assertEquals(1, counters.of(DataPlaneCounter.INGRESS_QUEUE_FULL).get());
            ring.release(Objects.requireNonNull(ring.poll()));
            assertTrue(receiver.hasWork(), "the ring is empty");
            receiver.doWork();
            assertEquals(0, counters.of(DataPlaneCounter.INGRESS_QUEUE_FRAMES).get());
            assertEquals(1, counters.of(DataPlaneCounter.INGRESS_QUEUE_PEAK).get());
        }
    }
}
