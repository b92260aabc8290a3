/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import org.agrona.UnsafeApi;
import org.agrona.collections.IntArrayList;
import org.agrona.collections.LongArrayList;

/** What one publication made superfluous: freed when no reader is left that may still see it. Control thread only. */
final class RetiredMemory {
    /** Overwrites freed memory: as a leaf or in a rewrite block, a value that no table of a test has. */
    static final int POISON = 0x7fff;

    private static final int ENTRY_LONGS = 2;

    private final LongArrayList blocks = new LongArrayList();
    private final IntArrayList nextHops = new IntArrayList();
    private final LongArrayList allocations = new LongArrayList();
    private long epoch;

    /** A block of a pool that stays. */
    void addBlock(final BlockPool pool, final int unit, final int units) {
        blocks.addLong((long) pool.id() << Integer.SIZE | units);
        blocks.addLong(unit);
    }

    /** A rewrite block. */
    void addNextHop(final int nextHop) {
        nextHops.addInt(nextHop);
    }

    /** A whole allocation of {@link UnsafeApi#allocateMemory(long)}. */
    void addAllocation(final long address, final long length) {
        allocations.addLong(address);
        allocations.addLong(length);
    }

    boolean isEmpty() {
        return blocks.isEmpty() && nextHops.isEmpty() && allocations.isEmpty();
    }

    /** Forgets the blocks of a pool that is itself retired as a whole. */
    void dropBlocksOf(final BlockPool pool) {
        int kept = 0;
        for (int i = 0; i < blocks.size(); i += ENTRY_LONGS) {
            if (pool.id() != (int) (blocks.getLong(i) >>> Integer.SIZE)) {
                blocks.setLong(kept, blocks.getLong(i));
                blocks.setLong(kept + 1, blocks.getLong(i + 1));
                kept += ENTRY_LONGS;
            }
        }
        while (blocks.size() > kept) {
            blocks.removeAt(blocks.size() - 1);
        }
    }

    /** Readers that entered in this epoch or before may still see what is retired here. */
    void seal(final long epoch) {
        this.epoch = epoch;
    }

    long epoch() {
        return epoch;
    }

    void free(final BlockPool[] pools, final RewriteBlocks rewriteBlocks, final boolean poison) {
        for (int i = 0; i < blocks.size(); i += ENTRY_LONGS) {
            final long head = blocks.getLong(i);
            pools[(int) (head >>> Integer.SIZE)].free((int) blocks.getLong(i + 1), (int) head, poison);
        }
        for (int i = 0; i < nextHops.size(); i++) {
            rewriteBlocks.free(nextHops.getInt(i), poison);
        }
        for (int i = 0; i < allocations.size(); i += ENTRY_LONGS) {
            final long address = allocations.getLong(i);
            if (poison) {
                poison(address, allocations.getLong(i + 1));
            }
            UnsafeApi.freeMemory(address);
        }
    }

    static void poison(final long address, final long length) {
        for (long i = 0; i < length; i += Integer.BYTES) {
            UnsafeApi.putInt(address + i, POISON);
        }
    }
}
