/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

/** What the kernel is told of memory outside of the heap (madvise(2)). Any thread. */
public final class MemoryAdvice {
    private static final int MADV_DONTNEED = 4;

    private MemoryAdvice() {}

    /**
     * Gives whole pages back to the host: they have zeros when they are touched next.
     *
     * @param address of the first, private and anonymous memory.
     * @param length of all in bytes.
     * @return 0, or -errno: locked memory is kept ({@link Errno#EINVAL}).
     */
    public static int dontNeed(final long address, final long length) {
        return Libc.LIBC.madvise(address, length, MADV_DONTNEED) < 0 ? -Errno.last() : 0;
    }
}
