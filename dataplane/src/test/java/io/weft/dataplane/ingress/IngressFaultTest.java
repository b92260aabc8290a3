/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.address.MacAddress;
import io.weft.dataplane.agent.Backlog;
import io.weft.dataplane.agent.CommandQueue;
import io.weft.dataplane.agent.Doorbell;
import io.weft.dataplane.capture.Captures;
import io.weft.dataplane.capture.Tap;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.dataplane.testing.NodeCounters;
import io.weft.dataplane.tunnel.PodPathMtu;
import io.weft.dataplane.tunnel.Tunnel;
import io.weft.dataplane.underlay.UnansweredPeers;
import io.weft.encap.FrameHeader;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.routing.RewriteBlock;
import io.weft.routing.RoutingContext;
import io.weft.routing.RoutingTables;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.agrona.concurrent.SystemNanoClock;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The runner of an agent goes on after an exception, so that the agent must not meet its cause again and again. */
class IngressFaultTest {
    private static final MacAddress MAC = MacAddress.parse("02:00:00:00:00:01");
    /** On the loopback this node is its own peer. */
    private static final IngressPolicy POLICY = new IngressPolicy.Builder(IngressPolicy.Sources.ANY)
            .node(List.of(IpAddress.parse("127.0.0.1")), List.of())
            .build();

    private static final int PACKETS = 3;

    private int faults;
    private int frames;

    /** Tells of the first message that it lies beyond the memory. */
    private static final class FaultyReceiver implements UnderlayReceiver {
        private final UnderlayReceiver receiver;
        private final int beyond;
        private boolean isFirst = true;

        FaultyReceiver(final UnderlayReceiver receiver, final int beyond) {
            this.receiver = receiver;
            this.beyond = beyond;
        }

        @Override
        public int fd() {
            return receiver.fd();
        }

        @Override
        public int secondFd() {
            return receiver.secondFd();
        }

        @Override
        public int receive(final int firstSlot, final int count) {
            return receiver.receive(firstSlot, count);
        }

        @Override
        public void read(final int slot, final ReceivedMessage message) {
            receiver.read(slot, message);
            if (isFirst) {
                isFirst = false;
                message.offset = beyond;
            }
        }
    }

    private static byte[] packet(final int fromPort) {
        return CraftedPacket.udp(InvokedNode.PEER_POD, InvokedNode.POD, fromPort, 2, new byte[8])
                .bytes();
    }

    private boolean hasAll(final IngressReceiver receiver, final IngressRing ring) {
        try {
            receiver.doWork();
        } catch (final IndexOutOfBoundsException expected) {
            faults++;
            assertEquals(1, faults, "the others have their turn");
        }
        @Nullable IngressFrame frame = ring.poll();
        while (null != frame) {
            frames++;
            ring.release(frame);
            frame = ring.poll();
        }
        return PACKETS - 1 == frames;
    }

    @Test
    void shouldGoOnBehindAMessageThatFails() throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final WorkerCounters counters = new WorkerCounters(NodeCounters.newManager(), 0);
            final Doorbell doorbell = resources.add(new Doorbell());
            final RoutingTables routing =
                    resources.add(new RoutingTables(new RoutingContext().vni(1).vtepMac(MAC)));
            final IngressRing ring =
                    new IngressRing(16, 16, FrameHeader.ofPackets(), true, RewriteBlock.TUNNEL_HEADER_LENGTH);
            final InvokedNode sockets = resources.add(new InvokedNode(1));
            final IngressReceiver receiver = new IngressReceiver(
                    new FaultyReceiver(
                            new DatagramReceiver(sockets.receivePort(), ring),
                            ring.arena().capacity()),
                    ring,
                    Tunnel.of(routing.context()),
                    new IngressCheck(new AtomicReference<>(POLICY), new UnansweredPeers(1), counters),
                    1450,
                    new PodPathMtu(SystemNanoClock.INSTANCE),
                    new Backlog(SystemNanoClock.INSTANCE, null),
                    new CommandQueue(doorbell),
                    counters,
                    new Tap(new Captures(), 0),
                    doorbell,
                    0);
            for (int i = 0; i < PACKETS; i++) {
                sockets.sendFromPeer(packet(1 + i));
            }
            Await.until(
                    () -> frames + " frames, " + faults + " faults", Await.TIMEOUT_MS, () -> hasAll(receiver, ring));
            assertEquals(1, faults);
            assertTrue(receiver.wantsInput(), "nothing is left of the batch");
        }
    }
}
