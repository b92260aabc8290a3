/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.encap.SuperframeCutter;
import io.weft.linux.DatagramPort;
import io.weft.linux.Errno;
import io.weft.linux.MessageVector;
import io.weft.linux.Poller;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Sends datagrams through one socket, as many as can be with one system call, and accounts for each of them. Owned by the
 * egress sender.
 */
final class DatagramSender {
    /** How long a full send buffer may keep the data thread: a 10 Gbit/s link sends a megabyte in that time. */
    private static final int MAX_BUSY_MS = 1;

    private static final int MAX_BUSY_WAITS = 4;

    private final DatagramPort port;
    private final DatagramBatch batch;
    private final WorkerCounters counters;
    private final MessageVector single = new MessageVector(1);
    private final Poller writable = new Poller(1);

    private boolean segmentationOffload;
    private int busyWaits;

    /**
     * @param arena the memory that frames lie in.
     * @param maxSegments datagrams that the kernel cuts from one message at most; 1 where it cuts none.
     */
    DatagramSender(
            final DatagramPort port, final UnsafeBuffer arena, final int maxSegments, final WorkerCounters counters) {
        this.port = port;
        this.counters = counters;
        batch = new DatagramBatch(arena, maxSegments);
        segmentationOffload = maxSegments > 1;
    }

    /** Adds a packet that lies in the arena as it goes out, tunnel header in front. */
    void add(final EgressFrame frame, final int length) {
        makeRoom();
        batch.add(frame, length);
    }

    /** Adds one segment of a superframe: headers from the cutter, payload from the arena. */
    void addSegment(final EgressFrame frame, final SuperframeCutter cutter, final int segment) {
        makeRoom();
        batch.addSegment(frame, cutter, segment);
    }

    private void makeRoom() {
        if (!batch.hasRoom()) {
            flush();
        }
    }

    /** Sends all that waits. Afterwards the memory that was named is free, whatever became of the datagrams. */
    void flush() {
        final int count = batch.conclude();
        if (0 == count) {
            return;
        }
        busyWaits = 0;
        int index = 0;
        while (index < count) {
            final int result = port.send(batch.vector(), index, count - index);
            if (result > 0) {
                countSent(index, result);
                index += result;
            } else {
                index += onFailure(index, -result);
            }
        }
        batch.clear();
    }

    private void countSent(final int first, final int count) {
        int packets = 0;
        int bytes = 0;
        for (int i = first; i < first + count; i++) {
            final DatagramMessage message = batch.message(i);
            packets += message.segments;
            bytes += message.innerLength();
        }
        countSent(count, packets, bytes);
    }

    private void countSent(final int messages, final int packets, final int bytes) {
        counters.add(DataPlaneCounter.EGRESS_MESSAGES, messages);
        counters.add(DataPlaneCounter.EGRESS_FORWARDED_PACKETS, packets);
        counters.add(DataPlaneCounter.EGRESS_FORWARDED_BYTES, bytes);
    }

    /** Returns how many messages are dealt with: 0 to try the same one again, or 1. */
    private int onFailure(final int index, final int errno) {
        final int segments = batch.message(index).segments;
        if (mayTryAgain(errno)) {
            return 0;
        }
        if (segments > 1 && (Errno.EIO == errno || Errno.EINVAL == errno || Errno.EMSGSIZE == errno)) {
            if (segmentationOffload && Errno.EIO == errno) {
                segmentationOffload = false;
                batch.maxSegments(1);
                counters.add(DataPlaneCounter.EGRESS_SEGMENTATION_FALLBACKS, 1);
            }
            sendOneByOne(index);
            return 1;
        }
        counters.drop(reason(errno), segments);
        return 1;
    }

    /** Waits, a bounded number of times for each flush, until the socket can take more. */
    private boolean mayTryAgain(final int errno) {
        if (Errno.EAGAIN == errno) {
            writable.set(0, port.fd(), Poller.POLLOUT);
            return busyWaits++ < MAX_BUSY_WAITS && writable.poll(MAX_BUSY_MS) > 0;
        }
        return Errno.EINTR == errno;
    }

    /**
     * Sends the datagrams of a message that the kernel would not cut: EIO if the device cannot checksum (before Linux 6.11),
     * EMSGSIZE if a segment does not fit the path to this peer, for which it is EINVAL before Linux 6.14 (net/ipv4/udp.c,
     * {@code udp_send_skb}).
     */
    private void sendOneByOne(final int index) {
        final DatagramMessage message = batch.message(index);
        int iovec = message.firstIovec;
        int left = message.length;
        while (left > 0) {
            final int length = Math.min(left, message.segmentLength);
            iovec = batch.putDatagram(single, index, iovec, length);
            int result = port.send(single, 0, 1);
            while (result <= 0 && mayTryAgain(-result)) {
                result = port.send(single, 0, 1);
            }
            if (result > 0) {
                countSent(1, 1, length - message.tunnelHeaderLength);
            } else {
                counters.drop(reason(-result), 1);
            }
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
