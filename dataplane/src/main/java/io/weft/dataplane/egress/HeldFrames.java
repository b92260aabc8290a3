/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static java.nio.ByteOrder.nativeOrder;

import org.agrona.BitUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Frames that the underlay does not take for now, copied out of the {@link EgressRing}, so that the ring is free for what comes, and without an
 * object for each, so that ten thousand of them cost the heap nothing. A log: frames lie one behind the other, are done with in any order,
 * and their memory is given back in the order in which they came; one that holds much behind it is put there again. A frame is named by where
 * it begins in the arena.
 *
 * <pre>
 *  frame                frame + 64                            frame + 192
 * +--------------------+-------------------------------------+-----------+
 * | descriptor         | headroom, as in the ring            | IP packet |
 * +--------------------+-------------------------------------+-----------+
 * </pre>
 *
 * <p>Owned by the egress sender.
 */
final class HeldFrames {
    static final int NONE = -1;

    /** Of a frame that waits: no batch is as late. */
    private static final long WAITS = Long.MAX_VALUE;

    /** The part of the memory that is kept free, so that there is room for what one turn of the sender may add. */
    private static final int RESERVED = 8;

    private static final int BATCH_OFFSET = 0;
    private static final int SINCE_OFFSET = BATCH_OFFSET + Long.BYTES;
    private static final int SEQUENCE_OFFSET = SINCE_OFFSET + Long.BYTES;
    private static final int LENGTH_OFFSET = SEQUENCE_OFFSET + Long.BYTES;
    private static final int NEXT_OFFSET = LENGTH_OFFSET + Integer.BYTES;
    private static final int PREVIOUS_OFFSET = NEXT_OFFSET + Integer.BYTES;
    private static final int FLOW_OFFSET = PREVIOUS_OFFSET + Integer.BYTES;
    private static final int PEER_OFFSET = FLOW_OFFSET + Integer.BYTES;
    private static final int IP_LENGTH_OFFSET = PEER_OFFSET + Integer.BYTES;
    private static final int TUNNEL_HEADER_LENGTH_OFFSET = IP_LENGTH_OFFSET + Integer.BYTES;
    private static final int SOCKADDR_LENGTH_OFFSET = TUNNEL_HEADER_LENGTH_OFFSET + Short.BYTES;
    private static final int OUTER_TOS_OFFSET = SOCKADDR_LENGTH_OFFSET + Short.BYTES;
    private static final int GSO_TYPE_OFFSET = OUTER_TOS_OFFSET + Short.BYTES;
    private static final int GSO_SIZE_OFFSET = GSO_TYPE_OFFSET + Short.BYTES;

    /** From the IP packet on; 0, which is in its header, where no checksum is wanting. */
    private static final int CHECKSUM_START_OFFSET = GSO_SIZE_OFFSET + Short.BYTES;

    private static final int CHECKSUM_OFFSET_OFFSET = CHECKSUM_START_OFFSET + Short.BYTES;

    /** What every frame is aligned to, so that there is room for a descriptor wherever one may begin. */
    private static final int ALIGNMENT = BitUtil.align(CHECKSUM_OFFSET_OFFSET + Short.BYTES, BitUtil.CACHE_LINE_LENGTH);

    private static final int HEADROOM_OFFSET = ALIGNMENT;
    private static final int IP_OFFSET = HEADROOM_OFFSET + EgressFrame.HEADROOM;

    /** What is given back to the host at once, for some tens of microseconds: a packet that comes meanwhile waits no longer than for a wake-up. */
    private static final int GIVEN_BACK_MOST = 0x80000;

    private final EgressMemory memory;
    private final UnsafeBuffer arena;
    private final int begin;
    private final int capacity;
    private long head;
    private long tail;

    /** Bytes copied to here and within, since they were last taken. */
    private long movedBytes;

    /** Up to here frames have lain, since the host was given pages back. */
    private int touched;

    /** @param memory whose second part the frames lie in; all offsets of frames count from where it begins. */
    HeldFrames(final EgressMemory memory) {
        this.memory = memory;
        arena = memory.buffer();
        begin = memory.ringLength();
        capacity = memory.heldLength();
    }

