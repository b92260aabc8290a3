/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

/**
 * Numbers of system calls that the C library has no function for, of the architectures whose native stub weft brings along; all else
 * goes through the library, which has the numbers itself. Sources: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h,
 * arch/s390/kernel/syscalls/syscall.tbl, arch/powerpc/kernel/syscalls/syscall.tbl.
 *
 * @param setattr {@code sched_setattr}.
 * @param getattr {@code sched_getattr}.
 * @param gettid {@code gettid}, which the C library has since glibc 2.30.
 */
record SchedulingCalls(long setattr, long getattr, long gettid) {
    /** That of no call, on any architecture: the kernel answers ENOSYS. */
    private static final long NO_CALL = -1;

    /** Those of an architecture, as Java calls it (os.arch); of one that is not known, numbers that the kernel refuses. */
    static SchedulingCalls of(final String architecture) {
        return switch (architecture) {
            case "amd64" -> new SchedulingCalls(314, 315, 186);
            case "aarch64", "riscv64" -> new SchedulingCalls(274, 275, 178);
            case "s390x" -> new SchedulingCalls(345, 346, 236);
            case "ppc64le" -> new SchedulingCalls(355, 356, 207);
            default -> new SchedulingCalls(NO_CALL, NO_CALL, NO_CALL);
        };
    }
}
