/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import org.agrona.BitUtil;
import org.agrona.UnsafeApi;
import org.agrona.collections.IntArrayList;
import org.jspecify.annotations.Nullable;

/**
 * Off-heap memory handed out in units of 8 bytes, with a free list for each size. What readers may see does not move:
 * when the pool grows, it is copied, and the old memory retires. Control thread only.
 */
final class BlockPool {
    static final int UNIT_LENGTH = 1 << LookupTrie.UNIT_SHIFT;
    private static final int LARGEST_BLOCK = 2048;
    private static final int LINE_UNITS = 8;
    private static final int LINE_LENGTH = LINE_UNITS * UNIT_LENGTH;

    private static final int INITIAL_UNITS = 4 * LARGEST_BLOCK;

    private final int id;
    private final @Nullable IntArrayList[] freeBySize = new IntArrayList[LARGEST_BLOCK + 1];
    private long allocation;
    private long memory;
    private int capacity = INITIAL_UNITS;
    private int next;
    private int freeUnits;
    private boolean published;

    BlockPool(final int id) {
        this.id = id;
        allocate();
    }

    int id() {
        return id;
    }

    long baseAddress() {
        return memory;
    }

    long address(final int unit) {
        return memory + ((long) unit << LookupTrie.UNIT_SHIFT);
    }

    /** Bytes that were handed out since the pool began: what the kernel had to give pages for. */
    long touchedLength() {
        return (long) next << LookupTrie.UNIT_SHIFT;
    }

    /** Units handed out and not freed again. */
    int liveUnits() {
        return next - freeUnits;
    }

    /** Whether most of the pool is free lists, so that building anew is better than growing. */
    boolean isSparse() {
        return next > INITIAL_UNITS && freeUnits > next / 2;
    }

    /** From now on readers may see the memory. */
    void markPublished() {
        published = true;
    }

    int allocate(final int units, final Reclaimer reclaimer) {
        final IntArrayList free = freeBySize[units];
        if (null != free && !free.isEmpty()) {
            freeUnits -= units;
            return free.removeAt(free.size() - 1);
        }
        // A block that fits a cache line does not straddle two, and one of whole lines begins at one; what is skipped
        // is
        // for smaller blocks.
        final int rest = LINE_UNITS - next % LINE_UNITS;
        if (rest < LINE_UNITS && (0 == units % LINE_UNITS || (units > rest && units < LINE_UNITS))) {
            ensureCapacity(rest, reclaimer);
            next += rest;
            free(next - rest, rest, false);
        }
        ensureCapacity(units, reclaimer);
        final int unit = next;
        next += units;
        return unit;
    }

    private void ensureCapacity(final int units, final Reclaimer reclaimer) {
        if (next <= capacity - units) {
            return;
        }
        final long oldAllocation = allocation;
        final long oldMemory = memory;
        final long oldLength = allocationLength();
        capacity = Math.multiplyExact(capacity, 2);
        allocate();
        UnsafeApi.copyMemory(oldMemory, memory, touchedLength());
        if (published) {
            reclaimer.retireAllocation(oldAllocation, oldLength);
            published = false;
        } else {
            UnsafeApi.freeMemory(oldAllocation);
        }
    }

    private void allocate() {
        allocation = UnsafeApi.allocateMemory(allocationLength());
        memory = BitUtil.align(allocation, LINE_LENGTH);
    }

    private long allocationLength() {
        return ((long) capacity << LookupTrie.UNIT_SHIFT) + LINE_LENGTH;
    }

    void free(final int unit, final int units, final boolean poison) {
        if (poison) {
            RetiredMemory.poison(address(unit), (long) units * UNIT_LENGTH);
        }
        IntArrayList free = freeBySize[units];
        if (null == free) {
            free = new IntArrayList();
            freeBySize[units] = free;
        }
        free.addInt(unit);
        freeUnits += units;
    }

    /** Gives up everything: the memory retires, and the pool begins anew. */
    void reset(final Reclaimer reclaimer) {
        if (published) {
            reclaimer.retireAllocation(allocation, allocationLength());
        } else {
            UnsafeApi.freeMemory(allocation);
        }
        capacity = INITIAL_UNITS;
        allocate();
        next = 0;
        freeUnits = 0;
        published = false;
        for (int i = 0; i < freeBySize.length; i++) {
            freeBySize[i] = null;
        }
    }

    void close() {
        UnsafeApi.freeMemory(allocation);
        allocation = 0;
    }
}
