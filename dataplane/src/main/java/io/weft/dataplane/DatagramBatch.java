/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static java.nio.ByteOrder.nativeOrder;

import io.weft.encap.GatherList;
import io.weft.encap.SuperframeCutter;
import io.weft.linux.ControlMessage;
import io.weft.linux.DatagramPort;
import io.weft.linux.Errno;
import io.weft.linux.MessageVector;
import io.weft.linux.Poller;
import io.weft.linux.SocketAddress;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Datagrams that wait to be sent through one socket. Those that follow one another, go to one peer and have one length
 * are one message, which the kernel cuts ({@code UDP_SEGMENT}); the last of a message may be shorter.
 *
 * <pre>
 *   message 0   name, control: UDP_SEGMENT 1472      iovecs  | headers 0 | payload 0 | headers 1 | payload 1 | ...
 *   message 1   name, control: -                     iovecs  | whole packet in the arena |
 * </pre>
 *
 * Owned by the egress sender.
 */
final class DatagramBatch {
    private static final int MAX_MESSAGES = 64;
    private static final int MAX_IOVECS = 1024;

    /** The kernel's limit for the iovecs of one message ({@code UIO_MAXIOV}) is never reached: two for each segment. */
    private static final int IOVECS_PER_SEGMENT = 2;

    private static final int HEADERS_LENGTH = 0x10000;

    /** Longest UDP payload over IPv4, and so the longest message (net/ipv4/udp.c). */
    private static final int MAX_MESSAGE_LENGTH = 0xFFFF - 20 - 8;

    private static final int CONTROL_LENGTH = 2 * ControlMessage.SPACE;

    /** How long a full send buffer may keep the data thread: a 10 Gbit/s link sends a megabyte in that time. */
    private static final int MAX_BUSY_MS = 1;

    private static final int MAX_BUSY_WAITS = 4;

    private final DatagramPort port;
    private final int maxSegments;
    private final WorkerCounters counters;
    private final MessageVector messages = new MessageVector(MAX_MESSAGES);
    private final UnsafeBuffer controls = allocate(MAX_MESSAGES * CONTROL_LENGTH);
    private final UnsafeBuffer iovecs = allocate(MAX_IOVECS * GatherList.ENTRY_LENGTH);
    private final UnsafeBuffer headers = allocate(HEADERS_LENGTH + SuperframeCutter.HEADER_SLOT_LENGTH);
    private final int[] segments = new int[MAX_MESSAGES];
    private final int[] lengths = new int[MAX_MESSAGES];
    private final int[] segmentLengths = new int[MAX_MESSAGES];
    private final int[] firstIovecs = new int[MAX_MESSAGES];
    private final long[] names = new long[MAX_MESSAGES];
    private final int[] nameLengths = new int[MAX_MESSAGES];
    private final int[] tunnelHeaderLengths = new int[MAX_MESSAGES];
    private final int[] toses = new int[MAX_MESSAGES];
    private final MessageVector single = new MessageVector(1);
    private final Poller writable = new Poller(1);

    private boolean segmentationOffload;
    private int messageCount;
    private int iovecCount;
    private int headersPosition;
    private boolean open;
    private int openName;
    private int busyWaits;

    DatagramBatch(final DatagramPort port, final int maxSegments, final WorkerCounters counters) {
        this.port = port;
        this.maxSegments = maxSegments;
        this.counters = counters;
        segmentationOffload = maxSegments > 1;
    }

