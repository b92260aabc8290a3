/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static java.nio.ByteOrder.nativeOrder;

import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Reads and writes that enter the kernel together (io_uring(7)). None waits: each asks for {@code RWF_NOWAIT}, so that all have ended when
 * {@link #submit} returns, in the order in which they were placed, and no memory of theirs is the kernel's after it.
 *
 * <pre>
 *  struct io_uring_sqe, 64 bytes
 * 0       1       2               4               8                               16
 * +-------+-------+---------------+---------------+-------------------------------+
 * |opcode |flags  |ioprio         | fd            | off                           |   0
 * +-------+-------+---------------+---------------+---------------+---------------+
 * | addr                          | len           | rw_flags      |                  16
 * +-------------------------------+---------------+---------------+
 * | user_data                     | (zero)                                           32
 * +-------------------------------+-----------
 *
 *  struct io_uring_cqe, 16 bytes
 * 0                               8               12              16
 * +-------------------------------+---------------+---------------+
 * | user_data                     | res           | flags         |
 * +-------------------------------+---------------+---------------+
 * </pre>
 *
 * No descriptor is registered, although that would spare the kernel a look at the table of files: the ring would keep the file open, and with
 * it a TUN device, until the kernel has taken the ring down, some time after it was closed.
 *
 * <p>Owned by one thread. Sources: include/uapi/linux/io_uring.h, io_uring/io_uring.c, io_uring/rw.c.
 */
final class IoUring implements AutoCloseable {
    /** The same on all architectures that have been added to Linux since 5.1, and on x86-64. */
    private static final int IO_URING_SETUP = 425;

    private static final int IO_URING_ENTER = 426;

    private static final byte IORING_OP_WRITEV = 2;
    private static final byte IORING_OP_READ = 22;
    private static final int RWF_NOWAIT = 0x08; // include/uapi/linux/fs.h

    private static final long IORING_OFF_SQ_RING = 0;
    private static final long IORING_OFF_SQES = 0x10000000;
    private static final int IORING_FEAT_SINGLE_MMAP = 1;

    /** {@code struct io_uring_params}, and in it {@code struct io_sqring_offsets} and {@code struct io_cqring_offsets}. */
    private static final int PARAMS_SQ_ENTRIES_OFFSET = 0;

    private static final int PARAMS_CQ_ENTRIES_OFFSET = 4;
    private static final int PARAMS_FEATURES_OFFSET = 20;
    private static final int PARAMS_SQ_OFFSET = 40;
    private static final int PARAMS_CQ_OFFSET = 80;
    private static final int PARAMS_LENGTH = 120;
    private static final int SQ_HEAD_OFFSET = 0;
    private static final int SQ_TAIL_OFFSET = 4;
    private static final int SQ_ARRAY_OFFSET = 24;
    private static final int CQ_HEAD_OFFSET = 0;
    private static final int CQ_TAIL_OFFSET = 4;
    private static final int CQ_CQES_OFFSET = 20;

    private static final int SQE_LENGTH = 64;
    private static final int SQE_OPCODE_OFFSET = 0;
    private static final int SQE_FD_OFFSET = 4;
    private static final int SQE_ADDRESS_OFFSET = 16;
    private static final int SQE_COUNT_OFFSET = SQE_ADDRESS_OFFSET + Long.BYTES;
    private static final int SQE_RW_FLAGS_OFFSET = SQE_COUNT_OFFSET + Integer.BYTES;
    private static final int SQE_USER_DATA_OFFSET = SQE_RW_FLAGS_OFFSET + Integer.BYTES;

    private static final int CQE_LENGTH = 16;
    private static final int CQE_USER_DATA_OFFSET = 0;
    private static final int CQE_RESULT_OFFSET = CQE_USER_DATA_OFFSET + Long.BYTES;

    private final int fd;
    private final int entryMask;
    private final int completionMask;
    private final UnsafeBuffer ring;
    private final UnsafeBuffer entries;
    private final int sqHead;
    private final int sqTail;
    private final int cqHead;
    private final int cqTail;
    private final int cqes;
    private final int[] results;
    private int tail;
    private boolean closed;

    private IoUring(final int fd, final UnsafeBuffer params) {
        this.fd = fd;
        final int entryCount = params.getInt(PARAMS_SQ_ENTRIES_OFFSET, nativeOrder());
        final int completionCount = params.getInt(PARAMS_CQ_ENTRIES_OFFSET, nativeOrder());
        entryMask = entryCount - 1;
        completionMask = completionCount - 1;
        sqHead = params.getInt(PARAMS_SQ_OFFSET + SQ_HEAD_OFFSET, nativeOrder());
        sqTail = params.getInt(PARAMS_SQ_OFFSET + SQ_TAIL_OFFSET, nativeOrder());
        final int array = params.getInt(PARAMS_SQ_OFFSET + SQ_ARRAY_OFFSET, nativeOrder());
        cqHead = params.getInt(PARAMS_CQ_OFFSET + CQ_HEAD_OFFSET, nativeOrder());
        cqTail = params.getInt(PARAMS_CQ_OFFSET + CQ_TAIL_OFFSET, nativeOrder());
        cqes = params.getInt(PARAMS_CQ_OFFSET + CQ_CQES_OFFSET, nativeOrder());
        results = new int[entryCount];
        ring = map(
                Math.max(array + entryCount * Integer.BYTES, cqes + completionCount * CQE_LENGTH), IORING_OFF_SQ_RING);
        UnsafeBuffer mapped = null;
        try {
            mapped = map(entryCount * SQE_LENGTH, IORING_OFF_SQES);
        } finally {
            if (null == mapped) {
                unmap(ring);
            }
        }
        entries = mapped;
        for (int i = 0; i < entryCount; i++) {
            ring.putInt(array + i * Integer.BYTES, i, nativeOrder());
        }
    }

    /**
     * Opens one.
     *
     * @param entryCount how many reads and writes enter together at most, a power of two.
     * @throws LinuxException with the remedy, if the kernel has no io_uring or this process may not use it.
     */
    static IoUring open(final int entryCount) {
        final UnsafeBuffer params = new UnsafeBuffer(BufferUtil.allocateDirectAligned(PARAMS_LENGTH, Long.BYTES));
        final int fd = (int) Libc.LIBC.syscall(IO_URING_SETUP, entryCount, params.addressOffset(), 0, 0);
        if (fd < 0) {
            throw failure(Errno.last());
        }
        boolean isOpen = false;
        try {
            if (0 == (params.getInt(PARAMS_FEATURES_OFFSET, nativeOrder()) & IORING_FEAT_SINGLE_MMAP)) {
                throw failure(Errno.EOPNOTSUPP);
            }
            final IoUring opened = new IoUring(fd, params);
            isOpen = true;
            return opened;
        } finally {
            if (!isOpen) {
                Libc.LIBC.close(fd);
            }
        }
    }

    /** That there can be none, and why. */
    static LinuxException failure(final int errno) {
        final String remedy = switch (errno) {
            case Errno.ENOSYS, Errno.EOPNOTSUPP, Errno.EINVAL -> "It needs Linux 5.11 with CONFIG_IO_URING";
            case Errno.EPERM, Errno.EACCES ->
                "A seccomp filter refuses it, as those of containers do, or sysctl kernel.io_uring_disabled";
            case Errno.ENOMEM -> "Before Linux 5.12 its rings count as locked memory: raise RLIMIT_MEMLOCK";
            default -> "";
        };
        return new LinuxException("use io_uring", errno, remedy);
    }

    private UnsafeBuffer map(final int length, final long offset) {
        final long address = Libc.LIBC.mmap(
                Libc.nullPointer(),
                length,
                Libc.PROT_READ | Libc.PROT_WRITE,
                Libc.MAP_SHARED | Libc.MAP_POPULATE,
                fd,
                offset);
        if (Libc.MAP_FAILED == address) {
            throw failure(Errno.last());
        }
        return new UnsafeBuffer(address, length);
    }

    private static void unmap(final UnsafeBuffer memory) {
        Libc.LIBC.munmap(memory.addressOffset(), memory.capacity());
    }

    /** Places a read to contiguous memory as number {@code index} of those that enter next. */
    void read(final int index, final int file, final long address, final int capacity) {
        place(index, IORING_OP_READ, file, address, capacity);
    }

    /** Places a write from memory in pieces: {@code iovecs} is the address of {@code count} {@code struct iovec}. */
    void writev(final int index, final int file, final long iovecs, final int count) {
        place(index, IORING_OP_WRITEV, file, iovecs, count);
    }

    private void place(final int index, final byte opcode, final int file, final long address, final int count) {
        final int entry = (tail + index & entryMask) * SQE_LENGTH;
        entries.putLong(entry + SQE_OPCODE_OFFSET, 0, nativeOrder());
        entries.putByte(entry + SQE_OPCODE_OFFSET, opcode);
        entries.putInt(entry + SQE_FD_OFFSET, file, nativeOrder());
        entries.putLong(entry + SQE_ADDRESS_OFFSET, address, nativeOrder());
        entries.putInt(entry + SQE_COUNT_OFFSET, count, nativeOrder());
        entries.putInt(entry + SQE_RW_FLAGS_OFFSET, RWF_NOWAIT, nativeOrder());
        entries.putLong(entry + SQE_USER_DATA_OFFSET, index, nativeOrder());
    }

    /**
     * Has the first {@code count} that were placed done. Those that the kernel does not come to are as if they had not been placed.
     *
     * @return how many have ended, each with a {@link #result}, 1 or more; or a negative errno if none has.
     */
    int submit(final int count) {
        tail += count;
        ring.putIntRelease(sqTail, tail);
        // Nothing is waited for, so that the call's fifth and sixth arguments are not looked at.
        final int submitted = (int) Libc.LIBC.syscall(IO_URING_ENTER, fd, count, 0, 0);
        final int errno = submitted < 0 ? Errno.last() : 0;
        tail = ring.getIntVolatile(sqHead); // behind what was taken
        ring.putIntRelease(sqTail, tail);
        if (submitted <= 0) {
            return 0 == errno ? -Errno.EAGAIN : -errno;
        }
        reap(submitted);
        return submitted;
    }

    private void reap(final int count) {
        int head = ring.getInt(cqHead, nativeOrder());
        final int end = head + count;
        while (head != end) {
            // All are there when the call returns (REQ_F_NOWAIT): were one not, its memory would be the kernel's.
            while (head == ring.getIntVolatile(cqTail)) {
                Thread.onSpinWait();
            }
            final int completion = cqes + (head & completionMask) * CQE_LENGTH;
            final int index = (int) ring.getLong(completion + CQE_USER_DATA_OFFSET, nativeOrder());
            results[index] = ring.getInt(completion + CQE_RESULT_OFFSET, nativeOrder());
            head++;
        }
        ring.putIntRelease(cqHead, head);
    }

    /** What the read or write of that number returned: bytes, or a negative errno. */
    int result(final int index) {
        return results[index];
    }

    /** Gives the memory back and closes the ring, which keeps no other file open. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            unmap(entries);
            unmap(ring);
            Libc.LIBC.close(fd);
        }
    }
}
