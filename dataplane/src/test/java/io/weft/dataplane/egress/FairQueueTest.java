/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.encap.IpPacket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Flows that wait have their turns, each in its order, and none takes the room of all. */
class FairQueueTest {
    private static final int RING_LENGTH = 0x40000;
    private static final int HELD_LENGTH = 0x100000;
    private static final int LENGTH = 1_000;

    /** What a frame of that length takes. */
    private static final int COST = HeldFrames.length(LENGTH);

    private static final int LIMIT = HELD_LENGTH / 3 * 2;

    /** What one turn of a flow is worth, in frames of that length. */
    private static final int TURN = 9;

    private final EgressMemory memory = new EgressMemory(RING_LENGTH, HELD_LENGTH);
    private final FairQueue queue = new FairQueue(memory, 2);
    private final EgressFrame taken = new EgressFrame(0);

    @AfterEach
    void tearDown() {
        memory.close();
    }

    private void add(final int flow, final long sequence, final int length) {
        final byte[] packet = CraftedPacket.udp(
                        InvokedNode.POD, InvokedNode.PEER_POD, 1, 2, CraftedPacket.payload(length - 28, 1))
                .bytes();
        final EgressFrame frame = new EgressFrame(0);
        frame.ipOffset = EgressFrame.HEADROOM;
        memory.buffer().putBytes(frame.ipOffset, packet);
        assertEquals(IpPacket.Fault.NONE, frame.packet.parse(memory.buffer(), frame.ipOffset, packet.length, false));
        frame.flow = flow;
        frame.sequence = sequence;
        assertTrue(queue.add(frame, 0));
    }

    private void add(final int flow, final long sequence) {
        add(flow, sequence, LENGTH);
    }

    private EgressFrame take(final int socket) {
        final int frame = queue.peek(socket);
        assertNotEquals(HeldFrames.NONE, frame);
        queue.frames().load(frame, taken);
        queue.remove(frame);
        queue.onSent(taken.flow, taken.packet.totalLength());
        return taken;
    }

    /** Adds frames of a flow for as long as it is not refused, and returns how many. */
    private int fill(final int flow) {
        int count = 0;
        while (!queue.refuses(flow)) {
            add(flow, count++);
            assertTrue(count * COST <= LIMIT, "nothing bounds a flow");
        }
        return count;
    }

    @Test
    void shouldKeepTheOrderOfAFlow() {
        for (int i = 0; i < 100; i++) {
            add(2, i);
        }
        for (int i = 0; i < 100; i++) {
            assertEquals(i, take(0).sequence);
        }
        assertEquals(HeldFrames.NONE, queue.peek(0));
        assertTrue(queue.isEmpty());
    }

    @Test
    void shouldGiveASecondFlowItsTurnWhenAFirstHasManyFrames() {
        for (int i = 0; i < 200; i++) {
            add(2, i);
        }
        for (int i = 0; i < TURN; i++) {
            assertEquals(2, take(0).flow);
        }
        add(4, 0);
        assertEquals(4, take(0).flow, "one that has not waited before is the next");
        assertEquals(2, take(0).flow);
        add(4, 1);
        int others = 0;
        while (4 != take(0).flow) {
            others++;
        }
        assertTrue(others > 0 && others <= 2 * TURN, "turns are taken, but " + others + " came before");
    }

    @Test
    void shouldShareBytesAndNotFramesWhenFlowsWait() {
        for (int i = 0; i < 20; i++) {
            add(2, i, 20_000);
        }
        for (int i = 0; i < 200; i++) {
            add(4, i);
        }
        final int[] bytes = new int[FairQueue.FLOWS];
        while (bytes[4] < 150_000) {
            final EgressFrame frame = take(0);
            bytes[frame.flow] += frame.packet.totalLength();
        }
        assertEquals(bytes[4], bytes[2], 2 * 20_000);
    }

    @Test
    void shouldKeepSocketsApart() {
        add(2, 0);
        add(3, 1);
        assertTrue(queue.waitsFor(0) && queue.waitsFor(1));
        assertEquals(1, take(1).sequence);
        assertEquals(HeldFrames.NONE, queue.peek(1));
        assertFalse(queue.waitsFor(1));
        assertTrue(queue.waitsFor(0));
    }

