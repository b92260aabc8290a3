/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

/**
 * Where frames go to the host. All results follow the kernel's habit: a length, or a negative errno. Nothing is thrown and
 * nothing allocated. Any thread, which the kernel serialises.
 */
public interface FrameSink {
    /** What each frame has in front of the packet. */
    Framing framing();

    /**
     * Writes one frame from contiguous memory.
     *
     * @return the length written, or a negative errno.
     */
    int write(long address, int length);

    /**
     * Writes one frame that lies in pieces.
     *
     * @param iovecs address of an array of {@code struct iovec}.
     * @param count how many; at most 1024 ({@code UIO_MAXIOV}).
     * @return the length written, or a negative errno.
     */
    int writev(long iovecs, int count);
}
