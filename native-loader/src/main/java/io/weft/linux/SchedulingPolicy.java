/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static java.nio.ByteOrder.nativeOrder;

import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * How the scheduler treats a thread of this process (sched_setattr(2)): for how long it runs before the others that wait for its core, and
 * whether it comes before all that are ordinary. A thread that was given another policy than an ordinary one by whoever started it keeps that.
 *
 * <pre>
 * struct sched_attr (include/uapi/linux/sched/types.h), native byte order
 *  0  size      4  policy      8  flags     16  nice     20  priority    24  runtime: the slice, ns    32  deadline    40  period
 * </pre>
 *
 * Not thread-safe; what is refused is returned as -errno, and changes nothing.
 */
public final class SchedulingPolicy {
    private static final SchedulingCalls CALLS = SchedulingCalls.of(System.getProperty("os.arch", ""));

    private static final int POLICY_OFFSET = Integer.BYTES;
    private static final int FLAGS_OFFSET = POLICY_OFFSET + Integer.BYTES;
    private static final int NICE_OFFSET = FLAGS_OFFSET + Long.BYTES;
    private static final int PRIORITY_OFFSET = NICE_OFFSET + Integer.BYTES;
    private static final int RUNTIME_OFFSET = PRIORITY_OFFSET + Integer.BYTES;
    private static final int LENGTH = RUNTIME_OFFSET + 3 * Long.BYTES; // SCHED_ATTR_SIZE_VER0

    /** {@code SCHED_OTHER}, {@code SCHED_BATCH} (include/uapi/linux/sched.h): the ordinary ones, which slices are for. */
    private static final int SCHED_OTHER = 0;

    private static final int SCHED_BATCH = 3;

    /** Runs until it waits, before all that are ordinary. */
    private static final int SCHED_FIFO = 1;

    private static final int CALLING_THREAD = 0;

    private final int tid;
    private final UnsafeBuffer ordinary = attributes();
    private final UnsafeBuffer realTime = attributes();

    /** That of the calling thread, whoever uses it. */
    public SchedulingPolicy() {
        this((int) Libc.LIBC.syscall(CALLS.gettid(), 0, 0, 0, 0));
    }

    /** That of a thread, by the number that the kernel has for it. */
    public SchedulingPolicy(final int tid) {
        this.tid = tid;
        realTime.putInt(POLICY_OFFSET, SCHED_FIFO, nativeOrder());
    }

    /**
     * Gives the thread a slice of its own (for ordinary threads since Linux 6.12; older kernels have one slice for all, and ignore what is
     * asked for).
     *
     * @param sliceNs 100 000 to 100 000 000, beyond which the kernel takes the nearest.
     * @return 0, or -errno: the filter of a container's system calls refuses it, and no kernel by itself.
     */
    public int slice(final long sliceNs) {
        if (0 != get(tid, ordinary)) {
            return -Errno.last();
        }
        if (!isOrdinary(ordinary)) {
            return 0;
        }
        ordinary.putLong(RUNTIME_OFFSET, sliceNs, nativeOrder());
        return set(ordinary);
    }

    /**
     * Has the thread run before all ordinary ones, until {@link #makeOrdinary}.
     *
     * @param priority 1 to 99, among threads of this kind.
     * @return 0, or -errno: {@code EPERM} without CAP_SYS_NICE and without such a limit (RLIMIT_RTPRIO), or where the thread's control group
     *     has no share of real time (CONFIG_RT_GROUP_SCHED); {@code EINVAL} where it is no ordinary thread.
     */
    public int makeRealTime(final int priority) {
        if (0 != get(tid, ordinary)) {
            return -Errno.last();
        }
        if (!isOrdinary(ordinary)) {
            return -Errno.EINVAL;
        }
        realTime.putInt(PRIORITY_OFFSET, priority, nativeOrder());
        return set(realTime);
    }

    /** Takes {@link #makeRealTime} back: the thread has the policy, the nice value and the slice that it had. */
    public int makeOrdinary() {
        return set(ordinary);
    }

    /** The slice of the calling thread, in nanoseconds; 0 where the kernel tells of none. */
    public static long sliceNs() {
        final UnsafeBuffer attributes = attributes();
        return 0 == get(CALLING_THREAD, attributes) && isOrdinary(attributes)
                ? attributes.getLong(RUNTIME_OFFSET, nativeOrder())
                : 0;
    }

    private static boolean isOrdinary(final UnsafeBuffer attributes) {
        final int policy = attributes.getInt(POLICY_OFFSET, nativeOrder());
        return SCHED_OTHER == policy || SCHED_BATCH == policy;
    }

    private static long get(final int tid, final UnsafeBuffer attributes) {
        return Libc.LIBC.syscall(CALLS.getattr(), tid, attributes.addressOffset(), LENGTH, 0);
    }

    private int set(final UnsafeBuffer attributes) {
        return 0 == Libc.LIBC.syscall(CALLS.setattr(), tid, attributes.addressOffset(), 0, 0) ? 0 : -Errno.last();
    }

    private static UnsafeBuffer attributes() {
        final UnsafeBuffer attributes = new UnsafeBuffer(BufferUtil.allocateDirectAligned(LENGTH, Long.BYTES));
        attributes.putInt(0, LENGTH, nativeOrder());
        return attributes;
    }
}
