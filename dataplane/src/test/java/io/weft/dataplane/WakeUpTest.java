/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.MacAddress;
import io.weft.linux.testing.CloseAll;
import io.weft.routing.RewriteBlock;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingTables;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/**
 * An agent that waits for another to make room is told of it by the doorbell. If the room was made before the agent
 * said that it waits, nobody rings any more: it must see for itself, or it sleeps while packets wait.
 */
class WakeUpTest {
    @Test
    void shouldSeeWorkWhenTheEgressSenderMadeRoomBeforeTheReceiverWaits() throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final Parts parts = new Parts(resources);
            final ScriptedHost host = new ScriptedHost();
            final EgressRing ring =
                    new EgressRing(DataPlaneContext.EGRESS_RING_LENGTH_DEFAULT, DataPlaneContext.EGRESS_FRAMES_DEFAULT);
            final EgressReceiver receiver = new EgressReceiver(
                    host,
                    ring,
                    Tunnel.of(parts.routing.context()),
                    parts.routing.newReader(),
                    new UnreachableNotifier(0, null, () -> 0),
                    parts.commands,
                    parts.counters,
                    parts.doorbell,
                    0);
            EgressFrame claimed = ring.claim();
            while (null != claimed) {
                ring.publish(claimed, 100);
                claimed = ring.claim();
            }
            receiver.doWork();
            assertFalse(receiver.wantsInput(), "the ring is full");
            assertFalse(receiver.hasWork(), "the ring is full");
            final int inFlight = ring.inFlight();
            assertTrue(inFlight > 0);
            assertEquals(
                    inFlight,
                    parts.counters.of(DataPlaneCounter.EGRESS_QUEUE_FRAMES).get());
            assertEquals(
                    1, parts.counters.of(DataPlaneCounter.EGRESS_QUEUE_FULL).get());
            EgressFrame last = ring.poll();
            for (EgressFrame frame = last; null != frame; frame = ring.poll()) {
                last = frame;
            }
            ring.release(Objects.requireNonNull(last));
            assertTrue(receiver.hasWork(), "the ring is empty");
            receiver.doWork();
            assertEquals(
                    0, parts.counters.of(DataPlaneCounter.EGRESS_QUEUE_FRAMES).get());
            assertEquals(
                    inFlight,
                    parts.counters.of(DataPlaneCounter.EGRESS_QUEUE_PEAK).get());
            assertEquals(
                    1, parts.counters.of(DataPlaneCounter.EGRESS_QUEUE_FULL).get());
        }
    }

    @Test
    void shouldSeeWorkWhenTheIngressSenderMadeRoomBeforeTheReceiverWaits() throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final Parts parts = new Parts(resources);
            final int slots = 2;
            final IngressRing ring = new IngressRing(slots, 16, true, RewriteBlock.TUNNEL_HEADER_LENGTH);
            final InvokedNode sockets = resources.add(new InvokedNode(1));
            final IngressReceiver receiver = new IngressReceiver(
                    sockets.receivePort(),
                    ring,
                    new DataPlaneContext().routing(parts.routing),
                    parts.commands,
                    parts.counters,
                    parts.doorbell,
                    0);
            assertEquals(slots, ring.claimSlots(slots));
            RingTest.begin(ring, Objects.requireNonNull(ring.claimFrame()));
            ring.publish(slots);
            receiver.doWork();
            assertFalse(receiver.wantsInput(), "the ring is full");
            assertFalse(receiver.hasWork(), "the ring is full");
            assertEquals(
                    1, parts.counters.of(DataPlaneCounter.INGRESS_QUEUE_FRAMES).get());
            assertEquals(
                    1, parts.counters.of(DataPlaneCounter.INGRESS_QUEUE_FULL).get());
            ring.release(Objects.requireNonNull(ring.poll()));
            assertTrue(receiver.hasWork(), "the ring is empty");
            receiver.doWork();
            assertEquals(
                    0, parts.counters.of(DataPlaneCounter.INGRESS_QUEUE_FRAMES).get());
            assertEquals(
                    1, parts.counters.of(DataPlaneCounter.INGRESS_QUEUE_PEAK).get());
        }
    }

    private static final class Parts {
        private final Doorbell doorbell;
        private final CommandQueue commands;
        private final WorkerCounters counters;
        private final RoutingTables routing;

        Parts(final CloseAll resources) {
            doorbell = resources.add(new Doorbell());
            commands = new CommandQueue(doorbell);
            counters = new WorkerCounters(RingTest.countersManager(), 0);
            routing =
                    resources.add(new RoutingTables(new RoutingContext().vni(1).vtepMac(new MacAddress(1))));
        }
    }
}
