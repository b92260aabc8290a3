/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

/**
 * How many of the frames of one batch each flow may have: as many as are left for others, as in the {@link FairQueue}. Owned by the
 * egress receiver.
 */
final class FairShares {
    /** Of what a batch holds, the part that flows beside a stream take which does not compete with another. */
    private static final int BESIDE_STREAM = 16;

    private final int limit;
    private final int[] counts = new int[FairQueue.FLOWS];
    private final int[] batches = new int[FairQueue.FLOWS];
    private int batch;
    private int total;

    /** @param limit frames of a batch. */
    FairShares(final int limit) {
        this.limit = limit;
    }

    /** Nobody has anything yet. */
    void beginBatch() {
        batch++;
        total = 0;
    }

    /**
     * Takes one more frame of a flow, unless it has its share.
     *
     * @param isHeldBack whether its receiver holds its sender back. Such a stream would not fill the host's queue for ever, and loses a
     *     round trip with what is dropped: with next to nothing beside it, it may have all but a little.
     */
    boolean take(final int flow, final boolean isHeldBack) {
        if (batches[flow] != batch) {
            batches[flow] = batch;
            counts[flow] = 0;
        }
        final boolean isAlone = isHeldBack && total - counts[flow] <= limit / BESIDE_STREAM;
        if (counts[flow] >= (isAlone ? FairQueue.MOST_OF_FREE : 1) * (limit - total)) {
            return false;
        }
        counts[flow]++;
        total++;
        return true;
    }
}
