/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.encap.GatherList;
import io.weft.encap.SuperframeCutter;
import io.weft.linux.ControlMessage;
import io.weft.linux.MessageVector;
import io.weft.linux.SocketAddress;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Datagrams that wait to be sent. Those that follow one another, go to one peer and have one length are one message, which the kernel
 * cuts; the last of a message may be shorter. By a UDP socket ({@code UDP_SEGMENT}) or, with outer headers, by a packet socket:
 *
 * <pre>
 *   message 0   name, control: UDP_SEGMENT 1472      iovecs  | headers 0 | payload 0 | headers 1 | payload 1 | ...
 *   message 1   name, control: -                     iovecs  | packet in the arena |
 *
 *   message 0   -                           iovecs  | outer headers | headers 0 | payload 0 | headers 1 | payload 1 | ...
 *   message 1   -                           iovecs  | outer headers | packet in the arena |
 * </pre>
 *
 * Owned by a {@link DatagramSender} or a {@link PacketQueue}.
 */
final class DatagramBatch {
    static final int MAX_MESSAGES = 64;
    private static final int MAX_IOVECS = 1024;

    /**
     * The kernel's limit for the iovecs of one message ({@code UIO_MAXIOV}) is never reached: two for each segment, and one for outer
     * headers.
     */
    private static final int IOVECS_PER_SEGMENT = 2;

    private static final int IOVECS_MOST = 1 + IOVECS_PER_SEGMENT;

    /** Messages that a superframe may make besides those that are full: by its remainder, and by the longest length of a message. */
    private static final int MESSAGES_MORE = 3;

    private static final long NEVER = Long.MIN_VALUE;
    private static final int HEADERS_LENGTH = 0x10000;
    private static final int CONTROL_LENGTH = 2 * ControlMessage.SPACE;

    private final UnsafeBuffer arena;
    private final DatagramMessage[] messages = new DatagramMessage[MAX_MESSAGES];
    private final MessageVector vector = new MessageVector(MAX_MESSAGES);
    private final UnsafeBuffer controls = allocate(MAX_MESSAGES * CONTROL_LENGTH);
    private final UnsafeBuffer iovecs = allocate(MAX_IOVECS * GatherList.ENTRY_LENGTH);
    private final UnsafeBuffer headers = allocate(HEADERS_LENGTH + SuperframeCutter.HEADER_SLOT_LENGTH);

    private final @Nullable OuterHeaders outer;
    private final NarrowPaths narrowPaths;
    private final int maxSegments;
    private int messageCount;
    private int iovecCount;
    private int headersPosition;

    /** When the underlay first took no more of this batch. */
    private long refusedAtNs = NEVER;

    /** The last message, while one more datagram may be appended to it. */
    private @Nullable DatagramMessage open;

    /**
     * @param arena the memory that frames lie in.
     * @param maxSegments datagrams of one message at most.
     * @param outer what stands in front of a message, null for a UDP socket, which sees to that itself.
     * @param narrowPaths where datagrams are not joined.
     */
    DatagramBatch(
            final UnsafeBuffer arena,
            final int maxSegments,
            final @Nullable OuterHeaders outer,
            final NarrowPaths narrowPaths) {
        this.arena = arena;
        this.narrowPaths = narrowPaths;
        this.outer = outer;
        this.maxSegments = maxSegments;
        for (int i = 0; i < MAX_MESSAGES; i++) {
            messages[i] = new DatagramMessage();
        }
    }

    /** What a batch takes outside of the heap, in bytes: a vector, and what its messages point to. */
    static long memoryLength() {
        return MAX_MESSAGES * (long) (CONTROL_LENGTH + MessageVector.MESSAGE_LENGTH)
                + MAX_IOVECS * (long) GatherList.ENTRY_LENGTH
                + HEADERS_LENGTH
                + SuperframeCutter.HEADER_SLOT_LENGTH;
    }

