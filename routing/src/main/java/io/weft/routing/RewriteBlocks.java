/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import org.agrona.UnsafeApi;
import org.agrona.collections.IntArrayList;
import org.agrona.concurrent.UnsafeBuffer;

/** The memory of the {@link RewriteBlock}s, one for each next hop. Control thread only. */
final class RewriteBlocks {
    private static final int INITIAL_BLOCKS = 32;

    private final IntArrayList free = new IntArrayList();
    private long memory;
    private int capacity = INITIAL_BLOCKS;
    private int next;
    private boolean published;
    private UnsafeBuffer buffer;

    RewriteBlocks() {
        memory = UnsafeApi.allocateMemory(memoryLength());
        buffer = new UnsafeBuffer(memory, (int) memoryLength());
    }

    UnsafeBuffer buffer() {
        return buffer;
    }

    long touchedLength() {
        return (long) next * RewriteBlock.LENGTH;
    }

    void markPublished() {
        published = true;
    }

    /** A next hop that no reader can see, its block with whatever was in it. */
    int allocate(final Reclaimer reclaimer) {
        if (!free.isEmpty()) {
            return free.removeAt(free.size() - 1);
        }
        if (next == capacity) {
            grow(reclaimer);
        }
        return next++;
    }

    private void grow(final Reclaimer reclaimer) {
        final long oldLength = memoryLength();
        capacity = Math.multiplyExact(capacity, 2);
        if (memoryLength() > Integer.MAX_VALUE) {
            throw new IllegalStateException("more next hops than one buffer holds: " + capacity);
        }
        if (published) {
            final long copy = UnsafeApi.allocateMemory(memoryLength());
            UnsafeApi.copyMemory(memory, copy, oldLength);
            reclaimer.retireAllocation(memory, oldLength);
            memory = copy;
            published = false;
        } else {
            memory = UnsafeApi.reallocateMemory(memory, memoryLength());
        }
        buffer = new UnsafeBuffer(memory, (int) memoryLength());
    }

    void free(final int nextHop, final boolean poison) {
        if (poison) {
            RetiredMemory.poison(memory + (long) nextHop * RewriteBlock.LENGTH, RewriteBlock.LENGTH);
        }
        free.addInt(nextHop);
    }

    void close() {
        UnsafeApi.freeMemory(memory);
        memory = 0;
    }

    private long memoryLength() {
        return (long) capacity * RewriteBlock.LENGTH;
    }
}
