/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.agent.AgentThread;
import io.weft.dataplane.agent.Doorbell;
import io.weft.dataplane.agent.SchedulingRefusals;
import io.weft.dataplane.agent.Urgency;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.IdleAgent;
import io.weft.dataplane.testing.NodeCounters;
import io.weft.dataplane.testing.PodTun;
import io.weft.dataplane.testing.StaticNode;
import io.weft.dataplane.testing.UnderlayPort;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A waiting worker hears other sockets under the descriptors that it waits for. */
@RequiresRoot
class RenewedSocketTest {
    private static final int RENEWALS = 8;
    private static final int PORT_OFFSET = 20 + 2;

    private final CloseAll resources = new CloseAll();
    private final Topology topology = resources.add(Topology.twoNodes());

    @AfterEach
    void tearDown() {
        resources.close();
    }

    private StaticNode start(final Topology.Node node, final UnderlayPort port) throws Exception {
        return resources.add(StaticNode.start(topology, node, port.options()));
    }

    private static void carry(final PodTun from, final PodTun to, final int number) {
        from.send(CraftedPacket.udp(from.address(), to.address(), 1, number, new byte[] {1})
                .bytes());
        to.receiveUntil(
                packet -> packet.length > PORT_OFFSET + 1
                        && number == ((packet[PORT_OFFSET] & 0xFF) << Byte.SIZE | (packet[PORT_OFFSET + 1] & 0xFF)),
                Await.TIMEOUT_MS);
    }

    /**
     * Without the doorbell it would hear them when it looks again by itself, as an idle thread does once a second: another one's looks
     * are counted while packets wait.
     */
    @Test
    void shouldHearRenewedSocketsAtOnceWhileTheWorkerWaits() throws Exception {
        final StaticNode node = start(topology.node(0), UnderlayPort.PACKET);
        start(topology.node(1), UnderlayPort.UDP);
        final PodTun to = resources.add(new PodTun(topology.node(0)));
        final PodTun from = resources.add(new PodTun(topology.node(1)));
        carry(from, to, 1);
        final CountingAgent idle = new CountingAgent();
        final Doorbell neverRung = resources.add(new Doorbell());
        final AgentThread thread = resources.add(new AgentThread(
                "weft-idle",
                List.of(idle),
                neverRung,
                0,
                false,
                new WorkerCounters(NodeCounters.newManager(), 0),
                failure -> {},
                new Urgency(List.of(), List.of(), Urgency.NEVER, SchedulingRefusals.UNTOLD)));
        thread.start();
        int looks = 0;
        for (int i = 0; i < RENEWALS; i++) {
            renewUnderlay();
            final int before = idle.turns.get();
            node.renewPacketSockets();
            carry(from, to, 2 + i);
            looks += idle.turns.get() - before;
        }
        final int counted = looks;
        assertTrue(counted < RENEWALS / 2, () -> "an idle thread has looked " + counted + " times meanwhile");
        assertEquals(
                1 + RENEWALS, node.counters().of(DataPlaneCounter.INGRESS_PACKET_MESSAGES), node.counters()::toString);
        assertTrue(node.errors().isEmpty(), () -> node.errors().toString());
    }

    /** The interface that the node's sockets are bound to is gone, and another one of its name is there. */
    private void renewUnderlay() {
        final Topology.Node a = topology.node(0);
        final Topology.Node b = topology.node(1);
        a.namespace().ip("link", "delete", a.underlayDevice());
        a.namespace().vethTo(a.underlayDevice(), b.namespace(), b.underlayDevice(), topology.mtu());
        a.namespace().ip("address", "add", a.underlayAddress() + "/24", "dev", a.underlayDevice());
        b.namespace().ip("address", "add", b.underlayAddress() + "/24", "dev", b.underlayDevice());
    }

    private static final class CountingAgent extends IdleAgent {
        final AtomicInteger turns = new AtomicInteger();

        @Override
        public int doWork() {
            turns.incrementAndGet();
            return 0;
        }
    }
}
