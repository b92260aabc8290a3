/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import java.lang.ref.Reference;

/**
 * What the kernel runs before each system call of a thread, and of the threads and processes that it starts from then on (seccomp(2)). It
 * cannot be taken off again; several run one after the other. weft has none: it is for who measures or tries what others' hosts are like.
 *
 * <p>Sources: include/uapi/linux/seccomp.h, kernel/seccomp.c; for the call's number those of {@link SchedulingCalls}.
 */
public final class SystemCallFilter {
    /** That a filter takes. */
    public static final int MAX_MULTIPLICATIONS = FilterProgram.MAX_INSTRUCTIONS - 2;

    private static final int SET_MODE_FILTER = 1;
    private static final int ALL_THREADS = 1; // SECCOMP_FILTER_FLAG_TSYNC

    /** {@code SECCOMP_FILTER_FLAG_SPEC_ALLOW}: before Linux 5.16 the processor would speculate less in what has a filter. */
    private static final int MITIGATE_NO_MORE = 4;

    private static final int RETURN_ALLOW = 0x7fff_0000;
    private static final int RETURN_ERRNO = 0x0005_0000;
    private static final int PR_SET_NO_NEW_PRIVS = 38;

    private static final int MULTIPLY = 0x24; // BPF_ALU | BPF_MUL | BPF_K
    private static final int ODD = 0x0100_0193; // no power of it is 0, nor 1 so soon

    // struct seccomp_data: number of the call; architecture; instruction pointer; arguments
    private static final int NUMBER_OFFSET = 0;
    private static final int FIRST_ARGUMENT_OFFSET = 2 * Integer.BYTES + Long.BYTES;

    private final FilterProgram program;

    private SystemCallFilter(final FilterProgram program) {
        this.program = program;
    }

    /** Has one call fail with an error number, and no other. */
    public static SystemCallFilter refusing(final int call, final int errno) {
        return new SystemCallFilter(new FilterProgram(4)
                .add(FilterProgram.LOAD_WORD, NUMBER_OFFSET)
                .add(FilterProgram.JUMP_EQUAL, call, 0, 1)
                .add(FilterProgram.RETURN, RETURN_ERRNO | errno)
                .add(FilterProgram.RETURN, RETURN_ALLOW));
    }

    /**
     * Has all calls succeed as they do, and take longer by so many multiplications, each of which waits for the one before. Since an argument
     * is looked at the kernel cannot know beforehand that all calls are allowed, and so leave the filter out ({@code seccomp_cache_prepare}).
     *
     * @param multiplications 0 to {@link #MAX_MULTIPLICATIONS}.
     */
    public static SystemCallFilter delaying(final int multiplications) {
        if (multiplications < 0 || multiplications > MAX_MULTIPLICATIONS) {
            throw new IllegalArgumentException(
                    "multiplications=" + multiplications + ": a filter takes 0 to " + MAX_MULTIPLICATIONS);
        }
        final FilterProgram program =
                new FilterProgram(multiplications + 2).add(FilterProgram.LOAD_WORD, FIRST_ARGUMENT_OFFSET);
        for (int i = 0; i < multiplications; i++) {
            program.add(MULTIPLY, ODD);
        }
        return new SystemCallFilter(program.add(FilterProgram.RETURN, RETURN_ALLOW));
    }

    /**
     * Has it run for the calling thread. Without CAP_SYS_ADMIN the thread gives up for ever that programs have more rights than it has.
     *
     * @throws LinuxException if the kernel takes none.
     */
    public void applyToThread() {
        long result = apply(MITIGATE_NO_MORE);
        if (0 != result && Errno.EACCES == Errno.last()) {
            Libc.LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            result = apply(MITIGATE_NO_MORE);
        }
        require(result);
    }

    /**
     * Has it run for all threads of this process.
     *
     * @throws LinuxException if the kernel takes none; {@code EACCES} without CAP_SYS_ADMIN.
     * @throws IllegalStateException if a thread has a filter that the calling one has not.
     */
    public void applyToProcess() {
        require(apply(MITIGATE_NO_MORE | ALL_THREADS));
    }

    private long apply(final int flags) {
        try {
            return Libc.LIBC.syscall(
                    number(System.getProperty("os.arch", "")), SET_MODE_FILTER, flags, program.address(), 0);
        } finally {
            Reference.reachabilityFence(program);
        }
    }

    private static void require(final long result) {
        if (result > 0) {
            throw new IllegalStateException("filter system calls: thread " + result
                    + " has a filter of its own; a filter for all threads comes before those of single ones");
        }
        if (result < 0) {
            final int errno = Errno.last();
            throw new LinuxException(
                    "filter system calls",
                    errno,
                    switch (errno) {
                        case Errno.EACCES -> "It takes CAP_SYS_ADMIN: run it as root";
                        case Errno.ENOMEM -> "All filters of a thread together have at most 32768 instructions";
                        case Errno.EINVAL, Errno.ENOSYS -> "It takes a kernel with CONFIG_SECCOMP_FILTER";
                        default -> "";
                    });
        }
    }

    private static int number(final String architecture) {
        return switch (architecture) {
            case "amd64" -> 317;
            case "aarch64", "riscv64" -> 277;
            case "s390x" -> 348;
            case "ppc64le" -> 358;
            default -> -1; // that of no call: ENOSYS
        };
    }
}
