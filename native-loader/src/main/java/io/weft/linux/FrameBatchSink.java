/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

/** A sink that takes several frames in one system call. */
public interface FrameBatchSink extends FrameSink {
    /**
     * Writes frames, each a message of the vector.
     *
     * @param frames of which those from {@code from} on are written.
     * @param count how many, 1 or more.
     * @return how many were written; if it is not all, the next call tells why. Or a negative errno for the first one.
     */
    int write(MessageVector frames, int from, int count);
}
