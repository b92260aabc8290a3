/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.MacAddress;
import io.weft.dataplane.agent.Backlog;
import io.weft.dataplane.agent.Doorbell;
import io.weft.dataplane.capture.Captures;
import io.weft.dataplane.capture.Tap;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.testing.NodeCounters;
import io.weft.dataplane.testing.ScriptedHost;
import io.weft.dataplane.tunnel.PodPathMtu;
import io.weft.dataplane.tunnel.Tunnel;
import io.weft.dataplane.underlay.UnansweredPeers;
import io.weft.linux.testing.CloseAll;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingTables;
import java.util.Objects;
import org.agrona.concurrent.SystemNanoClock;
import org.junit.jupiter.api.Test;

/**
 * An agent that waits for another to make room is told of it by the doorbell. If the room was made before the agent
 * said that it waits, nobody rings any more: it must see for itself, or it sleeps while packets wait.
 */
class EgressWakeUpTest {
    @Test
    void shouldSeeWorkWhenTheEgressSenderMadeRoomBeforeTheReceiverWaits() throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final WorkerCounters counters = new WorkerCounters(NodeCounters.newManager(), 0);
            final Doorbell doorbell = resources.add(new Doorbell());
            final RoutingTables routing =
                    resources.add(new RoutingTables(new RoutingContext().vni(1).vtepMac(new MacAddress(1))));
            final ScriptedHost host = new ScriptedHost();
            final EgressMemory memory = resources.add(new EgressMemory(0x100000, 0x100000));
            final EgressRing ring = new EgressRing(memory, 256);
            final EgressReceiver receiver = new EgressReceiver(
                    host,
                    ring,
                    new FairQueue(memory, 1),
                    Tunnel.of(routing.context()),
                    routing.newReader(),
                    new UnreachableNotifier(null, 0, null, () -> 0),
                    new PodPathMtu(SystemNanoClock.INSTANCE),
                    new UnansweredPeers(1),
                    new Backlog(SystemNanoClock.INSTANCE, null),
                    counters,
                    new Tap(new Captures(), 0),
                    doorbell,
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
                    inFlight, counters.of(DataPlaneCounter.EGRESS_QUEUE_FRAMES).get());
            assertEquals(1, counters.of(DataPlaneCounter.EGRESS_QUEUE_FULL).get());
            EgressFrame last = ring.poll();
            for (EgressFrame frame = last; null != frame; frame = ring.poll()) {
                last = frame;
            }
            ring.release(Objects.requireNonNull(last));
            assertTrue(receiver.hasWork(), "the ring is empty");
            receiver.doWork();
            assertEquals(0, counters.of(DataPlaneCounter.EGRESS_QUEUE_FRAMES).get());
            assertEquals(
                    inFlight, counters.of(DataPlaneCounter.EGRESS_QUEUE_PEAK).get());
            assertEquals(1, counters.of(DataPlaneCounter.EGRESS_QUEUE_FULL).get());
        }
    }
}
