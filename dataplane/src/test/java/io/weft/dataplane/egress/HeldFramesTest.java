/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.encap.IpPacket;
import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.linux.Framing;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What is held comes out as it was put in, wherever it came to lie, and its memory can be had again. */
class HeldFramesTest {
    private static final int RING_LENGTH = 0x40000;
    private static final int CAPACITY = 0x80000;
    private static final int UDP_HEADERS_LENGTH = 20 + 8;
    private static final int ROUNDS = 20_000;

    private final EgressMemory memory = new EgressMemory(RING_LENGTH, CAPACITY);
    private final HeldFrames frames = new HeldFrames(memory);
    private final EgressFrame frame = new EgressFrame(0);
    private final EgressFrame loaded = new EgressFrame(0);

    @AfterEach
    void tearDown() {
        memory.close();
    }

    /** A frame in the ring that shows its number at either end of its headroom and of its packet. */
    private EgressFrame frame(final int number, final int length) {
        final ByteBuffer payload =
                ByteBuffer.allocate(length - UDP_HEADERS_LENGTH).order(ByteOrder.nativeOrder());
        payload.putInt(0, number).putInt(payload.capacity() - Integer.BYTES, number);
        final byte[] packet = CraftedPacket.udp(InvokedNode.POD, InvokedNode.PEER_POD, 1, 2, payload.array())
                .bytes();
        frame.ipOffset = EgressFrame.HEADROOM;
        memory.buffer().putInt(0, number);
        memory.buffer().putInt(frame.ipOffset - Integer.BYTES, number);
        memory.buffer().putBytes(frame.ipOffset, packet);
        assertEquals(IpPacket.Fault.NONE, frame.packet.parse(memory.buffer(), frame.ipOffset, packet.length, false));
        frame.sequence = number;
        return frame;
    }

    private void assertUnharmed(final int number, final int length, final int at) {
        frames.load(at, loaded);
        assertEquals(number, loaded.sequence);
        assertEquals(length, loaded.packet.totalLength());
        assertEquals(loaded.ipOffset, loaded.packet.offset());
        assertEquals(number, memory.buffer().getInt(loaded.ipOffset - EgressFrame.HEADROOM));
        assertEquals(number, memory.buffer().getInt(loaded.ipOffset - Integer.BYTES));
        assertEquals(number, memory.buffer().getInt(loaded.ipOffset + UDP_HEADERS_LENGTH));
        assertEquals(number, memory.buffer().getInt(loaded.ipOffset + length - Integer.BYTES));
    }

    @Test
    void shouldKeepAllThatAFrameSays() {
        frame(7, 500);
        frame.flow = 1_023;
        frame.peer = 70_000;
        frame.tunnelHeaderLength = 22;
        frame.sockaddrLength = 28;
        frame.outerTos = 0xFF;
        frame.gsoType = VirtioNetHeaderFlyweight.GSO_TCPV6 | VirtioNetHeaderFlyweight.GSO_ECN;
        frame.gsoSize = 0xFFFF;
        frame.needsChecksum = true;
        frame.checksumStart = frame.ipOffset + 20;
        frame.checksumOffset = frame.ipOffset + 26;
        frame.batch = 99;
        final int at = frames.put(frame, -5);
        assertEquals(-5, frames.sinceNs(at));
        assertEquals(1_023, frames.flow(at));
        assertEquals(500, frames.ipLength(at));
        assertEquals(HeldFrames.NONE, frames.next(at));
        assertTrue(frames.waits(at));
        loaded.needsChecksum = false;
        frames.load(at, loaded);
        assertArrayEquals(new int[] {1_023, 70_000, 22, 28, 0xFF, frame.gsoType, 0xFFFF, 20, 26}, new int[] {
            loaded.flow,
            loaded.peer,
            loaded.tunnelHeaderLength,
            loaded.sockaddrLength,
            loaded.outerTos,
            loaded.gsoType,
            loaded.gsoSize,
            loaded.checksumStart - loaded.ipOffset,
            loaded.checksumOffset - loaded.ipOffset
        });
        assertTrue(loaded.needsChecksum);
        assertEquals(EgressFrame.NO_BATCH, loaded.batch, "it is in none");
        frame.needsChecksum = false;
        frames.load(frames.put(frame, 0), loaded);
        assertFalse(loaded.needsChecksum);
    }

    @Test
    void shouldTellFramesThatWaitFromThoseThatDoNot() {
        final int sent = frames.put(frame(1, 100), 0);
        final int dropped = frames.put(frame(2, 100), 0);
        assertTrue(frames.waits(sent) && frames.waits(dropped));
        frames.batch(sent, 3);
        frames.forget(dropped);
        assertFalse(frames.waits(sent) || frames.waits(dropped));
        assertEquals(3, frames.batch(sent));
        assertEquals(EgressFrame.NO_BATCH, frames.batch(dropped));
    }

    @Test
    void shouldBeginAnewWhenNothingIsLeft() {
        final int first = frames.put(frame(1, 100), 0);
        frames.put(frame(2, 100), 0);
        frames.releaseOldest();
        frames.releaseOldest();
        assertTrue(frames.isEmpty());
        assertEquals(first, frames.put(frame(3, 100), 0));
    }

    @Test
    void shouldSayThatItIsShortBeforeAFrameOfAnyLengthIsRefused() {
        int number = 0;
        while (!frames.isShort()) {
            assertNotEquals(HeldFrames.NONE, frames.put(frame(number++, 9_000), 0));
        }
        assertTrue(number * HeldFrames.length(9_000) > frames.limit());
        assertEquals(HeldFrames.NONE, frames.put(frame(number, Framing.MAX_PACKET_LENGTH - 1), 0));
    }

    @Test
    void shouldHarmNoFrameWhenTheyAreOfAnyLength() {
        final Random random = new Random(1);
        final List<int[]> held = new ArrayList<>();
        int refused = 0;
        for (int number = 0; number < ROUNDS; number++) {
            final int length = UDP_HEADERS_LENGTH + Long.BYTES + random.nextInt(random.nextBoolean() ? 200 : 60_000);
            final int at = frames.put(frame(number, length), 0);
            if (HeldFrames.NONE == at) {
                refused++;
            } else {
                held.add(new int[] {number, length, at});
            }
            final int most = HeldFrames.NONE == at || random.nextInt(50) == 0 ? random.nextInt(100) : 0;
            for (int i = 0; i < most && !held.isEmpty(); i++) {
                final int[] oldest = held.remove(0);
                if (frames.oldest() != oldest[2]) {
                    assertFalse(frames.waits(frames.oldest()), "what was passed over is nobody's");
                    frames.releaseOldest();
                }
                assertEquals(oldest[2], frames.oldest());
                assertUnharmed(oldest[0], oldest[1], oldest[2]);
                frames.releaseOldest();
            }
            assertEquals(held.isEmpty(), frames.isEmpty());
        }
        assertTrue(refused > 0, "there was always room");
    }
}