    /** Of nine parts eight, that a burst of one flow is not lost. */
    @Test
    void shouldRefuseAFlowThatHoldsEightTimesWhatIsFree() {
        assertFalse(queue.refuses(2), "nothing waits");
        final int first = fill(2);
        assertTrue(Math.abs(LIMIT / 9 * 8 / COST - first) <= 1, () -> first + " frames");
        final int second = fill(4);
        assertTrue(second > 0 && second < first, "the second has its share of the rest");
        assertTrue(queue.refuses(2), "the first is over its share now");
        assertFalse(queue.refuses(6), "there is always room for one more");
        for (int i = 0; i < first + second; i++) {
            take(0);
        }
        assertFalse(queue.refuses(2) || queue.refuses(4));
        assertTrue(queue.isEmpty());
    }

    /** Wherever they come to lie, and whichever of them is given up. */
    @Test
    void shouldKeepTheOrderOfAFlowWhenItsFramesAreMovedAndGivenUp() {
        for (int i = 0; i < 9; i++) {
            add(2, i);
        }
        final HeldFrames frames = queue.frames();
        for (int i = 0; i < 9; i++) {
            final int oldest = frames.oldest();
            if (i % 3 == 1) {
                queue.remove(oldest);
            } else {
                assertTrue(queue.moveBack(oldest));
            }
            frames.releaseOldest();
        }
        queue.remove(frames.oldest()); // 0, and now first in memory
        frames.releaseOldest();
        add(2, 9);
        for (final long sequence : new long[] {2, 3, 5, 6, 8, 9}) {
            assertEquals(sequence, take(0).sequence);
        }
        assertTrue(queue.isEmpty());
        assertFalse(queue.refuses(2));
    }

    /** What is given up was not sent: it costs no turns. */
    @Test
    void shouldNotChargeAFlowForWhatIsGivenUp() {
        for (int i = 0; i < 100; i++) {
            add(2, i);
        }
        for (int i = 0; i < 90; i++) {
            queue.remove(queue.peek(0));
        }
        add(4, 0);
        for (int i = 0; i < TURN; i++) {
            assertEquals(2, take(0).flow, "it has its turn, as if nothing had been");
        }
        assertEquals(4, take(0).flow);
    }

    /** After everything was given up a flow is as one that has not waited before. */
    @Test
    void shouldForgetTurnsWhenNothingIsLeft() {
        for (int i = 0; i < 2 * TURN; i++) {
            add(2, i);
        }
        for (int i = 0; i < TURN + 1; i++) {
            take(0);
        }
        while (queue.waitsFor(0)) {
            final int oldest = queue.frames().oldest();
            if (queue.frames().waits(oldest)) {
                queue.remove(oldest);
            }
            queue.frames().releaseOldest();
        }
        add(2, 0);
        add(4, 0);
        assertEquals(2, take(0).flow, "neither has waited before, and it was the first");
    }

    /** Many flows with little each are a queue that stands, one is not. */
    @Test
    void shouldDropOfManyFlowsThatHoldLittleEach() {
        final long longNs = 2 * CoDel.INTERVAL_NS;
        for (int flow = 0; flow < 40; flow += 2) {
            for (int i = 0; i < 20; i++) {
                add(flow, i);
            }
        }
        int dropped = 0;
        for (long nowNs = longNs; queue.waitsFor(0); nowNs += longNs) {
            final int frame = queue.peek(0);
            queue.remove(frame);
            queue.onSent(queue.frames().flow(frame), LENGTH);
            dropped += queue.shouldDrop(frame, nowNs) ? 1 : 0;
        }
        assertTrue(dropped > 20, () -> "no more than are dropped of one flow");
        for (int i = 0; i < 40; i++) {
            add(2, i);
        }
        for (long nowNs = longNs; queue.waitsFor(0); nowNs += longNs) {
            final int frame = queue.peek(0);
            queue.remove(frame);
            assertFalse(queue.shouldDrop(frame, nowNs), "a superframe, or as much as one");
        }
    }

    @Test
    void shouldTakeEachFlowOnceEvenWhenAllOfThemWait() {
        int count = 0;
        for (int flow = 0; flow < FairQueue.FLOWS; flow++) {
            if (!queue.refuses(flow)) {
                add(flow, count++);
            }
        }
        assertTrue(LIMIT / COST - count <= 1, "all but what is kept free may wait");
        assertTrue(count < FairQueue.FLOWS, "they are more than there is room for");
        for (; count > 0; count--) {
            take(queue.waitsFor(0) ? 0 : 1);
        }
        assertTrue(queue.isEmpty());
    }
}
