/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static java.nio.ByteOrder.nativeOrder;

import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * How long the scheduler lets the calling thread run before the others that wait for its core (sched_setattr(2); for ordinary threads since
 * Linux 6.12). Older kernels have one slice for all, and ignore what is asked for.
 *
 * <pre>
 * struct sched_attr (include/uapi/linux/sched/types.h), native byte order
 *  0  size      4  policy      8  flags     16  nice     20  priority    24  runtime: the slice, ns    32  deadline    40  period
 * </pre>
 */
public final class TimeSlice {
    private static final boolean X86_64 = "amd64".equals(System.getProperty("os.arch"));

    /** {@code __NR_sched_setattr}, {@code __NR_sched_getattr} (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h). */
    private static final long SYSCALL_SETATTR = X86_64 ? 314 : 274;

    private static final long SYSCALL_GETATTR = X86_64 ? 315 : 275;

    private static final int POLICY_OFFSET = Integer.BYTES;
    private static final int FLAGS_OFFSET = POLICY_OFFSET + Integer.BYTES;
    private static final int NICE_OFFSET = FLAGS_OFFSET + Long.BYTES;
    private static final int RUNTIME_OFFSET = NICE_OFFSET + 2 * Integer.BYTES;
    private static final int LENGTH = RUNTIME_OFFSET + 3 * Long.BYTES; // SCHED_ATTR_SIZE_VER0

    /** {@code SCHED_OTHER}, {@code SCHED_BATCH} (include/uapi/linux/sched.h): those that slices are for. */
    private static final int SCHED_OTHER = 0;

    private static final int SCHED_BATCH = 3;

    private TimeSlice() {}

    /**
     * Gives the calling thread a slice of its own; all else about it stays, and a thread of a real-time policy stays as it is.
     *
     * @param sliceNs 100 000 to 100 000 000, beyond which the kernel takes the nearest.
     * @return 0, or what the kernel refused it with, as -errno: the filter of a container's system calls does, and no kernel by itself.
     */
    public static int set(final long sliceNs) {
        final UnsafeBuffer attributes = attributes();
        if (0 != get(attributes)) {
            return -Errno.last();
        }
        if (!hasSlice(attributes)) {
            return 0;
        }
        attributes.putLong(RUNTIME_OFFSET, sliceNs, nativeOrder());
        return 0 == Libc.LIBC.syscall(SYSCALL_SETATTR, 0, attributes.addressOffset(), 0, 0) ? 0 : -Errno.last();
    }

    /** The slice of the calling thread, in nanoseconds; 0 where the kernel tells of none. */
    public static long ns() {
        final UnsafeBuffer attributes = attributes();
        return 0 == get(attributes) && hasSlice(attributes) ? attributes.getLong(RUNTIME_OFFSET, nativeOrder()) : 0;
    }

    private static boolean hasSlice(final UnsafeBuffer attributes) {
        final int policy = attributes.getInt(POLICY_OFFSET, nativeOrder());
        return SCHED_OTHER == policy || SCHED_BATCH == policy;
    }

    private static long get(final UnsafeBuffer attributes) {
        return Libc.LIBC.syscall(SYSCALL_GETATTR, 0, attributes.addressOffset(), LENGTH, 0);
    }

    private static UnsafeBuffer attributes() {
        final UnsafeBuffer attributes = new UnsafeBuffer(BufferUtil.allocateDirectAligned(LENGTH, Long.BYTES));
        attributes.putInt(0, LENGTH, nativeOrder());
        return attributes;
    }
}
