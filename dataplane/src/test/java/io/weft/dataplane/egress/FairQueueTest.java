/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.encap.IpPacket;
import java.util.ArrayList;
import java.util.List;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** Flows that wait have their turns, each in its order, and none takes the room of all. */
class FairQueueTest {
    private static final int RING_LENGTH = 0x200000;
    private static final int RING_FRAMES = 1024;
    private static final int LENGTH = 1_000;

    /** What one turn of a flow is worth, in frames of that length. */
    private static final int TURN = 9;

    private final FairQueue queue = new FairQueue(RING_LENGTH, RING_FRAMES, 2);

    private static EgressFrame frame(final int flow, final long sequence, final int length) {
        final byte[] packet = CraftedPacket.udp(
                        InvokedNode.POD, InvokedNode.PEER_POD, 1, 2, CraftedPacket.payload(length - 28, 1))
                .bytes();
        final EgressFrame frame = new EgressFrame(0);
        assertEquals(IpPacket.Fault.NONE, frame.packet.parse(new UnsafeBuffer(packet), 0, packet.length, false));
        frame.flow = flow;
        frame.sequence = sequence;
        return frame;
    }

    private void add(final int flow, final long sequence) {
        queue.add(frame(flow, sequence, LENGTH));
    }

    private EgressFrame take(final int socket) {
        final EgressFrame frame = queue.peek(socket);
        assertNotNull(frame);
        queue.remove(frame);
        return frame;
    }

    /** Adds frames of a flow for as long as it is not refused, and returns how many. */
    private int fill(final int flow) {
        int count = 0;
        while (!queue.refuses(flow)) {
            add(flow, count++);
            assertTrue(count < RING_FRAMES, "nothing bounds a flow");
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
        assertNull(queue.peek(0));
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
            queue.add(frame(2, i, 20_000));
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
        assertNull(queue.peek(1));
        assertFalse(queue.waitsFor(1));
        assertTrue(queue.waitsFor(0));
    }

    @Test
    void shouldRefuseAFlowThatHoldsAsMuchAsIsFree() {
        assertFalse(queue.refuses(2), "nothing waits");
        final int first = fill(2);
        assertEquals(RING_FRAMES / 8, first, 2);
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

    @Test
    void shouldTakeEachFlowOnceEvenWhenAllOfThemWait() {
        final List<Integer> refused = new ArrayList<>();
        int count = 0;
        for (int flow = 0; flow < FairQueue.FLOWS; flow++) {
            if (queue.refuses(flow)) {
                refused.add(flow);
            } else {
                add(flow, count++);
            }
        }
        assertEquals(RING_FRAMES / 4, count, 1, "a quarter of the ring's frames may wait");
        assertEquals(FairQueue.FLOWS - count, refused.size());
        for (; count > 0; count--) {
            take(queue.waitsFor(0) ? 0 : 1);
        }
        assertTrue(queue.isEmpty());
    }
}
