/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.Framing;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The memory of two frames in flight never overlaps, and what is free can be had. */
class EgressRingTest {
    private static final int CAPACITY = 0x40000;
    private static final int FRAMES = 64;
    private static final int ROUNDS = 20_000;

    private final EgressMemory memory = new EgressMemory(CAPACITY, 0);

    @AfterEach
    void tearDown() {
        memory.close();
    }

    @Test
    void shouldGiveRoomForASecondBatchOfSmallFramesWhenTheFirstIsReleased() {
        final EgressRing ring = new EgressRing(memory, FRAMES);
        for (int round = 0; round < 5; round++) {
            for (int i = 0; i < 10; i++) {
                final int number = i;
                final EgressFrame frame = ring.claim();
                assertNotNull(frame, () -> "frame " + number);
                ring.publish(frame, 100);
            }
            releaseAll(ring);
        }
    }

    @Test
    void shouldNeverOverlapFramesInFlightWhenTheyAreOfAnyLength() {
        final Random random = new Random(1);
        final EgressRing ring = new EgressRing(memory, FRAMES);
        final Deque<int[]> inFlight = new ArrayDeque<>();
        int refused = 0;
        for (int round = 0; round < ROUNDS; round++) {
            final EgressFrame frame = ring.claim();
            if (null == frame) {
                refused++;
                assertTrue(!inFlight.isEmpty(), "nothing is in flight and yet there is no room");
            } else {
                final int start = frame.ipOffset - EgressFrame.HEADROOM;
                final int end = frame.ipOffset + Framing.MAX_PACKET_LENGTH;
                assertTrue(start >= 0 && end <= CAPACITY, "within the memory");
                for (final int[] other : inFlight) {
                    assertTrue(end <= other[0] || start >= other[1], "two frames overlap");
                }
                final int length = random.nextBoolean() ? random.nextInt(0xFFFF) : random.nextInt(200);
                ring.publish(frame, length);
                inFlight.add(new int[] {start, frame.ipOffset + length});
            }
            if (random.nextInt(3) == 0 || null == frame) {
                release(ring, inFlight, random.nextInt(10) == 0 ? FRAMES : 1 + random.nextInt(5));
            }
        }
        assertTrue(refused > 0, "the ring was never full");
    }

    @Test
    void shouldNeverOverlapFramesInFlightWhenTheyComeInBatches() {
        try (EgressMemory large = new EgressMemory(8 * CAPACITY, 0)) {
            final Random random = new Random(3);
            final EgressRing ring = new EgressRing(large, FRAMES);
            final Deque<int[]> inFlight = new ArrayDeque<>();
            int batches = 0;
            for (int round = 0; round < ROUNDS; round++) {
                final int slots = ring.claimSlots(1 + random.nextInt(31));
                final int last = slots - 1;
                assertTrue(
                        slots <= 0 || ring.slotOffset(last) + Framing.MAX_PACKET_LENGTH <= 8 * CAPACITY,
                        "within the memory");
                for (int slot = 0; slot < slots; slot++) {
                    final int start = ring.slotOffset(slot) - EgressFrame.HEADROOM;
                    final int end = ring.slotOffset(slot) + Framing.MAX_PACKET_LENGTH;
                    for (final int[] other : inFlight) {
                        assertTrue(end <= other[0] || start >= other[1], "a slot overlaps a frame");
                    }
                    ring.arena().putInt(ring.slotOffset(slot) - Integer.BYTES, slot);
                    ring.arena().putInt(ring.slotOffset(slot), slot);
                }
                for (int slot = 0; slot < slots; slot++) {
                    final int length = random.nextInt(4) == 0 ? random.nextInt(0xFFFF) : 4 + random.nextInt(200);
                    final EgressFrame frame = ring.claimSlot(slot, Integer.BYTES, length);
                    assertEquals(slot, ring.arena().getInt(frame.ipOffset - Integer.BYTES));
                    assertEquals(slot, ring.arena().getInt(frame.ipOffset));
                    if (random.nextInt(4) != 0) {
                        ring.publish(frame, length);
                        inFlight.add(new int[] {frame.ipOffset - EgressFrame.HEADROOM, frame.ipOffset + length});
                    }
                }
                batches += slots > 1 ? 1 : 0;
                if (random.nextInt(3) == 0 || 0 == slots) {
                    release(ring, inFlight, random.nextInt(10) == 0 ? FRAMES : 1 + random.nextInt(20));
                }
            }
            assertTrue(batches > ROUNDS / 4, batches + " batches");
        }
    }

    private static void release(final EgressRing ring, final Deque<int[]> inFlight, final int most) {
        EgressFrame last = null;
        for (int i = 0; i < most && !ring.isEmpty(); i++) {
            last = ring.poll();
            inFlight.remove();
        }
        if (null != last) {
            ring.release(last);
        }
    }

    @Test
    void shouldHandFramesUnharmedAndInOrderFromThreadToThread() throws Exception {
        final EgressRing ring = new EgressRing(memory, FRAMES);
        final int count = 300_000;
        final FutureTask<Integer> receiver = new FutureTask<>(() -> {
            final Random random = new Random(2);
            int published = 0;
            while (published < count && !Thread.currentThread().isInterrupted()) {
                final EgressFrame frame = ring.claim();
                if (null == frame) {
                    Thread.onSpinWait();
                    continue;
                }
                final int length = Integer.BYTES + random.nextInt(3_000);
                ring.arena().putInt(frame.ipOffset, published);
                ring.arena().putInt(frame.ipOffset + length - Integer.BYTES, published);
                frame.gsoSize = length;
                ring.publish(frame, length);
                published++;
            }
            return published;
        });
        final Thread thread = new Thread(receiver, "receiver");
        thread.setDaemon(true);
        thread.start();
        int polled = 0;
        while (polled < count) {
            final EgressFrame frame = ring.poll();
            if (null == frame) {
                Thread.onSpinWait();
                assertTrue(!receiver.isDone() || !ring.isEmpty() || polled == count, "the receiver ended early");
                continue;
            }
            assertEquals(polled, ring.arena().getInt(frame.ipOffset + frame.gsoSize - Integer.BYTES));
            ring.arena().putInt(frame.ipOffset, -1);
            polled++;
            if (polled % 7 == 0 || ring.isEmpty()) {
                ring.release(frame);
            }
        }
        assertEquals(count, receiver.get());
    }

    private static void releaseAll(final EgressRing ring) {
        EgressFrame last = null;
        for (EgressFrame frame = ring.poll(); null != frame; frame = ring.poll()) {
            last = frame;
        }
        ring.release(Objects.requireNonNull(last));
    }
}
