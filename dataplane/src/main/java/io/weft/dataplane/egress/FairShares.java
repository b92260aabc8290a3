/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

/**
 * How many of the frames of one batch each flow may have: as many as are left for others, as in the {@link FairQueue}. Owned by the
 * egress receiver.
 */
final class FairShares {
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

    /** Takes one more frame of a flow, unless it has its share. */
    boolean take(final int flow) {
        if (batches[flow] != batch) {
            batches[flow] = batch;
            counts[flow] = 0;
        }
        if (counts[flow] >= limit - total) {
            return false;
        }
        counts[flow]++;
        total++;
        return true;
    }
}
