/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static io.weft.linux.SocketConstants.AF_UNIX;
import static io.weft.linux.SocketConstants.SOCK_CLOEXEC;
import static io.weft.linux.SocketConstants.SOCK_NONBLOCK;
import static io.weft.linux.SocketConstants.SOCK_SEQPACKET;
import static java.nio.ByteOrder.nativeOrder;

import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Two connected ends that keep frames apart, without a device and without a privilege (unix(7), {@code SOCK_SEQPACKET}): what is
 * written to one, by write or writev, is read from the other, whole. For whoever rehearses what a queue of a device is used for.
 * As many frames as {@code net.unix.max_dgram_qlen} says may lie in it, 10 unless somebody has changed that.
 */
public final class FrameLine implements AutoCloseable {
    private static final int ENDS = 2;
    private static final int TAKEN = -1;

    private final int[] fds = new int[ENDS];

    /** @throws LinuxException if the kernel refuses. */
    public FrameLine() {
        final UnsafeBuffer pair = new UnsafeBuffer(BufferUtil.allocateDirectAligned(ENDS * Integer.BYTES, Long.BYTES));
        if (Libc.LIBC.socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair.addressOffset()) < 0) {
            throw new LinuxException("open a pair of unix sockets", Errno.last());
        }
        for (int end = 0; end < ENDS; end++) {
            fds[end] = pair.getInt(end * Integer.BYTES, nativeOrder());
        }
    }

    /** The descriptor of an end, which belongs to the caller from now on. */
    int takeEnd(final int end) {
        final int fd = fds[end];
        fds[end] = TAKEN;
        return fd;
    }

    /** Closes the ends that nobody has taken. */
    @Override
    public void close() {
        for (int end = 0; end < ENDS; end++) {
            final int fd = takeEnd(end);
            if (TAKEN != fd) {
                Libc.LIBC.close(fd);
            }
        }
    }
}
