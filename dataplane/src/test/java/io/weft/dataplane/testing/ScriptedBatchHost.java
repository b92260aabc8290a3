/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import io.weft.linux.FrameBatchSink;
import io.weft.linux.FrameBatchSource;
import io.weft.linux.Framing;
import io.weft.linux.MessageVector;
import java.util.ArrayList;
import java.util.List;

/** A {@link ScriptedHost} that gives and takes several frames at once, each for itself, as io_uring does. */
public final class ScriptedBatchHost extends ScriptedHost implements FrameBatchSource, FrameBatchSink {
    private final long[] places = new long[FrameBatchSource.MAX_BATCH];
    private final int[] capacities = new int[FrameBatchSource.MAX_BATCH];
    private final int[] readResults = new int[FrameBatchSource.MAX_BATCH];
    private final int[] writeResults = new int[FrameBatchSink.MAX_BATCH];
    private final List<Integer> reads = new ArrayList<>();
    private int writes;

    public ScriptedBatchHost(final Framing framing) {
        super(framing);
    }

    /** How many system calls there would have been that write. */
    public int calls() {
        return writes;
    }

    /** For how many frames each batch was that was read. */
    public List<Integer> reads() {
        return reads;
    }

    @Override
    public boolean givesBatches() {
        return true;
    }

    @Override
    public void place(final int index, final long address, final int capacity) {
        places[index] = address;
        capacities[index] = capacity;
    }

    @Override
    public void read(final int count) {
        reads.add(count);
        for (int i = 0; i < count; i++) {
            readResults[i] = read(places[i], capacities[i]);
        }
    }

    @Override
    public int readResult(final int index) {
        return readResults[index];
    }

    @Override
    public boolean takesBatches() {
        return true;
    }

    @Override
    public int write(final MessageVector frames, final int from, final int count) {
        writes++;
        for (int i = 0; i < count; i++) {
            writeResults[i] = writev(frames.iovecs(from + i), frames.iovecCount(from + i));
        }
        return count;
    }

    @Override
    public int writeResult(final int index) {
        return writeResults[index];
    }
}
