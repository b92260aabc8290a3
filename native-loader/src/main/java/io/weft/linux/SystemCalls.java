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

    private static void make() {
        try {
            Libc.errno();
        } catch (final LinkageError failure) {
            // Who makes the first call is told as well, and has somebody to tell.
        }
    }
}
