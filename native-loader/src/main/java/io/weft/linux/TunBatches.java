/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import org.agrona.CloseHelper;

/**
 * Frames of a queue that are read, and others that are written, with one system call for several of them. A TUN device has none such
 * itself: a call of it reads or writes one frame (docs/decisions/0019-small-packets-in-batches.md).
 *
 * <p>Each direction is owned by one thread.
 */
final class TunBatches implements AutoCloseable {
    private final int readFd;
    private final int writeFd;
    private final IoUring reads;
    private final IoUring writes;
    private int failure;
    private int read;
    private boolean isSingle;
    private int single;

    private TunBatches(final int readFd, final int writeFd, final IoUring reads, final IoUring writes) {
        this.readFd = readFd;
        this.writeFd = writeFd;
        this.reads = reads;
        this.writes = writes;
    }

    /**
     * Prepares both directions of a queue, whose frames stay where they are.
     *
     * @throws LinuxException with the remedy, if the kernel has no io_uring, refuses it, or has none for TUN devices that does not wait.
     */
    static TunBatches open(final int readFd, final int writeFd) {
        final IoUring reads = IoUring.open(FrameBatchSource.MAX_BATCH);
        IoUring writes = null;
        try {
            requireNoWait(reads, readFd);
            writes = IoUring.open(FrameBatchSink.MAX_BATCH);
            return new TunBatches(readFd, writeFd, reads, writes);
        } finally {
            if (null == writes) {
                reads.close();
            }
        }
    }

    /** A read of nothing, which takes no frame: drivers/net/tun.c has {@code FMODE_NOWAIT} since Linux 5.11. */
    private static void requireNoWait(final IoUring reads, final int fd) {
        reads.read(0, fd, 0, 0);
        final int submitted = reads.submit(1);
        final int result = submitted < 0 ? submitted : reads.result(0);
        if (result < 0 && -Errno.EAGAIN != result) {
            throw IoUring.failure(-result);
        }
    }

    void place(final int index, final long address, final int capacity) {
        reads.read(index, readFd, address, capacity);
    }

    void read(final int count) {
        final int submitted = reads.submit(count);
        failure = Math.min(0, submitted);
        read = Math.max(0, submitted);
    }

    /** Places that the kernel did not come to have nothing. */
    int readResult(final int index) {
        if (index < read) {
            return reads.result(index);
        }
        return 0 == failure ? -Errno.EAGAIN : failure;
    }

    /** One frame alone, and one of a batch that the kernel has no memory for, goes by a call of its own. */
    int write(final MessageVector frames, final int from, final int count) {
        if (count > 1) {
            for (int i = 0; i < count; i++) {
                writes.writev(i, writeFd, frames.iovecs(from + i), frames.iovecCount(from + i));
            }
            isSingle = false;
            final int submitted = writes.submit(count);
            if (submitted > 0) {
                return submitted;
            }
        }
        long written;
        do {
            written = Libc.LIBC.writev(writeFd, frames.iovecs(from), frames.iovecCount(from));
        } while (written < 0 && Errno.EINTR == Errno.last());
        single = written < 0 ? -Errno.last() : (int) written;
        isSingle = true;
        return 1;
    }

    int writeResult(final int index) {
        return isSingle ? single : writes.result(index);
    }

    @Override
    public void close() {
        CloseHelper.closeAll(reads, writes);
    }
}
