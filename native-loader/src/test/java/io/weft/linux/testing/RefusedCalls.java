/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.testing;

import io.weft.linux.SystemCallFilter;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** System calls that the kernel refuses, as by the filter of a container (seccomp(2)). */
public final class RefusedCalls {
    /** {@code sched_setattr} (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h). */
    public static final int SCHED_SETATTR = "amd64".equals(System.getProperty("os.arch")) ? 314 : 274;

    /** {@code io_uring_setup} and {@code io_uring_enter}, the same on all architectures. */
    public static final int IO_URING_SETUP = 425;

    public static final int IO_URING_ENTER = 426;

    private RefusedCalls() {}

    /** Runs a task on a thread of its own to which one call is refused, as to the threads and processes that it starts. */
    public static <T> T refusing(final int call, final int errno, final Callable<T> task) throws Exception {
        final FutureTask<T> filtered = new FutureTask<>(() -> {
            SystemCallFilter.refusing(call, errno).applyToThread();
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
}
