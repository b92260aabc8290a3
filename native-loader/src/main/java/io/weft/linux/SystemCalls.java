/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

/** The way to the C library, of which jnr-ffi makes the code when it is first used: a good part of a short program's time. */
public final class SystemCalls {
    private SystemCalls() {}

    /** Begins to make it, on a thread of its own, for a program that has other things to do before its first call. */
    public static void prepare() {
        final Thread thread = new Thread(SystemCalls::make, "weft-libc");
        thread.setDaemon(true);
        thread.start();
    }

    /**
     * Ends the process at once. Halting a JVM waits for threads that are in system calls, for up to 300 ms and at a safepoint, at which
     * data threads stand still (HotSpot, vmOperations.cpp, {@code VM_Exit::wait_for_threads_in_native_to_block}). From any thread.
     *
     * @param status 0 to 255, as a supervisor sees it.
     */
    public static void exit(final int status) {
        Libc.LIBC._exit(status);
    }

    private static void make() {
        try {
            Libc.errno();
        } catch (final LinkageError failure) {
            // Who makes the first call is told as well, and has somebody to tell.
        }
    }
}
