/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import org.agrona.UnsafeApi;
import org.agrona.collections.IntArrayList;
import org.jspecify.annotations.Nullable;

/**
 * Off-heap memory handed out in units of 8 bytes, with a free list for each size. What readers may see does not move:
 * when the pool grows, it is copied, and the old memory retires. Control thread only.
 */
final class BlockPool {
    static final int UNIT_LENGTH = 1 << Poptrie.UNIT_SHIFT;
    static final int ROOT_UNITS = Poptrie.ROOT_LENGTH / UNIT_LENGTH;

    private static final int INITIAL_UNITS = 4 * ROOT_UNITS;

    private final int id;
    private final @Nullable IntArrayList[] freeBySize = new IntArrayList[ROOT_UNITS + 1];
    private long memory;
    private int capacity = INITIAL_UNITS;
    private int next;
    private int freeUnits;
    private boolean published;

    BlockPool(final int id) {
        this.id = id;
        memory = UnsafeApi.allocateMemory(memoryLength());
    }

    int id() {
        return id;
    }

    long baseAddress() {
        return memory;
    }

    long address(final int unit) {
        return memory + ((long) unit << Poptrie.UNIT_SHIFT);
    }

    /** Bytes that were handed out since the pool began: what the kernel had to give pages for. */
    long touchedLength() {
        return (long) next << Poptrie.UNIT_SHIFT;
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
        if (next > capacity - units) {
            grow(reclaimer);
        }
        final int unit = next;
        next += units;
        return unit;
    }

    private void grow(final Reclaimer reclaimer) {
        final long oldLength = memoryLength();
        capacity = Math.multiplyExact(capacity, 2);
        if (published) {
            final long copy = UnsafeApi.allocateMemory(memoryLength());
            UnsafeApi.copyMemory(memory, copy, touchedLength());
            reclaimer.retireAllocation(memory, oldLength);
            memory = copy;
            published = false;
        } else {
            memory = UnsafeApi.reallocateMemory(memory, memoryLength());
        }
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
            reclaimer.retireAllocation(memory, memoryLength());
        } else {
            UnsafeApi.freeMemory(memory);
        }
        capacity = INITIAL_UNITS;
        memory = UnsafeApi.allocateMemory(memoryLength());
        next = 0;
        freeUnits = 0;
        published = false;
        for (int i = 0; i < freeBySize.length; i++) {
            freeBySize[i] = null;
        }
    }

    void close() {
        UnsafeApi.freeMemory(memory);
        memory = 0;
    }

    private long memoryLength() {
        return (long) capacity << Poptrie.UNIT_SHIFT;
    }
}