    /** Bytes of frames that may wait here: with as many as these there is a half more for those that came and went meanwhile. */
    int limit() {
        return capacity / 3 * 2;
    }

    /** What a frame takes, in bytes. */
    static int length(final int ipLength) {
        return BitUtil.align(IP_OFFSET + ipLength, ALIGNMENT);
    }

    /**
     * Copies a frame.
     *
     * @param sinceNs since when it waits.
     * @return where it is, or {@link #NONE} if there is no room.
     */
    int put(final EgressFrame frame, final long sinceNs) {
        final int ipLength = frame.packet.totalLength();
        final int length = length(ipLength);
        final int at = claim(length);
        if (NONE != at) {
            describe(at, frame, ipLength, length, sinceNs);
            arena.putBytes(
                    at + HEADROOM_OFFSET,
                    arena,
                    frame.ipOffset - EgressFrame.HEADROOM,
                    EgressFrame.HEADROOM + ipLength);
            movedBytes += EgressFrame.HEADROOM + ipLength;
        }
        return at;
    }

    /**
     * Copies a frame that lies here, with all that is said of it, behind all others.
     *
     * @return where it is, or {@link #NONE} if there is no room.
     */
    int putAgain(final int from) {
        final int length = memoryLength(from);
        final int at = claim(length);
        if (NONE != at) {
            arena.putBytes(at, arena, from, length);
            movedBytes += length;
        }
        return at;
    }

    /** Bytes that were copied since this was last asked. */
    long takeMovedBytes() {
        final long taken = movedBytes;
        movedBytes = 0;
        return taken;
    }

    private int claim(final int length) {
        if (isEmpty()) {
            head = 0;
            tail = 0;
        }
        final int left = capacity - (int) (head & (capacity - 1));
        final int passedOver = left < length ? left : 0;
        if (head + passedOver + length - tail > capacity) {
            return NONE;
        }
        if (passedOver > 0) {
            putInt(at(head) + LENGTH_OFFSET, passedOver);
            forget(at(head));
            head += passedOver;
            touched = capacity;
        }
        final int at = at(head);
        head += length;
        touched = Math.max(touched, at - begin + length);
        return at;
    }

    private void describe(
            final int at, final EgressFrame frame, final int ipLength, final int length, final long sinceNs) {
        putLong(at + BATCH_OFFSET, WAITS);
        putLong(at + SINCE_OFFSET, sinceNs);
        putLong(at + SEQUENCE_OFFSET, frame.sequence);
        putInt(at + LENGTH_OFFSET, length);
        putInt(at + NEXT_OFFSET, NONE);
        putInt(at + PREVIOUS_OFFSET, NONE);
        putInt(at + FLOW_OFFSET, frame.flow);
        putInt(at + PEER_OFFSET, frame.peer);
        putInt(at + IP_LENGTH_OFFSET, ipLength);
        putShort(at + TUNNEL_HEADER_LENGTH_OFFSET, frame.tunnelHeaderLength);
        putShort(at + SOCKADDR_LENGTH_OFFSET, frame.sockaddrLength);
        putShort(at + OUTER_TOS_OFFSET, frame.outerTos);
        putShort(at + GSO_TYPE_OFFSET, frame.gsoType);
        putShort(at + GSO_SIZE_OFFSET, frame.gsoSize);
        putShort(at + CHECKSUM_START_OFFSET, frame.needsChecksum ? frame.checksumStart - frame.ipOffset : 0);
        putShort(at + CHECKSUM_OFFSET_OFFSET, frame.needsChecksum ? frame.checksumOffset - frame.ipOffset : 0);
    }

    /** Where the copy of a frame's headroom begins, and of its packet behind it. */
    static int headroomOffset(final int at) {
        return at + HEADROOM_OFFSET;
    }

