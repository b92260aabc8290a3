/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static java.nio.ByteOrder.BIG_ENDIAN;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.testing.ScriptedBatchHost;
import io.weft.dataplane.testing.ScriptedHost;
import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.linux.Errno;
import io.weft.linux.Framing;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** How many frames a call reads, and that each comes as the host gave it. */
class HostReaderTest {
    private static final int VNET_LENGTH = VirtioNetHeaderFlyweight.LENGTH;
    private static final int RING_LENGTH = 0x200000;
    private static final int FRAMES = 256;
    private static final int SMALL = 100;
    private static final int LONG = 40_000;
    private static final int TURN = 64;

    private final EgressMemory memory = new EgressMemory(RING_LENGTH, 0);
    private final EgressRing ring = new EgressRing(memory, FRAMES);
    private final ScriptedBatchHost host = new ScriptedBatchHost(Framing.ofPackets(VNET_LENGTH, true));
    private final HostReader reader = new HostReader(host, ring);
    private final List<Integer> numbers = new ArrayList<>();

    @AfterEach
    void tearDown() {
        memory.close();
    }

    private static byte[] frame(final int number, final int length) {
        final byte[] bytes = new byte[VNET_LENGTH + length];
        new Random(number).nextBytes(bytes);
        ByteBuffer.wrap(bytes).putInt(VNET_LENGTH, number);
        return bytes;
    }

    private void give(final int from, final int to, final int length) {
        for (int i = from; i < to; i++) {
            host.give(frame(i, length));
        }
    }

    /** Publishes what a turn reads, of which each frame has to be the host's with its vnet header. */
    private int turn(final HostReader from, final boolean isStanding) {
        from.beginTurn(isStanding);
        int frames = 0;
        while (from.isAmidBatch() || frames < TURN) {
            final @Nullable EgressFrame frame = from.next(TURN - frames);
            if (null == frame) {
                break;
            }
            frames++;
            final byte[] bytes = new byte[VNET_LENGTH + from.length()];
            ring.arena().getBytes(frame.ipOffset - VNET_LENGTH, bytes);
            final int number = ByteBuffer.wrap(bytes).getInt(VNET_LENGTH);
            assertEquals(ByteBuffer.wrap(frame(number, from.length())), ByteBuffer.wrap(bytes), "frame " + number);
            numbers.add(number);
            ring.publish(frame, from.length());
        }
        return frames;
    }

    private int turn() {
        return turn(reader, false);
    }

    private void release() {
        @Nullable EgressFrame last = null;
        for (EgressFrame frame = ring.poll(); null != frame; frame = ring.poll()) {
            last = frame;
        }
        ring.release(Objects.requireNonNull(last));
    }

    private static List<Integer> upTo(final int count) {
        return IntStream.range(0, count).boxed().toList();
    }

    @Test
    void shouldReadOneByOneWhereThereAreNoBatches() {
        final ScriptedHost plain = new ScriptedHost();
        IntStream.range(0, 10).forEach(i -> plain.give(frame(i, SMALL)));
        final HostReader single = new HostReader(plain, ring);
        assertEquals(10, turn(single, false));
        assertEquals(11, single.calls());
        assertTrue(single.isExhausted());
        assertEquals(upTo(10), numbers);
    }

    @Test
    void shouldAskForOneFrameAloneFirst() {
        assertEquals(0, turn());
        assertEquals(List.of(), host.reads());
        assertEquals(1, reader.calls());
        assertTrue(reader.isExhausted());
    }

    @Test
    void shouldReadMoreAndMoreWithACallBehindASmallFrame() {
        give(0, 40, SMALL);
        assertEquals(40, turn());
        assertEquals(List.of(4, 8, 16, 31), host.reads());
        assertEquals(5, reader.calls());
        assertTrue(reader.isExhausted());
        assertEquals(upTo(40), numbers);
    }

    @Test
    void shouldReadNoMoreThanATurnHas() {
        give(0, 100, SMALL);
        assertEquals(TURN, turn());
        assertFalse(reader.isExhausted());
        assertFalse(reader.isAmidBatch());
        release();
        turn();
        assertEquals(upTo(100), numbers);
    }

    @Test
    void shouldReadABatchAtOnceWhereMoreIsKnownToWait() {
        give(0, 62, SMALL);
        assertEquals(62, turn(reader, true));
        assertEquals(List.of(31, 31, 2), host.reads().subList(0, 3));
        assertEquals(upTo(62), numbers);
    }

    @Test
    void shouldReadSuperframesOneByOne() {
        give(0, 10, LONG);
        turn();
        assertEquals(List.of(), host.reads());
        assertEquals(upTo(10), numbers);
    }

    @Test
    void shouldGoBackToSingleFramesBehindALongOneInABatch() {
        give(0, 3, SMALL);
        give(3, 4, LONG);
        give(4, 5, SMALL);
        give(5, 6, LONG);
        assertEquals(6, turn());
        assertEquals(List.of(4), host.reads());
        assertEquals(upTo(6), numbers);
    }

    @Test
    void shouldUseNoMoreOfTheRingThanTheFramesNeed() {
        give(0, 240, SMALL);
        for (int turn = 0; turn < 4; turn++) {
            turn();
        }
        assertEquals(upTo(240), numbers, "none of them was released");
        assertFalse(reader.isRingFull());
    }

    @Test
    void shouldSayWhenTheRingHasNoRoomAndGoOnWhenItHas() {
        give(0, FRAMES + 10, SMALL);
        for (int turn = 0; turn <= FRAMES / TURN; turn++) {
            turn();
        }
        assertEquals(FRAMES, numbers.size());
        assertTrue(reader.isRingFull());
        assertFalse(reader.isExhausted());
        release();
        turn();
        assertFalse(reader.isRingFull());
        assertEquals(upTo(FRAMES + 10), numbers);
    }

    @Test
    void shouldEndTheTurnWhenTheDeviceFailsAmidABatch() {
        give(0, 3, SMALL);
        reader.beginTurn(true);
        host.failRead(Errno.EIO);
        final EgressFrame frame = Objects.requireNonNull(reader.next(4));
        assertEquals(SMALL, reader.length());
        ring.publish(frame, SMALL);
        assertTrue(reader.isExhausted() && reader.hasFailed() && reader.isAmidBatch());
        ring.publish(Objects.requireNonNull(reader.next(3)), SMALL);
        ring.publish(Objects.requireNonNull(reader.next(2)), SMALL);
        assertNull(reader.next(1));
        reader.beginTurn(false);
        assertFalse(reader.hasFailed());
    }

    /** As where a frame is dropped: the next one has its place. */
    @Test
    void shouldGiveThePlaceOfAFrameThatIsNotPublishedToTheNext() {
        give(0, 3, SMALL);
        give(3, 4, LONG);
        give(4, 5, SMALL);
        reader.beginTurn(true);
        final int first = Objects.requireNonNull(reader.next(5)).ipOffset;
        for (int i = 1; i < 5; i++) {
            final EgressFrame frame = Objects.requireNonNull(reader.next(5 - i));
            assertEquals(i < 3, first == frame.ipOffset, "frame " + i);
            assertEquals(i, ring.arena().getInt(frame.ipOffset, BIG_ENDIAN));
        }
    }
}
