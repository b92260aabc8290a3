/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

/** A sink that may take several frames with one system call. One thread, for all but {@link #takesBatches}. */
public interface FrameBatchSink extends FrameSink {
    /** How many frames a call takes at most. */
    int MAX_BATCH = 32;

    /** Whether it does: as long as this is not so, {@link #write(MessageVector, int, int)} is not called. */
    boolean takesBatches();

    /**
     * Writes frames in their order, each a message of the vector. One that is refused does not keep those after it.
     *
     * @param frames of which those from {@code from} on are written.
     * @param count how many, from 1 to {@link #MAX_BATCH}.
     * @return how many are done with, 1 or more, each with a {@link #writeResult}: what is left is for the next call.
     */
    int write(MessageVector frames, int from, int count);

    /**
     * What became of a frame of the last call.
     *
     * @param index from 0, which was the frame {@code from}.
     * @return 0 or more, or a negative errno if it was refused.
     */
    int writeResult(int index);
}
