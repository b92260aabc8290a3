/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.testing;

import java.util.concurrent.Callable;
import jnr.ffi.LibraryLoader;

/** Root's programs that may not change the network: what a tool is like that fails for once. */
public final class ProgramsWithoutRights {
    private static final int PR_CAPBSET_DROP = 24; // include/uapi/linux/prctl.h
    private static final int CAP_NET_ADMIN = 12; // include/uapi/linux/capability.h

    private ProgramsWithoutRights() {}

    /** As the C library has it; public for the class that jnr-ffi makes of it. */
    public interface BoundingSet {
        int prctl(int option, long second, long third, long fourth, long fifth);
    }

    /**
     * Runs a task whose programs have not CAP_NET_ADMIN. The calling thread's never have it again, so it has to be one that ends then, as
     * that of {@link NetworkNamespace#call} is.
     */
    public static <T> T withoutNetAdmin(final Callable<T> task) throws Exception {
        final BoundingSet libc = LibraryLoader.create(BoundingSet.class).load("c");
        if (0 != libc.prctl(PR_CAPBSET_DROP, CAP_NET_ADMIN, 0, 0, 0)) {
            throw new IllegalStateException("prctl is refused: run this as root");
        }
        return task.call();
    }
}
