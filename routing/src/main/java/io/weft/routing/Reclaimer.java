/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import java.util.ArrayDeque;
import java.util.Iterator;

/**
 * Quiescent-state based reclamation: what a publication supersedes is kept until every reader has passed on. Control
 * thread only.
 */
final class Reclaimer {
    private final boolean poison;
    private final ArrayDeque<RetiredMemory> sealed = new ArrayDeque<>();
    private RetiredMemory open;

    Reclaimer(final boolean poison) {
        this.poison = poison;
        open = new RetiredMemory();
    }

    /** A block of a pool that stays. */
    void retireBlock(final BlockPool pool, final int unit, final int units) {
        open.addBlock(pool, unit, units);
    }

    /** A rewrite block. */
    void retireNextHop(final int nextHop) {
        open.addNextHop(nextHop);
    }

    /** A whole allocation of {@link org.agrona.UnsafeApi#allocateMemory(long)}. */
    void retireAllocation(final long address, final long length) {
        open.addAllocation(address, length);
    }

    /** Forgets the blocks of a pool that begins anew: its memory retires as a whole. */
    void forgetBlocksOf(final BlockPool pool) {
        open.dropBlocksOf(pool);
        for (final RetiredMemory retired : sealed) {
            retired.dropBlocksOf(pool);
        }
    }

    /** Closes what a publication retired: readers that entered in this epoch or before may still see it. */
    void seal(final long epoch) {
        if (!open.isEmpty()) {
            open.seal(epoch);
            sealed.addLast(open);
            open = new RetiredMemory();
        }
    }

    /** Frees what was retired before the epoch of the slowest reader. */
    void reclaim(final long slowestEpoch, final BlockPool[] pools, final RewriteBlocks rewriteBlocks) {
        final Iterator<RetiredMemory> oldestFirst = sealed.iterator();
        while (oldestFirst.hasNext()) {
            final RetiredMemory retired = oldestFirst.next();
            if (retired.epoch() >= slowestEpoch) {
                return;
            }
            retired.free(pools, rewriteBlocks, poison);
            oldestFirst.remove();
        }
    }

    /** Publications whose leftovers wait for a reader. */
    int pending() {
        return sealed.size();
    }
}
