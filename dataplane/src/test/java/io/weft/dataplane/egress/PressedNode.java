/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.dataplane.agent.Doorbell;
import io.weft.dataplane.capture.Captures;
import io.weft.dataplane.capture.Tap;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.NodeCounters;
import io.weft.dataplane.underlay.NextHops;
import io.weft.dataplane.underlay.PacketTransmission;
import io.weft.dataplane.underlay.UnansweredPeers;
import io.weft.encap.IpPacket;
import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.linux.SocketAddress;
import io.weft.linux.testing.CloseAll;
import java.net.InetAddress;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.agrona.concurrent.status.CountersManager;
import org.jspecify.annotations.Nullable;

/** An egress sender with two sockets that take what a test lets them, flows of odd numbers by the second, and a clock that the test sets. */
final class PressedNode implements AutoCloseable {
    static final int RING_FRAMES = 1024;
    static final int HELD_LENGTH = 0x40000;
    static final int MANY = 1_000_000;
    private static final int RING_LENGTH = 0x200000;
    private static final int NETWORK = 0xC0_00_02_00;
    private static final int PEERS = 256;
    private static final int MTU = 1_500;
    private static final int PORT = 8472;

    private final CloseAll resources = new CloseAll();
    private final CountersManager manager = NodeCounters.newManager();
    final EgressMemory memory;
    final NodeCounters counters = new NodeCounters(manager);
    final RefusingPort first = new RefusingPort();
    final RefusingPort second = new RefusingPort();
    final EgressRing ring;
    final FairQueue waiting;
    final UnansweredPeers unanswered = new UnansweredPeers(2);
    final EgressSender sender;
    long nowNs;

    /** The row of the peers of what is given. */
    int peerRow;

    /** @param maxSegments datagrams of one message. */
    PressedNode(final int maxSegments) {
        this(maxSegments, HELD_LENGTH, null);
    }

    /** All of whose flows leave by one packet socket, to 192.0.2.0/24, with much that may wait. */
    static PressedNode byPacket(final RefusingPort packets) {
        final PacketTransmission transmission = new PacketTransmission(
                List.of(packets),
                List.of(new int[] {1, 2}),
                IpAddress.ofIpv4(NETWORK).toInetAddress());
        transmission.nextHops(new NextHops(
                1,
                64,
                IntStream.range(0, PEERS)
                        .boxed()
                        .collect(Collectors.toMap(
                                peer -> IpAddress.ofIpv4(NETWORK + peer), peer -> new NextHops.NextHop(2, MTU)))));
        return new PressedNode(1, 16 * HELD_LENGTH, transmission);
    }

    private PressedNode(final int maxSegments, final int heldLength, final @Nullable PacketTransmission transmission) {
        memory = resources.add(new EgressMemory(RING_LENGTH, heldLength));
        ring = new EgressRing(memory, RING_FRAMES);
        waiting = new FairQueue(memory, 2);
        sender = new EgressSender(
                ring,
                waiting,
                unanswered,
                List.of(first, second),
                maxSegments,
                transmission,
                null,
                () -> nowNs,
                new WorkerCounters(manager, 0),
                new Tap(new Captures(), 0),
                resources.add(new Doorbell()),
                0);
    }

    /**
     * A frame was read, and is in the ring.
     *
     * @param peer that it goes to.
     * @param gsoSize payload of each segment of a superframe of TCP; 0 for a packet.
     */
    void give(final int flow, final InetAddress peer, final CraftedPacket packet, final int gsoSize) {
        final byte[] bytes = packet.bytes();
        final EgressFrame frame = ring.claim();
        assertNotNull(frame, () -> "no room in the ring: " + counters);
        ring.arena().putBytes(frame.ipOffset, bytes);
        assertEquals(IpPacket.Fault.NONE, frame.packet.parse(ring.arena(), frame.ipOffset, bytes.length, false));
        frame.sockaddrLength = SocketAddress.put(ring.arena(), frame.ipOffset - EgressFrame.HEADROOM, peer, PORT);
        frame.flow = flow;
        frame.peer = peerRow;
        frame.gsoType = 0 == gsoSize ? VirtioNetHeaderFlyweight.GSO_NONE : VirtioNetHeaderFlyweight.GSO_TCPV4;
        frame.gsoSize = gsoSize;
        frame.needsChecksum = gsoSize > 0;
        frame.checksumStart = frame.ipOffset + packet.transportOffset();
        frame.checksumOffset = frame.ipOffset + packet.checksumOffset();
        ring.publish(frame, bytes.length);
    }

    /** Lets the sender work until nothing waits and no socket keeps anything. */
    void drain(final int messagesATurn) {
        for (int turns = 0; !waiting.isEmpty() || sender.outputs() > 0; turns++) {
            assertTrue(turns < MANY, () -> "something waits for ever: " + counters);
            first.take(messagesATurn);
            sender.doWork();
        }
    }

    @Override
    public void close() {
        resources.close();
    }
}
