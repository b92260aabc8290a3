/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.dataplane.testing.PodTun;
import io.weft.encap.IpPacket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.agrona.UnsafeApi;
import org.junit.jupiter.api.Test;

/** The host has the pages of what waited when nothing has waited for a while, and not before; what waits then is as it was put there. */
class HeldPagesTest {
    private static final int PAGE_LENGTH = UnsafeApi.pageSize();
    private static final int RING_LENGTH = 0x40000;
    private static final int CAPACITY = 0x400000;
    private static final int PAYLOAD_LENGTH = 1_000;
    private static final int FRAMES = 180;
    private static final byte MARK = 77;

    /** Pages of held frames that this process has, as the kernel tells (Documentation/admin-guide/mm/pagemap.rst). */
    private static int residentPages(final EgressMemory memory) throws IOException {
        final long first = (memory.buffer().addressOffset() + memory.ringLength()) / PAGE_LENGTH;
        final ByteBuffer entries = ByteBuffer.allocate(memory.heldLength() / PAGE_LENGTH * Long.BYTES)
                .order(ByteOrder.nativeOrder());
        try (FileChannel pagemap = FileChannel.open(Path.of("/proc/self/pagemap"))) {
            while (entries.hasRemaining()) {
                assertTrue(pagemap.read(entries, first * Long.BYTES + entries.position()) > 0);
            }
        }
        int resident = 0;
        for (int i = 0; i < entries.capacity(); i += Long.BYTES) {
            resident += 0 == entries.getLong(i) >>> 62 ? 0 : 1; // in memory, or swapped out
        }
        return resident;
    }

    /** The C library may give a test memory that another one has had, with its pages. */
    private static void beginWithout(final EgressMemory memory) {
        memory.giveBackPages(0, memory.heldLength());
    }

    private static EgressFrame frame(final EgressMemory memory, final int number) {
        final EgressFrame frame = new EgressFrame(0);
        frame.ipOffset = EgressFrame.HEADROOM;
        final byte[] packet = CraftedPacket.udp(
                        InvokedNode.POD, InvokedNode.PEER_POD, 1, 2, CraftedPacket.payload(PAYLOAD_LENGTH, number))
                .bytes();
        memory.buffer().putBytes(frame.ipOffset, packet);
        assertEquals(IpPacket.Fault.NONE, frame.packet.parse(memory.buffer(), frame.ipOffset, packet.length, false));
        frame.sequence = number;
        return frame;
    }

    private static int fill(final EgressMemory memory, final HeldFrames frames) {
        int number = 0;
        while (HeldFrames.NONE != frames.put(frame(memory, number), 0)) {
            number++;
        }
        return number;
    }

    private static void takeAll(final EgressMemory memory, final HeldFrames frames, final int count) {
        final EgressFrame loaded = new EgressFrame(0);
        for (int number = 0; number < count; number++) {
            frames.load(frames.oldest(), loaded);
            assertEquals(number, loaded.sequence);
            final byte[] payload = new byte[PAYLOAD_LENGTH];
            memory.buffer().getBytes(loaded.packet.payloadOffset(), payload);
            assertEquals(ByteBuffer.wrap(CraftedPacket.payload(PAYLOAD_LENGTH, number)), ByteBuffer.wrap(payload));
            frames.releaseOldest();
        }
        assertTrue(frames.isEmpty());
    }

    @Test
    void shouldGiveBackSomePagesAtATimeAndHaveThemAgain() throws IOException {
        try (EgressMemory memory = new EgressMemory(RING_LENGTH, CAPACITY)) {
            final HeldFrames frames = new HeldFrames(memory);
            assertFalse(frames.isKeptForNothing());
            beginWithout(memory);
            assertEquals(0, residentPages(memory));
            memory.buffer().putByte(RING_LENGTH - 1, MARK);
            final int count = fill(memory, frames);
            assertFalse(frames.isKeptForNothing());
            assertEquals(CAPACITY / PAGE_LENGTH, residentPages(memory));
            takeAll(memory, frames, count);
            int steps = 0;
            while (frames.isKeptForNothing()) {
                final int before = residentPages(memory);
                frames.giveBackPages();
                final int given = before - residentPages(memory);
                assertTrue(given > 0 && given <= CAPACITY / PAGE_LENGTH / 4, () -> given + " pages at once");
                steps++;
            }
            assertNotEquals(1, steps);
            assertEquals(0, residentPages(memory));
            assertEquals(MARK, memory.buffer().getByte(RING_LENGTH - 1), "the ring is no part of it");
            for (int i = 0; i < 2; i++) {
                assertEquals(count, fill(memory, frames));
                takeAll(memory, frames, count);
            }
            assertTrue(frames.isKeptForNothing());
        }
    }

    @Test
    void shouldGiveThemBackWhenNothingHasWaitedForAWhile() throws IOException {
        try (PressedNode node = new PressedNode(1)) {
            beginWithout(node.memory);
            pass(node);
            for (int i = 0; i < 100; i++) {
                node.sender.onIdle();
            }
            assertEquals(0, residentPages(node.memory));
            pass(node);
            final List<Integer> once =
                    IntStream.range(0, FRAMES).map(i -> i % 100).boxed().toList();
            assertEquals(once, node.first.sent().subList(0, FRAMES));
            assertEquals(once, node.first.sent().subList(FRAMES, 2 * FRAMES));
            assertEquals(Map.of(), node.counters.drops());
        }
    }

    /** Frames wait, and are sent; until then, and for a while after that, pages are kept. */
    private static void pass(final PressedNode node) throws IOException {
        node.first.take(0);
        for (int i = 0; i < FRAMES; i++) {
            final byte[] payload = new byte[PAYLOAD_LENGTH];
            payload[payload.length - 1] = (byte) (i % 100);
            node.give(
                    2,
                    PodTun.inet("192.0.2." + i),
                    CraftedPacket.udp(InvokedNode.POD, InvokedNode.PEER_POD, 1, 2, payload),
                    0);
        }
        node.sender.doWork();
        final int resident = residentPages(node.memory);
        assertTrue(resident > 0);
        node.nowNs += EgressSender.PAGES_KEPT_NS;
        node.sender.onIdle();
        assertEquals(resident, residentPages(node.memory), "something waits");
        node.nowNs -= EgressSender.PAGES_KEPT_NS;
        node.drain(PressedNode.MANY);
        node.nowNs += EgressSender.PAGES_KEPT_NS - 1;
        node.sender.onIdle();
        assertEquals(resident, residentPages(node.memory), "something waited a moment ago");
        node.nowNs++;
    }
}