    private static UnsafeBuffer allocate(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, BitUtil.CACHE_LINE_LENGTH));
    }

    /** Adds a packet that lies in one piece, tunnel header in front. */
    void add(final UnsafeBuffer arena, final EgressFrame frame, final int length) {
        makeRoom();
        prepare(arena, frame, length);
        putIovec(arena.addressOffset() + frame.ipOffset - frame.tunnelHeaderLength, length);
    }

    /** Adds one segment of a superframe: headers from the cutter, payload from the arena. */
    void addSegment(
            final UnsafeBuffer arena, final EgressFrame frame, final SuperframeCutter cutter, final int segment) {
        makeRoom();
        final int headersLength = cutter.headersLength();
        final int payloadLength = cutter.payloadLength(segment);
        cutter.writeHeaders(headers, headersPosition, segment);
        prepare(arena, frame, headersLength + payloadLength);
        putIovec(headers.addressOffset() + headersPosition, headersLength);
        putIovec(arena.addressOffset() + cutter.payloadOffset(segment), payloadLength);
        headersPosition += BitUtil.align(headersLength, Long.BYTES);
    }

    private void makeRoom() {
        if (messageCount == MAX_MESSAGES
                || iovecCount + IOVECS_PER_SEGMENT > MAX_IOVECS
                || headersPosition + SuperframeCutter.HEADER_SLOT_LENGTH > HEADERS_LENGTH) {
            flush();
        }
    }

    private void putIovec(final long address, final int length) {
        GatherList.put(iovecs, iovecCount * GatherList.ENTRY_LENGTH, address, length);
        iovecCount++;
    }

    /** Joins the datagram to the open message, or opens one for it. */
    private void prepare(final UnsafeBuffer arena, final EgressFrame frame, final int length) {
        final int name = frame.ipOffset - EgressFrame.HEADROOM;
        final int tos = frame.outerTos;
        final int last = messageCount - 1;
        if (open
                && length <= segmentLengths[last]
                && segments[last] < maxSegments
                && lengths[last] + length <= MAX_MESSAGE_LENGTH
                && tos == toses[last]
                && frame.sockaddrLength == nameLengths[last]
                && isSamePeer(arena, openName, name, frame.sockaddrLength)) {
            segments[last]++;
            lengths[last] += length;
            open = length == segmentLengths[last];
            return;
        }
        sealLast();
        final int index = messageCount++;
        segments[index] = 1;
        lengths[index] = length;
        segmentLengths[index] = length;
        firstIovecs[index] = iovecCount;
        names[index] = arena.addressOffset() + name;
        nameLengths[index] = frame.sockaddrLength;
        tunnelHeaderLengths[index] = frame.tunnelHeaderLength;
        open = segmentationOffload;
        toses[index] = tos;
        openName = name;
    }

    private static boolean isSamePeer(final UnsafeBuffer arena, final int a, final int b, final int length) {
        final int last = length - Long.BYTES;
        for (int i = 0; i < last; i += Long.BYTES) {
            if (arena.getLong(a + i, nativeOrder()) != arena.getLong(b + i, nativeOrder())) {
                return false;
            }
        }
        return arena.getLong(a + last, nativeOrder()) == arena.getLong(b + last, nativeOrder());
    }

    /** Writes what the message header says, now that the message has all its datagrams. */
    private void sealLast() {
        final int index = messageCount - 1;
        if (index < 0) {
            return;
        }
        int control = index * CONTROL_LENGTH;
        final int start = control;
        if (segments[index] > 1) {
            ControlMessage.putShort(
                    controls, control, ControlMessage.SOL_UDP, ControlMessage.UDP_SEGMENT, segmentLengths[index]);
            control += ControlMessage.SPACE;
        }
        control += putTos(control, index);
        messages.name(index, names[index], nameLengths[index]);
        messages.iovecs(
                index,
                iovecs.addressOffset() + (long) firstIovecs[index] * GatherList.ENTRY_LENGTH,
                iovecCount - firstIovecs[index]);
        final int length = control - start;
        messages.control(index, 0 == length ? 0 : controls.addressOffset() + start, length);
    }

    private int putTos(final int offset, final int index) {
        final int tos = toses[index];
        if (0 == tos) {
            return 0;
        }
        if (SocketAddress.IPV4_LENGTH == nameLengths[index]) {
            ControlMessage.putInt(controls, offset, ControlMessage.SOL_IP, ControlMessage.IP_TOS, tos);
        } else {
            ControlMessage.putInt(controls, offset, ControlMessage.SOL_IPV6, ControlMessage.IPV6_TCLASS, tos);
        }
        return ControlMessage.SPACE;
    }

    /** Sends all that waits. Afterwards the memory that was named is free, whatever became of the datagrams. */
    void flush() {
        if (0 == messageCount) {
            return;
        }
        sealLast();
        busyWaits = 0;
        int index = 0;
        while (index < messageCount) {
            final int result = port.send(messages, index, messageCount - index);
            if (result > 0) {
                countSent(index, result);
                index += result;
            } else {
                index += onFailure(index, -result);
            }
        }
        messageCount = 0;
        iovecCount = 0;
        headersPosition = 0;
        open = false;
    }

    private void countSent(final int first, final int count) {
        int packets = 0;
        int bytes = 0;
        for (int i = first; i < first + count; i++) {
            packets += segments[i];
            bytes += lengths[i] - segments[i] * tunnelHeaderLengths[i];
        }
        counters.add(DataPlaneCounter.EGRESS_MESSAGES, count);
        counters.add(DataPlaneCounter.EGRESS_FORWARDED_PACKETS, packets);
        counters.add(DataPlaneCounter.EGRESS_FORWARDED_BYTES, bytes);
    }

    /** Returns how many messages are dealt with: 0 to try the same one again, or 1. */
    private int onFailure(final int index, final int errno) {
        if (Errno.EAGAIN == errno) {
            writable.set(0, port.fd(), Poller.POLLOUT);
            if (busyWaits++ < MAX_BUSY_WAITS && writable.poll(MAX_BUSY_MS) > 0) {
                return 0;
            }
        } else if (Errno.EINTR == errno) {
            return 0;
        } else if (segments[index] > 1 && (Errno.EIO == errno || Errno.EINVAL == errno || Errno.EMSGSIZE == errno)) {
            if (segmentationOffload && Errno.EMSGSIZE != errno) {
                segmentationOffload = false;
                counters.add(DataPlaneCounter.EGRESS_SEGMENTATION_FALLBACKS, 1);
            }
            sendOneByOne(index);
            return 1;
        }
        counters.drop(reason(errno), segments[index]);
        return 1;
    }

    /**
     * Sends the datagrams of a message that the kernel would not cut: EIO if the device cannot checksum, EINVAL or
     * EMSGSIZE if a segment does not fit the path (net/ipv4/udp.c, {@code udp_send_skb}).
     */
    private void sendOneByOne(final int index) {
        int iovec = firstIovecs[index];
        int left = lengths[index];
        final int control = index * CONTROL_LENGTH;
        final int controlLength = putTos(control, index);
        while (left > 0) {
            final int length = Math.min(left, segmentLengths[index]);
            int count = 0;
            for (int gathered = 0; gathered < length; count++) {
                gathered += GatherList.length(iovecs, (iovec + count) * GatherList.ENTRY_LENGTH);
            }
            single.name(0, names[index], nameLengths[index]);
            single.iovecs(0, iovecs.addressOffset() + (long) iovec * GatherList.ENTRY_LENGTH, count);
            single.control(0, 0 == controlLength ? 0 : controls.addressOffset() + control, controlLength);
            final int result = port.send(single, 0, 1);
            if (result > 0) {
                counters.add(DataPlaneCounter.EGRESS_MESSAGES, 1);
                counters.add(DataPlaneCounter.EGRESS_FORWARDED_PACKETS, 1);
                counters.add(DataPlaneCounter.EGRESS_FORWARDED_BYTES, length - tunnelHeaderLengths[index]);
            } else {
                counters.drop(reason(-result), 1);
            }
            iovec += count;
            left -= length;
        }
    }

    private static DropReason reason(final int errno) {
        return switch (errno) {
            case Errno.EAGAIN, Errno.ENOBUFS, Errno.ENOMEM -> DropReason.UNDERLAY_BUSY;
            case Errno.ENETUNREACH, Errno.EHOSTUNREACH, Errno.ENETDOWN -> DropReason.UNDERLAY_UNREACHABLE;
            case Errno.EPERM, Errno.EACCES -> DropReason.UNDERLAY_REFUSED;
            default -> DropReason.UNDERLAY_ERROR;
        };
    }
}
