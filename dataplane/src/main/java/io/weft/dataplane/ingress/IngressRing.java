/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import io.weft.encap.FrameHeader;
import io.weft.encap.Superframe;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.jctools.queues.varhandle.SpscVarHandleArrayQueue;
import org.jspecify.annotations.Nullable;

/**
 * Frames between the ingress receiver and the ingress sender. A datagram's length is not known before it is read, and
 * with {@code UDP_GRO} it may be up to 64 KB; so the memory is a ring of slots of that length, one for each message. Of a
 * slot, only what is written is ever touched.
 *
 * <p>The receiver takes slots and publishes frames that point into them; the sender polls and releases in order. When
 * nothing is in flight, the receiver begins at the first slot again, so that a node that keeps up works in cache.
 */
public final class IngressRing {
    /** Longest UDP payload, rounded up. */
    static final int SLOT_LENGTH = 0x10000;

    private static final VarHandle RELEASED_SEQUENCE;

    static {
        try {
            RELEASED_SEQUENCE = MethodHandles.lookup().findVarHandle(IngressRing.class, "releasedSequence", long.class);
        } catch (final ReflectiveOperationException ex) {
            throw new ExceptionInInitializerError(ex);
        }
    }

    private final int slotCount;
    private final UnsafeBuffer arena;
    private final IngressFrame[] frames;
    private final SpscVarHandleArrayQueue<IngressFrame> queue;

    private long position;
    private long sequence;

    /** What the receiver knows of {@link #releasedSequence}; never more. */
    private long releasedSeen;

    /** Where the receiver last began anew; what was passed over to come there is in nobody's hands. */
    private long restartPosition;

    private long publishedSequence;

    private long releasedPosition;

    @SuppressWarnings("unused")
    private long releasedSequence;

    /**
     * @param slotCount how many messages may be in flight, a power of two.
     * @param frameCount how many frames may be in flight, a power of two.
     * @param joinsUdp whether the host's device takes UDP superframes.
     * @param tunnelHeaderLength bytes in front of each packet of a datagram.
     */
    public IngressRing(
            final int slotCount,
            final int frameCount,
            final FrameHeader header,
            final boolean joinsUdp,
            final int tunnelHeaderLength) {
        this.slotCount = slotCount;
        arena = allocate(slotCount * SLOT_LENGTH);
        final UnsafeBuffer gather = allocate(frameCount * Superframe.GATHER_LENGTH);
        frames = new IngressFrame[frameCount];
        for (int i = 0; i < frameCount; i++) {
            frames[i] = new IngressFrame(
                    new Superframe(gather, i * Superframe.GATHER_LENGTH, header, joinsUdp, tunnelHeaderLength));
        }
        queue = new SpscVarHandleArrayQueue<>(frameCount);
    }

    /** What a ring, and the receivers that fill it, take outside of the heap, in bytes. */
    public static long memoryLength(final int slotCount, final int frameCount) {
        return (long) slotCount * SLOT_LENGTH
                + (long) frameCount * Superframe.GATHER_LENGTH
                + DatagramReceiver.memoryLength(slotCount)
                + PacketReceiver.memoryLength(slotCount);
    }

    private static UnsafeBuffer allocate(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, BitUtil.CACHE_LINE_LENGTH));
    }

    /** The memory that all offsets of packets count in. */
    UnsafeBuffer arena() {
        return arena;
    }

    /** How many slots there are; each is {@link #SLOT_LENGTH} bytes of the arena, in their order. */
    int slotCount() {
        return slotCount;
    }

    /**
     * Receiver: free slots that lie side by side, to be received into.
     *
     * @param most how many are wanted at most.
     * @return how many there are from {@link #firstSlot} on; 0 while the sender is behind.
     */
    int claimSlots(final int most) {
        final long released = (long) RELEASED_SEQUENCE.getAcquire(this);
        final boolean empty = sequence == released;
        final int slot = (int) (position & (slotCount - 1));
        if (empty && 0 != slot) {
            position += slotCount - slot;
        }
        if (empty) {
            restartPosition = position;
        }
        final long inFlight = position - Math.max(restartPosition, releasedPosition);
        final int first = firstSlot();
        return Math.min(most, Math.min(slotCount - first, (int) (slotCount - inFlight)));
    }

    /** Receiver: the first of the slots claimed. */
    int firstSlot() {
        return (int) (position & (slotCount - 1));
    }

    /** Receiver: whether a frame is free. */
    boolean hasFrame() {
        if (sequence - releasedSeen < frames.length) {
            return true;
        }
        releasedSeen = (long) RELEASED_SEQUENCE.getAcquire(this);
        return sequence - releasedSeen < frames.length;
    }

    /** Receiver: a frame of the batch that is being received, after {@link #hasFrame} has said that there is one. */
    IngressFrame claimFrame() {
        final IngressFrame frame = frames[(int) sequence & (frames.length - 1)];
        frame.sequence = sequence++;
        return frame;
    }

    /**
     * Receiver: hands all frames claimed since the last call to the sender, after their headers are written.
     *
     * @param slots how many slots they lie in, and nothing else: the last frames of a slot that is not done yet do not count it.
     * @param isLastWaiting whether nothing more waits at the underlay.
     * @return how many frames there were.
     */
    int publish(final int slots, final boolean isLastWaiting) {
        final int count = (int) (sequence - publishedSequence);
        final long start = position;
        position += slots;
        while (publishedSequence < sequence) {
            final IngressFrame frame = frames[(int) publishedSequence & (frames.length - 1)];
            publishedSequence++;
            frame.superframe.conclude(arena);
            frame.endPosition = publishedSequence == sequence ? position : start;
            frame.isLastWaiting = isLastWaiting && publishedSequence == sequence;
            queue.offer(frame);
        }
        return count;
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
    IngressFrame poll() {
        return queue.relaxedPoll();
    }

    /** Whether the sender has nothing to do. */
    boolean isEmpty() {
        return queue.isEmpty();
    }

    /** Sender: gives back this frame and all before it, and the slots that only they lie in. */
    void release(final IngressFrame frame) {
        releasedPosition = frame.endPosition;
        RELEASED_SEQUENCE.setRelease(this, frame.sequence + 1);
    }
}
