/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

/** A source that may give several frames with one system call. */
public interface FrameBatchSource extends FrameSource {
    /** How many frames a call gives at most. */
    int MAX_BATCH = 32;

    /** Whether it does: as long as this is not so, {@link #read(int)} is not called. */
    boolean givesBatches();

    /**
     * Says where a frame of the next batch is to lie.
     *
     * @param index from 0 to {@link #MAX_BATCH} - 1.
     * @param capacity in bytes; room for the longest frame, for what is longer is cut.
     */
    void place(int index, long address, int capacity);

    /**
     * Reads as many frames as there are, in their order, to the first {@code count} places. Each has a {@link #readResult}.
     *
     * @param count from 1 to {@link #MAX_BATCH}.
     */
    void read(int count);

    /**
     * What the last batch has brought to a place.
     *
     * @return the frame's length with all headers; -{@link Errno#EAGAIN} if there was none, or another negative errno.
     */
    int readResult(int index);
}
