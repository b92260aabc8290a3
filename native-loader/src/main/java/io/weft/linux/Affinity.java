/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/** sched_setaffinity(2), for who measures what a processor is like. weft's own threads run wherever the kernel puts them. */
public final class Affinity {
    /** {@code cpu_set_t} of glibc: 1024 processors, the lowest bit of the first byte is processor 0. */
    private static final int SET_LENGTH = 128;

    private Affinity() {}

    /**
     * Has the calling thread run on one processor alone from now on.
     *
     * @throws LinuxException if it may not, as where it is not among the processors of the process's cgroup.
     */
    public static void pin(final int processor) {
        final UnsafeBuffer set = new UnsafeBuffer(BufferUtil.allocateDirectAligned(SET_LENGTH, Long.BYTES));
        set.putLong(processor / Long.SIZE * Long.BYTES, 1L << processor, LITTLE_ENDIAN);
        if (Libc.LIBC.sched_setaffinity(0, SET_LENGTH, set.addressOffset()) < 0) {
            throw new LinuxException("run on processor " + processor, Errno.last());
        }
    }
}
