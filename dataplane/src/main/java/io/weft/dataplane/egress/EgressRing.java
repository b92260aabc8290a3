/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.linux.Framing;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.agrona.BitUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.jctools.queues.varhandle.SpscVarHandleArrayQueue;
import org.jspecify.annotations.Nullable;

/**
 * Frames between the egress receiver and the egress sender: a ring of memory in which a frame takes what it needs, so
 * that small packets lie side by side, and the descriptors of the frames in it.
 *
 * <p>The receiver claims, one frame or slots for a batch of them, and publishes; the sender polls and releases in order. When nothing
 * is in flight, the next claim begins at the start of the memory again, and with the first descriptor, so that a node that keeps up
 * works in cache.
 */
public final class EgressRing {
    private static final int MAX_FRAME_LENGTH =
            BitUtil.align(EgressFrame.HEADROOM + Framing.MAX_PACKET_LENGTH, BitUtil.CACHE_LINE_LENGTH);

    /** Longest packet of a batch that is moved: longer than one of Ethernet's, and copied in less time than a call takes. */
    static final int MOVED_MOST = 2048;

    /** The part of a ring that is kept free of frames which a stalled sender keeps. */
    private static final int RESERVED = 4;

    private static final VarHandle RELEASED_SEQUENCE;

    static {
        try {
            RELEASED_SEQUENCE = MethodHandles.lookup().findVarHandle(EgressRing.class, "releasedSequence", long.class);
        } catch (final ReflectiveOperationException ex) {
            throw new ExceptionInInitializerError(ex);
        }
    }

    private final UnsafeBuffer arena;
    private final int length;
    private final EgressFrame[] frames;
    private final SpscVarHandleArrayQueue<EgressFrame> queue;

    private long position;
    private long sequence;

    /** Where the slots of a batch begin. */
    private long slotsPosition;

    /** Where the receiver last began anew; what was passed over to come there is in nobody's hands. */
    private long restartPosition;

    private long restartSequence;

    private long releasedPosition;

    @SuppressWarnings("unused")
    private long releasedSequence;

    /**
     * @param memory whose ring this is, at least 256 KB of it.
     * @param frameCount how many frames may be in flight, a power of two.
     */
    public EgressRing(final EgressMemory memory, final int frameCount) {
        arena = memory.buffer();
        length = memory.ringLength();
        frames = new EgressFrame[frameCount];
        for (int i = 0; i < frameCount; i++) {
            frames[i] = new EgressFrame(i);
        }
        queue = new SpscVarHandleArrayQueue<>(frameCount);
    }

    /** The memory that all offsets of frames count in. */
    UnsafeBuffer arena() {
        return arena;
    }

    /** Receiver: a frame with room for the longest packet, or null while the sender is behind. */
    @Nullable
    EgressFrame claim() {
        return 0 == room(1) ? null : frameAt(position);
    }

    /**
     * Receiver: slots side by side, each with room for the longest packet, of which {@link #claimSlot} makes frames.
     *
     * @param most how many are wanted, 1 or more.
     * @return how many there are, 0 while the sender is behind.
     */
    int claimSlots(final int most) {
        final int slots = room(most);
        slotsPosition = position;
        return slots;
    }

    /** Receiver: where the IP packet of a slot of the batch begins. */
    int slotOffset(final int slot) {
        return offset(slotsPosition + (long) slot * MAX_FRAME_LENGTH) + EgressFrame.HEADROOM;
    }

    /**
     * Receiver: the frame of a slot, which is claimed after that of the one before. A short one is moved to right behind that, as drivers of
     * network cards do with what came in a long buffer (their copybreak): so a batch of them does not use up the ring.
     *
     * @param headerLength bytes in front of the IP packet that are moved with it.
     * @param ipLength bytes of what was read to the slot.
     */
    EgressFrame claimSlot(final int slot, final int headerLength, final int ipLength) {
        final long slotPosition = slotsPosition + (long) slot * MAX_FRAME_LENGTH;
        if (ipLength > MOVED_MOST) {
            position = slotPosition;
        } else if (position != slotPosition) {
            final int skipped = EgressFrame.HEADROOM - headerLength;
            arena.putBytes(offset(position) + skipped, arena, offset(slotPosition) + skipped, headerLength + ipLength);
        }
        return frameAt(position);
    }

    /** Goes to where there is room for frames of the full length side by side, and says for how many, at most so many. */
    private int room(final int most) {
        final long released = (long) RELEASED_SEQUENCE.getAcquire(this);
        final int free = frames.length - (int) (sequence - released);
        if (0 == free) {
            return 0;
        }
        final boolean empty = sequence == released;
        if (0 != offset(position) && (empty || length - offset(position) < MAX_FRAME_LENGTH)) {
            position += length - offset(position);
        }
        if (empty) {
            restartPosition = position;
            restartSequence = sequence;
        }
        final long used = position - Math.max(restartPosition, releasedPosition);
        final long room = Math.min(length - used, length - offset(position)) / MAX_FRAME_LENGTH;
        return (int) Math.min(Math.min(most, free), room);
    }

    private EgressFrame frameAt(final long place) {
        final EgressFrame frame = frames[(int) (sequence - restartSequence) & (frames.length - 1)];
        frame.ipOffset = offset(place) + EgressFrame.HEADROOM;
        frame.sequence = sequence;
        return frame;
    }

    private int offset(final long place) {
        return (int) place & (length - 1);
    }

    /** Receiver: hands the frame last claimed to the sender; a frame that is not published is claimed again. */
    void publish(final EgressFrame frame, final int ipLength) {
        position += BitUtil.align(EgressFrame.HEADROOM + ipLength, BitUtil.CACHE_LINE_LENGTH);
        frame.endPosition = position;
        sequence++;
        queue.offer(frame);
    }

    /** Receiver: how many frames the sender has not released. */
    int inFlight() {
        return (int) (sequence - (long) RELEASED_SEQUENCE.getAcquire(this));
    }

    /** How many frames may be in flight. */
    int capacity() {
        return frames.length;
    }

    /** Sender: the next frame, or null. */
    @Nullable
    EgressFrame poll() {
        return queue.relaxedPoll();
    }

    /** Sender: the frame polled after this one, if there was any and this one is not released. */
    EgressFrame following(final EgressFrame frame) {
        return frames[(frame.index + 1) & (frames.length - 1)];
    }

    /** Sender: whether so much is not released, from one frame to another, that the receiver may soon have no room. */
    boolean isShort(final EgressFrame oldest, final EgressFrame newest) {
        return newest.endPosition - oldest.endPosition > length - length / RESERVED
                || newest.sequence - oldest.sequence >= frames.length - frames.length / RESERVED;
    }

    /** Whether the sender has something to do. */
    boolean isEmpty() {
        return queue.isEmpty();
    }

    /** Sender: gives back the memory of this frame and of all before it. */
    void release(final EgressFrame frame) {
        releasedPosition = frame.endPosition;
        RELEASED_SEQUENCE.setRelease(this, frame.sequence + 1);
    }
}
