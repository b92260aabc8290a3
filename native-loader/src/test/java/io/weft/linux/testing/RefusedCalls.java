/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.testing;

import static java.nio.ByteOrder.nativeOrder;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import jnr.ffi.LibraryLoader;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * System calls that the kernel refuses, as by the filter of a container (seccomp(2)).
 *
 * <pre>
 * struct sock_filter (include/uapi/linux/filter.h)    0  code    2  jt    3  jf    4  k
 * struct sock_fprog                                   0  len     8  filter
 * </pre>
 */
public final class RefusedCalls {
    /** {@code sched_setattr}, {@code seccomp} (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h). */
    public static final int SCHED_SETATTR = isX86() ? 314 : 274;

    private static final long SECCOMP = isX86() ? 317 : 277;

    private static final int PR_SET_NO_NEW_PRIVS = 38;
    private static final int SET_MODE_FILTER = 1;
    private static final short LOAD_WORD = 0x20; // of struct seccomp_data, whose first is the number
    private static final short JUMP_IF_EQUAL = 0x15;
    private static final short RETURN = 0x06;
    private static final int RETURN_ERRNO = 0x0005_0000;
    private static final int RETURN_ALLOW = 0x7fff_0000;
    private static final int INSTRUCTION_LENGTH = 8;
    private static final int INSTRUCTIONS = 4;

    private RefusedCalls() {}

    /** As the C library has them; public for the class that jnr-ffi makes of it. */
    public interface Filters {
        int prctl(int option, long second, long third, long fourth, long fifth);

        long syscall(long number, long first, long second, long third);
    }

    private static boolean isX86() {
        return "amd64".equals(System.getProperty("os.arch"));
    }

    /** Runs a task on a thread of its own to which one call is refused, as to the threads and processes that it starts. */
    public static <T> T refusing(final int call, final int errno, final Callable<T> task) throws Exception {
        final FutureTask<T> filtered = new FutureTask<>(() -> {
            refuse(call, errno);
            return task.call();
        });
        final Thread thread = new Thread(filtered);
        thread.start();
        try {
            return filtered.get();
        } catch (final ExecutionException failure) {
            if (failure.getCause() instanceof final AssertionError failed) {
                throw failed;
            }
            throw failure;
        }
    }

    private static void refuse(final int call, final int errno) {
        final UnsafeBuffer filter =
                new UnsafeBuffer(BufferUtil.allocateDirectAligned(INSTRUCTIONS * INSTRUCTION_LENGTH, Long.BYTES));
        instruction(filter, 0, LOAD_WORD, 0, 0);
        instruction(filter, 1, JUMP_IF_EQUAL, 1, call);
        instruction(filter, 2, RETURN, 0, RETURN_ERRNO | errno);
        instruction(filter, 3, RETURN, 0, RETURN_ALLOW);
        final UnsafeBuffer program = new UnsafeBuffer(BufferUtil.allocateDirectAligned(2 * Long.BYTES, Long.BYTES));
        program.putShort(0, (short) INSTRUCTIONS, nativeOrder());
        program.putLong(Long.BYTES, filter.addressOffset(), nativeOrder());
        final Filters libc = LibraryLoader.create(Filters.class).load("c");
        if (0 != libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
                || 0 != libc.syscall(SECCOMP, SET_MODE_FILTER, 0, program.addressOffset())) {
            throw new IllegalStateException("the kernel takes no filter of system calls");
        }
    }

    private static void instruction(
            final UnsafeBuffer filter, final int index, final short code, final int ifNot, final int operand) {
        final int offset = index * INSTRUCTION_LENGTH;
        filter.putShort(offset, code, nativeOrder());
        filter.putByte(offset + 3, (byte) ifNot);
        filter.putInt(offset + Integer.BYTES, operand, nativeOrder());
    }
}
