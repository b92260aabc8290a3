/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import java.util.ArrayList;
import java.util.List;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Where fragments lie until all of a datagram have come: chunks of one length, so that a short datagram takes little. Memory is taken when it is
 * first needed, as much as the kernel takes for IPv6 at the most ({@code ip6frag_high_thresh}), and kept. Owned by the ingress receiver.
 */
final class FragmentMemory {
    static final int CHUNK_LENGTH = 2048;

    private static final int SLAB_LENGTH = 32 * CHUNK_LENGTH;
    private static final int SLABS = 64;
    private static final int CHUNKS = SLABS * SLAB_LENGTH / CHUNK_LENGTH;

    private final List<UnsafeBuffer> slabs = new ArrayList<>();
    /** A stack, of which what was given back last is taken first. */
    private final int[] free = new int[CHUNKS];

    private int freeCount = CHUNKS;

    FragmentMemory() {
        for (int i = 0; i < CHUNKS; i++) {
            free[i] = CHUNKS - 1 - i;
        }
    }

    /** What it takes outside of the heap at the most, in bytes. */
    static long memoryLength() {
        return (long) SLABS * (SLAB_LENGTH + BitUtil.CACHE_LINE_LENGTH);
    }

    int freeCount() {
        return freeCount;
    }

    /** There has to be a free one. */
    int take() {
        final int chunk = free[--freeCount];
        while (slabs.size() <= slab(chunk)) {
            slabs.add(new UnsafeBuffer(BufferUtil.allocateDirectAligned(SLAB_LENGTH, BitUtil.CACHE_LINE_LENGTH)));
        }
        return chunk;
    }

    void giveBack(final int chunk) {
        free[freeCount++] = chunk;
    }

    private static int slab(final int chunk) {
        return chunk / (SLAB_LENGTH / CHUNK_LENGTH);
    }

    private static int offset(final int chunk) {
        return chunk * CHUNK_LENGTH % SLAB_LENGTH;
    }

    /** @param at where in the chunk. */
    void put(final int chunk, final int at, final UnsafeBuffer from, final int fromOffset, final int length) {
        slabs.get(slab(chunk)).putBytes(offset(chunk) + at, from, fromOffset, length);
    }

    /** @param at where in the chunk. */
    void get(final int chunk, final int at, final UnsafeBuffer to, final int toOffset, final int length) {
        to.putBytes(toOffset, slabs.get(slab(chunk)), offset(chunk) + at, length);
    }
}
