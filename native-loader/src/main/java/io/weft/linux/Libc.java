/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import jnr.ffi.LibraryLoader;
import jnr.ffi.LibraryOption;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;

/**
 * The C library's entry points as weft calls them: every pointer is a {@code long} address, every size a {@code long},
 * so that a call allocates nothing. A return of -1 leaves the error number in {@link Errno#last()} of this thread.
 *
 * <p>Package-private on purpose: the rest of weft sees {@link LinuxException}s and Java types. Only the nested interface is
 * public, since the class that jnr-ffi generates from it lives in a class loader of its own.
 */
final class Libc {
    static final Calls LIBC = LibraryLoader.create(Calls.class)
            .option(LibraryOption.LoadNow, true)
            .load("c");

    /** Of {@link Calls#mmap}. Source: include/uapi/asm-generic/mman-common.h, the same on all architectures that weft is packaged for. */
    static final int PROT_READ = 1;

    static final int PROT_WRITE = 2;
    static final int MAP_SHARED = 1;
    static final int MAP_POPULATE = 0x8000;
    static final long MAP_FAILED = -1;

    private static final Runtime RUNTIME = Runtime.getRuntime(LIBC);

    private Libc() {}

    /** The null pointer. */
    static Pointer nullPointer() {
        return Pointer.wrap(RUNTIME, 0);
    }

    /** The errno that the last call of this thread left. */
    static int errno() {
        return RUNTIME.getLastError();
    }

    /**
     * Named and typed as in C, but for pointers and sizes, which are {@code long}. None takes six numbers: the machine code
     * that jnr-ffi 2.3.0 makes for six crashes (so recvmsg instead of recvfrom, and the pointer of mmap, of which it makes none).
     */
    public interface Calls {
        int open(String path, int flags, int mode);

        int close(int fd);

        long read(int fd, long buffer, long length);

        long write(int fd, long buffer, long length);

        long readv(int fd, long iovecs, int count);

        long writev(int fd, long iovecs, int count);

        int ioctl(int fd, long request, long argument);

        int fcntl(int fd, int command, long argument);

        int pipe2(long fds, int flags);

        int dup3(int oldFd, int newFd, int flags);

        int socket(int domain, int type, int protocol);

        int socketpair(int domain, int type, int protocol, long fds);

        int bind(int fd, long address, int addressLength);

        int connect(int fd, long address, int addressLength);

        int listen(int fd, int backlog);

        int accept4(int fd, long address, long addressLengthAddress, int flags);

        int getsockname(int fd, long address, long addressLengthAddress);

        int setsockopt(int fd, int level, int option, long value, int valueLength);

        int getsockopt(int fd, int level, int option, long value, long valueLengthAddress);

        long sendmsg(int fd, long message, int flags);

        long recvmsg(int fd, long message, int flags);

        int sendmmsg(int fd, long messages, int count, int flags);

        int recvmmsg(int fd, long messages, int count, int flags, long timeout);

        long mmap(Pointer address, long length, int protection, int flags, int fd, long offset);

        int munmap(long address, long length);

        int madvise(long address, long length, int advice);

        int poll(long pollFds, long count, int timeoutMs);

        int eventfd(int initialValue, int flags);

        int setns(int fd, int type);

        int unshare(int flags);

        int geteuid();

        int getpid();

        int prctl(int option, long argument2, long argument3, long argument4, long argument5);

        int sched_setaffinity(int pid, long setLength, long set);

        int kill(int pid, int signal);

        void _exit(int status);

        /** Variadic in C; on x86-64 and AArch64 such arguments are passed as others are. */
        long syscall(long number, long argument1, long argument2, long argument3, long argument4);
    }
}