    private static UnsafeBuffer allocate(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, BitUtil.CACHE_LINE_LENGTH));
    }

    /** How many datagrams one message has at most. */
    int maxSegments() {
        return maxSegments;
    }

    /** Whether there is room for one more datagram, of whatever kind. */
    boolean hasRoom() {
        return messageCount < MAX_MESSAGES
                && iovecCount + IOVECS_MOST <= MAX_IOVECS
                && headersPosition + SuperframeCutter.HEADER_SLOT_LENGTH <= HEADERS_LENGTH;
    }

    /** Whether there is room for so many datagrams of one frame. What has room for none of them holds none. */
    boolean hasRoom(final int datagrams) {
        return 1 == datagrams
                ? hasRoom()
                : messageCount + datagrams / maxSegments + MESSAGES_MORE <= MAX_MESSAGES
                        && iovecCount + IOVECS_MOST * datagrams <= MAX_IOVECS
                        && headersPosition + SuperframeCutter.HEADER_SLOT_LENGTH * datagrams <= HEADERS_LENGTH;
    }

    /**
     * Adds a packet that lies in the arena as it goes out, tunnel header in front.
     *
     * @param socket of the worker's sending sockets the one that the flow belongs to.
     */
    void add(final EgressFrame frame, final int length, final int socket) {
        prepare(frame, length, socket);
        putIovec(arena.addressOffset() + frame.ipOffset - frame.tunnelHeaderLength, length);
    }

    /** Adds one segment of a superframe: headers from the cutter, payload from the arena. */
    void addSegment(final EgressFrame frame, final SuperframeCutter cutter, final int segment, final int socket) {
        final int headersLength = cutter.headersLength();
        final int payloadLength = cutter.payloadLength(segment);
        cutter.writeHeaders(headers, headersPosition, segment);
        prepare(frame, headersLength + payloadLength, socket);
        putIovec(headers.addressOffset() + headersPosition, headersLength);
        putIovec(arena.addressOffset() + cutter.payloadOffset(segment), payloadLength);
        headersPosition += BitUtil.align(headersLength, Long.BYTES);
    }

    private void putIovec(final long address, final int length) {
        GatherList.put(iovecs, iovecCount * GatherList.ENTRY_LENGTH, address, length);
        iovecCount++;
    }

    /** Joins the datagram to the open message, or opens one for it. */
    private void prepare(final EgressFrame frame, final int length, final int socket) {
        final DatagramMessage last = open;
        if (null != last && last.segments < last.maxSegments && last.takes(arena, frame, length, socket)) {
            last.append(length);
            open = length == last.segmentLength ? last : null;
            return;
        }
        concludeLast();
        final DatagramMessage next = messages[messageCount++];
        if (null != outer) {
            iovecCount++;
        }
        next.begin(frame, length, socket, iovecCount);
        next.maxSegments = narrowPaths.isTooLong(arena, next.nameOffset, next.nameLength, length) ? 1 : maxSegments;
        open = next;
    }

    /** No more datagrams come: all messages can be sent. Returns how many there are. */
    int conclude() {
        concludeLast();
        return messageCount;
    }

    /** Writes what the message header says, now that the last message has all its datagrams. */
    private void concludeLast() {
        if (0 == messageCount) {
            return;
        }
        final int index = messageCount - 1;
        final DatagramMessage message = messages[index];
        if (null == outer) {
            putMessage(vector, index, index);
            return;
        }
        final int length = outer.put(index, message);
        final int first = message.firstIovec - 1;
        GatherList.put(iovecs, first * GatherList.ENTRY_LENGTH, outer.address(index), length);
        vector.iovecs(index, iovecs.addressOffset() + (long) first * GatherList.ENTRY_LENGTH, iovecsEnd(index) - first);
    }

    /** Where the iovecs of a message end. */
    private int iovecsEnd(final int index) {
        final boolean isLast = index == messageCount - 1;
        return isLast ? iovecCount : messages[index + 1].firstIovec - (null == outer ? 0 : 1);
    }

    /** Writes message header {@code at} of a vector, for a UDP socket that cuts the message of that index. */
    private void putMessage(final MessageVector target, final int at, final int index) {
        final DatagramMessage message = messages[index];
        int control = index * CONTROL_LENGTH;
        if (message.segments > 1) {
            ControlMessage.putShort(
                    controls, control, ControlMessage.SOL_UDP, ControlMessage.UDP_SEGMENT, message.segmentLength);
            control += ControlMessage.SPACE;
        }
        control += putTos(control, message);
        putHeader(target, at, index, message.firstIovec, iovecsEnd(index), control - index * CONTROL_LENGTH);
    }

    /**
     * Makes a message of one of this batch, whatever is in front of it here, that a UDP socket cuts.
     *
     * @param single whose only message is written.
     * @param index of the message, after {@link #conclude}.
     */
    void putMessage(final MessageVector single, final int index) {
        putMessage(single, 0, index);
    }

    /** Writes message header {@code at} of a vector, for the message of that index: iovecs up to {@code iovecsEnd}. */
    private void putHeader(
            final MessageVector target,
            final int at,
            final int index,
            final int iovec,
            final int iovecsEnd,
            final int controlLength) {
        final DatagramMessage message = messages[index];
        target.name(at, arena.addressOffset() + message.nameOffset, message.nameLength);
        target.iovecs(at, iovecs.addressOffset() + (long) iovec * GatherList.ENTRY_LENGTH, iovecsEnd - iovec);
        target.control(
                at, 0 == controlLength ? 0 : controls.addressOffset() + (long) index * CONTROL_LENGTH, controlLength);
    }

    /** Returns how many bytes it took: none for 0, which is the kernel's default. */
    private int putTos(final int offset, final DatagramMessage message) {
        if (0 == message.tos) {
            return 0;
        }
        if (SocketAddress.IPV4_LENGTH == message.nameLength) {
            ControlMessage.putInt(controls, offset, ControlMessage.SOL_IP, ControlMessage.IP_TOS, message.tos);
        } else {
            ControlMessage.putInt(controls, offset, ControlMessage.SOL_IPV6, ControlMessage.IPV6_TCLASS, message.tos);
        }
        return ControlMessage.SPACE;
    }

    /** A message, after {@link #conclude}. */
    DatagramMessage message(final int index) {
        return messages[index];
    }

    /** The headers of all messages, after {@link #conclude}. */
    MessageVector vector() {
        return vector;
    }

    /**
     * Makes a message of a single datagram out of one of several. The latter's own header is of no use afterwards.
     *
     * @param single whose only message is written.
     * @param index of the message that holds the datagram.
     * @param iovec the first of the datagram's iovecs.
     * @param length of the datagram in bytes.
     * @return the first of the next datagram's iovecs.
     */
    int putDatagram(final MessageVector single, final int index, final int iovec, final int length) {
        final int end = datagramEnd(iovec, length);
        putHeader(single, 0, index, iovec, end, putTos(index * CONTROL_LENGTH, messages[index]));
        return end;
    }

    /**
     * A message consists of its last datagrams alone from now on: the others have been sent one by one, and so will these be. Its header is
     * of no use.
     *
     * @param iovec the first of those datagrams' iovecs.
     * @param length of those datagrams together in bytes.
     */
    void keepRest(final int index, final int iovec, final int length) {
        messages[index].keepRest(iovec, length);
    }

    /** Where the iovecs of a datagram end. */
    int datagramEnd(final int iovec, final int length) {
        int end = iovec;
        for (int gathered = 0; gathered < length; end++) {
            gathered += GatherList.length(iovecs, end * GatherList.ENTRY_LENGTH);
        }
        return end;
    }

    /** The address of an iovec: from there on a {@link GatherList}. */
    long iovecAddress(final int iovec) {
        return iovecs.addressOffset() + (long) iovec * GatherList.ENTRY_LENGTH;
    }

    /** The kernel did not cut this message for its peer's path. */
    void onTooLong(final int index) {
        final DatagramMessage message = messages[index];
        narrowPaths.add(arena, message.nameOffset, message.nameLength, message.segmentLength);
    }

    /** The kernel cuts no message for this one's peer. */
    void onNoneCut(final int index) {
        final DatagramMessage message = messages[index];
        narrowPaths.add(arena, message.nameOffset, message.nameLength, 0);
    }

    /**
     * Memory has been copied, and what points into it points to the copy from now on, after {@link #conclude}.
     *
     * @param from offset of the memory in the arena.
     * @param length of it in bytes.
     * @param to offset of the copy.
     */
    void onMoved(final int from, final int length, final int to) {
        final long begin = arena.addressOffset() + from;
        for (int i = 0; i < iovecCount; i++) {
            final int entry = i * GatherList.ENTRY_LENGTH;
            final long address = GatherList.address(iovecs, entry);
            if (address >= begin && address < begin + length) {
                GatherList.put(iovecs, entry, address - from + to, GatherList.length(iovecs, entry));
            }
        }
        for (int i = 0; i < messageCount; i++) {
            final DatagramMessage message = messages[i];
            if (message.nameOffset >= from && message.nameOffset < from + length) {
                message.nameOffset += to - from;
                if (null == outer) {
                    vector.name(i, arena.addressOffset() + message.nameOffset, message.nameLength);
                }
            }
        }
    }

    /** The underlay takes no more of it for now. */
    void onRefusal(final long nowNs) {
        if (NEVER == refusedAtNs) {
            refusedAtNs = nowNs;
        }
    }

    /** Whether it has been kept for longer than anything waits. */
    boolean isTooOld(final long nowNs) {
        return NEVER != refusedAtNs && nowNs - refusedAtNs > FairQueue.MAX_WAIT_NS;
    }

    /** Forgets all messages: the memory that they named is free. */
    void clear() {
        messageCount = 0;
        iovecCount = 0;
        headersPosition = 0;
        refusedAtNs = NEVER;
        open = null;
    }
}
