/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static java.nio.ByteOrder.nativeOrder;

import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/** eventfd(2): wakes a thread that waits in {@link Poller#poll(int)}. Any thread may signal; the waiting one clears. */
public final class EventFd implements AutoCloseable {
    private static final int EFD_NONBLOCK = 0x800;
    private static final int EFD_CLOEXEC = 0x80000;

    private final int fd;
    private final UnsafeBuffer one = new UnsafeBuffer(BufferUtil.allocateDirectAligned(Long.BYTES, Long.BYTES));
    private final UnsafeBuffer count = new UnsafeBuffer(BufferUtil.allocateDirectAligned(Long.BYTES, Long.BYTES));
    private volatile boolean closed;

    public EventFd() {
        fd = Libc.LIBC.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (fd < 0) {
            throw new LinuxException("open an eventfd", Errno.last());
        }
        one.putLong(0, 1, nativeOrder());
    }

    /** The descriptor to be polled. */
    public int fd() {
        return fd;
    }

    /** Makes the descriptor readable. A counter already at its limit is as good, so the result needs no look. */
    public void signal() {
        if (!closed) {
            Libc.LIBC.write(fd, one.addressOffset(), Long.BYTES);
        }
    }

    /** Makes the descriptor unreadable again; nothing to clear is no error. */
    public void clear() {
        Libc.LIBC.read(fd, count.addressOffset(), Long.BYTES);
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Libc.LIBC.close(fd);
        }
    }
}
