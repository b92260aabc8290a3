/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.encap.ChecksumState;
import io.weft.encap.FrameHeader;
import io.weft.encap.IpPacket;
import io.weft.routing.RewriteBlock;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The memory of two frames in flight never overlaps, and what is free can be had. */
class IngressRingTest {
    private static final int FRAMES = 64;
    private static final int SLOTS = 8;
    private static final int ROUNDS = 20_000;
    private static final int IP_OFFSET = 22;
    private static final byte[] PACKET = CraftedPacket.udp(InvokedNode.POD, InvokedNode.PEER_POD, 1, 2, new byte[8])
            .bytes();

    /** Puts a packet into the ring's first claimed slot and begins the frame with it. */
    static void begin(final IngressRing ring, final IngressFrame frame) {
        final int ip = ring.firstSlot() * IngressRing.SLOT_LENGTH + IP_OFFSET;
        ring.arena().putBytes(ip, PACKET);
        final IpPacket packet = new IpPacket();
        assertEquals(IpPacket.Fault.NONE, packet.parse(ring.arena(), ip, PACKET.length, true));
        frame.superframe.begin(ring.arena(), packet, ChecksumState.VERIFIED, 0);
    }

    @Test
    void shouldNeverHandOutASlotInFlightWhenBatchesAreOfAnyLength() {
        final Random random = new Random(1);
        final IngressRing ring =
                new IngressRing(SLOTS, FRAMES, FrameHeader.ofPackets(), true, RewriteBlock.TUNNEL_HEADER_LENGTH);
        final Deque<int[]> inFlight = new ArrayDeque<>();
        int refused = 0;
        for (int round = 0; round < ROUNDS; round++) {
            final int claimed = ring.claimSlots(1 + random.nextInt(SLOTS));
            assertTrue(claimed >= 0, () -> claimed + " slots");
            refused += 0 == claimed ? 1 : 0;
            if (claimed > 0) {
                final int first = ring.firstSlot();
                assertTrue(first + claimed <= SLOTS, "within the memory");
                for (final int[] batch : inFlight) {
                    assertTrue(first + claimed <= batch[0] || first >= batch[1], "a slot is handed out twice");
                }
                final int used = 1 + random.nextInt(claimed);
                begin(ring, ring.claimFrame());
                assertEquals(1, ring.publish(used, false));
                inFlight.add(new int[] {first, first + used});
            }
            if (0 == claimed || random.nextInt(3) == 0) {
                final int most = random.nextInt(10) == 0 ? FRAMES : 1 + random.nextInt(2);
                for (int i = 0; i < most && !ring.isEmpty(); i++) {
                    inFlight.remove();
                    ring.release(Objects.requireNonNull(ring.poll()));
                }
            }
        }
        assertTrue(refused > 0, "the ring was never full");
    }

    @Test
    void shouldGiveNoFrameWhenAllAreInFlight() {
        final IngressRing ring =
                new IngressRing(SLOTS, 2, FrameHeader.ofPackets(), true, RewriteBlock.TUNNEL_HEADER_LENGTH);
        assertEquals(1, ring.claimSlots(1));
        begin(ring, ring.claimFrame());
        begin(ring, ring.claimFrame());
        assertFalse(ring.hasFrame());
        assertEquals(2, ring.publish(1, false));
        ring.release(Objects.requireNonNull(ring.poll()));
        assertTrue(ring.hasFrame());
    }

    @Test
    void shouldKeepASlotUntilItsLastFrameIsReleasedWhenItIsPublishedInParts() {
        final IngressRing ring =
                new IngressRing(SLOTS, 2, FrameHeader.ofPackets(), true, RewriteBlock.TUNNEL_HEADER_LENGTH);
        assertEquals(SLOTS, ring.claimSlots(SLOTS));
        begin(ring, ring.claimFrame());
        begin(ring, ring.claimFrame());
        assertEquals(2, ring.publish(0, false), "the slot is not done");
        ring.release(Objects.requireNonNull(ring.poll()));
        begin(ring, ring.claimFrame());
        assertEquals(1, ring.publish(1, false), "the rest of it");
        ring.release(Objects.requireNonNull(ring.poll()));
        assertEquals(SLOTS - 1, ring.claimSlots(SLOTS), "one frame of the slot is in flight");
        assertEquals(1, ring.firstSlot());
        ring.release(Objects.requireNonNull(ring.poll()));
        assertEquals(SLOTS, ring.claimSlots(SLOTS));
        assertEquals(0, ring.firstSlot());
    }
}
