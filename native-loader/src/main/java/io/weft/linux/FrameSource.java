/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

/**
 * Where frames come from the host. All results follow the kernel's habit: a length, or a negative errno. Nothing is thrown and
 * nothing allocated. Owned by one thread.
 */
public interface FrameSource {
    /** What each frame has in front of the packet. */
    Framing framing();

    /** The descriptor to be polled for frames; negative if there is none. */
    int fd();

    /**
     * Reads one frame of at most {@code capacity} bytes.
     *
     * @return its length with all headers; -{@link Errno#EAGAIN} if there is none, or another negative errno.
     */
    int read(long address, int capacity);
}