    /** Makes a frame what was put here: it lies here, and is in no batch. */
    void load(final int at, final EgressFrame frame) {
        frame.ipOffset = at + IP_OFFSET;
        frame.sequence = arena.getLong(at + SEQUENCE_OFFSET, nativeOrder());
        frame.flow = flow(at);
        frame.peer = getInt(at + PEER_OFFSET);
        frame.tunnelHeaderLength = getShort(at + TUNNEL_HEADER_LENGTH_OFFSET);
        frame.sockaddrLength = getShort(at + SOCKADDR_LENGTH_OFFSET);
        frame.outerTos = getShort(at + OUTER_TOS_OFFSET);
        frame.gsoType = getShort(at + GSO_TYPE_OFFSET);
        frame.gsoSize = getShort(at + GSO_SIZE_OFFSET);
        final int checksumStart = getShort(at + CHECKSUM_START_OFFSET);
        frame.needsChecksum = 0 != checksumStart;
        frame.checksumStart = frame.ipOffset + checksumStart;
        frame.checksumOffset = frame.ipOffset + getShort(at + CHECKSUM_OFFSET_OFFSET);
        frame.batch = EgressFrame.NO_BATCH;
        frame.packet.parse(arena, frame.ipOffset, ipLength(at), false);
    }

    /** Whether nothing is here that its memory was not given back of. */
    boolean isEmpty() {
        return head == tail;
    }

    /** Whether nothing is here, in pages that the host could have again. */
    boolean isKeptForNothing() {
        return touched > 0 && isEmpty();
    }

    /** Gives some of these pages back to the host, the last of them first: they are had again when a frame comes to lie there. */
    void giveBackPages() {
        final int from = Math.max(0, touched - GIVEN_BACK_MOST);
        memory.giveBackPages(from, touched);
        touched = from;
    }

    /** Whether so much is here, from the oldest frame to the newest, that there may soon be no room. */
    boolean isShort() {
        return head - tail > capacity - capacity / RESERVED;
    }

    /** The first frame whose memory is not given back; what was passed over is one that is done with. */
    int oldest() {
        return at(tail);
    }

    /** Gives back the memory of the {@link #oldest} frame. */
    void releaseOldest() {
        tail += memoryLength(oldest());
    }

    /** Bytes of memory that a frame takes. */
    int memoryLength(final int at) {
        return getInt(at + LENGTH_OFFSET);
    }

    /** Bytes of its IP packet. */
    int ipLength(final int at) {
        return getInt(at + IP_LENGTH_OFFSET);
    }

    int flow(final int at) {
        return getInt(at + FLOW_OFFSET);
    }

    /** Since when it waits. */
    long sinceNs(final int at) {
        return arena.getLong(at + SINCE_OFFSET, nativeOrder());
    }

    /** The one behind it in its flow, or {@link #NONE}. */
    int next(final int at) {
        return getInt(at + NEXT_OFFSET);
    }

    void next(final int at, final int next) {
        putInt(at + NEXT_OFFSET, next);
    }

    /** The one before it in its flow, or {@link #NONE}. */
    int previous(final int at) {
        return getInt(at + PREVIOUS_OFFSET);
    }

    void previous(final int at, final int previous) {
        putInt(at + PREVIOUS_OFFSET, previous);
    }

    /** Whether it waits: it was neither put into a batch nor forgotten. */
    boolean waits(final int at) {
        return WAITS == batch(at);
    }

    /** Which batch of its {@link UnderlaySender} it is in: {@link UnderlaySender#batch}. */
    long batch(final int at) {
        return arena.getLong(at + BATCH_OFFSET, nativeOrder());
    }

    /** It waits no more, but its memory is wanted until that batch is dealt with. */
    void batch(final int at, final long batch) {
        putLong(at + BATCH_OFFSET, batch);
    }

    /** It was dropped. */
    void forget(final int at) {
        putLong(at + BATCH_OFFSET, EgressFrame.NO_BATCH);
    }

    private int at(final long position) {
        return begin + (int) (position & (capacity - 1));
    }

    private int getInt(final int index) {
        return arena.getInt(index, nativeOrder());
    }

    private int getShort(final int index) {
        return arena.getShort(index, nativeOrder()) & 0xFFFF;
    }

    private void putLong(final int index, final long value) {
        arena.putLong(index, value, nativeOrder());
    }

    private void putInt(final int index, final int value) {
        arena.putInt(index, value, nativeOrder());
    }

    private void putShort(final int index, final int value) {
        arena.putShort(index, (short) value, nativeOrder());
    }
}
