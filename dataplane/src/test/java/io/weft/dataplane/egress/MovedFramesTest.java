/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.agent.Doorbell;
import io.weft.dataplane.capture.Captures;
import io.weft.dataplane.capture.Tap;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.dataplane.testing.NodeCounters;
import io.weft.dataplane.testing.PodTun;
import io.weft.dataplane.underlay.UnansweredPeers;
import io.weft.encap.IpPacket;
import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.linux.SocketAddress;
import io.weft.linux.testing.CloseAll;
import java.util.List;
import java.util.Map;
import org.agrona.concurrent.status.CountersManager;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Superframes and datagrams that were joined are sent as they are, wherever they had to lie meanwhile. */
class MovedFramesTest {
    private static final int RING_LENGTH = 0x100000;
    private static final int RING_FRAMES = 256;
    private static final int HELD_LENGTH = 0x40000;
    private static final int SEGMENT_LENGTH = 1_000;
    private static final int MANY = 1_000_000;

    /** A sender with one socket that refuses, by which even flows go, and one that does not. */
    private static final class Node implements AutoCloseable {
        private final CloseAll resources = new CloseAll();
        private final CountersManager manager = NodeCounters.newManager();
        private final NodeCounters counters = new NodeCounters(manager);
        private final RefusingPort first = new RefusingPort();
        private final RefusingPort second = new RefusingPort();
        private final EgressMemory memory = resources.add(new EgressMemory(RING_LENGTH, HELD_LENGTH));
        private final EgressRing ring = new EgressRing(memory, RING_FRAMES);
        private final FairQueue waiting = new FairQueue(memory, 2);
        private final EgressSender sender = new EgressSender(
                ring,
                waiting,
                new UnansweredPeers(1),
                List.of(first, second),
                8,
                null,
                null,
                () -> 0,
                new WorkerCounters(manager, 0),
                new Tap(new Captures(), 0),
                resources.add(new Doorbell()),
                0);

        private void give(final int flow, final CraftedPacket packet, final int gsoSize) {
            final byte[] bytes = packet.bytes();
            final EgressFrame frame = ring.claim();
            assertNotNull(frame, counters::toString);
            ring.arena().putBytes(frame.ipOffset, bytes);
            assertEquals(IpPacket.Fault.NONE, frame.packet.parse(ring.arena(), frame.ipOffset, bytes.length, false));
            frame.sockaddrLength =
                    SocketAddress.put(ring.arena(), frame.ipOffset - EgressFrame.HEADROOM, InvokedNode.PEER_POD, flow);
            frame.flow = flow;
            frame.gsoType = 0 == gsoSize ? VirtioNetHeaderFlyweight.GSO_NONE : VirtioNetHeaderFlyweight.GSO_TCPV4;
            frame.gsoSize = gsoSize;
            frame.needsChecksum = gsoSize > 0;
            frame.checksumStart = frame.ipOffset + packet.transportOffset();
            frame.checksumOffset = frame.ipOffset + packet.checksumOffset();
            ring.publish(frame, bytes.length);
        }

        /** Two superframes, and between them datagrams that are joined. */
        private void giveSome() {
            superframe(3 * SEGMENT_LENGTH + 1);
            for (int i = 0; i < 5; i++) {
                give(
                        2,
                        CraftedPacket.udp(InvokedNode.POD, InvokedNode.PEER_POD, 1, 2, CraftedPacket.payload(500, i)),
                        0);
            }
            superframe(20 * SEGMENT_LENGTH);
        }

        private void superframe(final int length) {
            give(
                    2,
                    CraftedPacket.tcp(
                                    InvokedNode.POD,
                                    InvokedNode.PEER_POD,
                                    1,
                                    2,
                                    3,
                                    CraftedPacket.ACK,
                                    new byte[0],
                                    CraftedPacket.payload(length, length))
                            .checksum(CraftedPacket.Checksum.PARTIAL),
                    SEGMENT_LENGTH);
        }

        /** So much passes by the other socket, now and then a moment late, that no memory stays what it was. */
        private void passBy() {
            for (int i = 0; i < 3 * HELD_LENGTH / SEGMENT_LENGTH; i++) {
                second.take(i % 2 == 0 ? MANY : 0);
                for (int j = 0; j < 10; j++) {
                    give(
                            3,
                            CraftedPacket.udp(
                                    PodTun.inet("10.244.0.3"),
                                    InvokedNode.PEER_POD,
                                    1,
                                    2,
                                    CraftedPacket.payload(900, j)),
                            0);
                }
                sender.doWork();
            }
            second.take(MANY);
            sender.doWork();
        }

        private List<byte[]> finish() {
            first.take(MANY);
            while (!waiting.isEmpty() || sender.outputs() > 0) {
                sender.doWork();
            }
            assertEquals(Map.of(), counters.drops());
            assertEquals(0, ring.inFlight());
            return first.messages();
        }

        @Override
        public void close() {
            resources.close();
        }
    }

    /** @param taken messages before the socket refuses more: those that it keeps begin in the middle of a superframe, or not. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void shouldSendTheSameAsIfNothingHadHadToWait(final int taken) {
        try (Node prompt = new Node();
                Node late = new Node()) {
            prompt.first.take(MANY);
            prompt.giveSome();
            prompt.sender.doWork();
            prompt.giveSome();
            prompt.sender.doWork();
            late.first.take(taken);
            late.giveSome();
            late.sender.doWork();
            late.giveSome();
            late.sender.doWork();
            assertFalse(late.waiting.isEmpty(), "the second half waits");
            late.passBy();
            assertTrue(late.second.messages().size() > 1_000);
            final List<byte[]> expected = prompt.finish();
            final List<byte[]> sent = late.finish();
            assertEquals(expected.size(), sent.size());
            for (int i = 0; i < sent.size(); i++) {
                assertArrayEquals(expected.get(i), sent.get(i), "message " + i);
            }
        }
    }
}
