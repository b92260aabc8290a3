/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

/** A network namespace without a name, which ends with the last thread and process inside it. */
public final class NewNetns {
    private static final int CLONE_NEWNET = 0x4000_0000; // include/uapi/linux/sched.h

    private NewNetns() {}

    /**
     * Moves the calling thread into a new namespace, for the rest of its life; threads and processes that it starts later
     * begin there.
     *
     * @throws LinuxException if the thread may not make one (CAP_SYS_ADMIN).
     */
    public static void enter() {
        if (Libc.LIBC.unshare(CLONE_NEWNET) < 0) {
            throw new LinuxException("make a network namespace", Errno.last());
        }
    }
}
