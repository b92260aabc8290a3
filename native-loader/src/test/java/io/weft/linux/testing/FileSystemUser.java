/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.testing;

import java.util.concurrent.Callable;
import jnr.ffi.LibraryLoader;

/** Who a thread is to the file system: root's thread that is another user there may not open what others may not. */
public final class FileSystemUser {
    private static final int NOBODY = 65_534;
    /** setgroups: arch/x86/entry/syscalls/syscall_64.tbl, and include/uapi/asm-generic/unistd.h of all others that weft is built for. */
    private static final long SETGROUPS = "amd64".equals(System.getProperty("os.arch")) ? 116 : 159;

    private FileSystemUser() {}

    /** As the C library has them; public for the class that jnr-ffi makes of it. */
    public interface Credentials {
        long syscall(long number, long first, long second);

        int setfsgid(int group);

        int setfsuid(int user);
    }

    /**
     * Runs a task as nobody, without groups. The calling thread stays nobody, so it has to be one that ends then, as that of {@link
     * NetworkNamespace#call} is. The C library's own setgroups is for all threads, the kernel's for one.
     */
    public static <T> T asNobody(final Callable<T> task) throws Exception {
        final Credentials libc = LibraryLoader.create(Credentials.class).load("c");
        if (0 != libc.syscall(SETGROUPS, 0, 0)) {
            throw new IllegalStateException("setgroups is refused: run this as root");
        }
        libc.setfsgid(NOBODY);
        libc.setfsuid(NOBODY);
        return task.call();
    }
}
