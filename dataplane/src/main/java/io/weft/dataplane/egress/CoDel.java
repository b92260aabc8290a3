/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import java.util.Arrays;

/**
 * Controlled delay (RFC 8289; include/net/codel_impl.h), for each flow of a {@link FairQueue}: a queue that a burst leaves behind is let be,
 * and of one that stands a packet is dropped, or marked, now and then, and more often the longer it stands. Owned by the egress sender.
 */
final class CoDel {
    /** RFC 8289, section 4.2: what a queue may wait for as long as it stands. */
    static final long TARGET_NS = 5_000_000;

    /** RFC 8289, section 4.2: what an answer to a drop takes, and a burst may. */
    static final long INTERVAL_NS = 100_000_000;

    /** For so long after the last drop their rate is remembered (include/net/codel_impl.h). */
    private static final long MEMORY_NS = 16 * INTERVAL_NS;

    private static final long NOT_ABOVE = Long.MIN_VALUE;

    /** When the flow will have waited longer than the target for an interval. */
    private final long[] firstAboveNs;

    private final boolean[] isDropping;
    private final long[] dropNextNs;
    private final int[] counts;
    private final int[] lastCounts;

    /** @param flows numbered from 0 on. */
    CoDel(final int flows) {
        firstAboveNs = new long[flows];
        isDropping = new boolean[flows];
        dropNextNs = new long[flows];
        counts = new int[flows];
        lastCounts = new int[flows];
        Arrays.fill(firstAboveNs, NOT_ABOVE);
    }

    /**
     * Whether a packet that leaves the queue is to be dropped.
     *
     * @param sinceNs since when it waited, and
     * @param nowNs how late it is, by one clock.
     */
    boolean shouldDrop(final int flow, final long sinceNs, final long nowNs) {
        if (!stands(flow, nowNs - sinceNs, nowNs)) {
            isDropping[flow] = false;
            return false;
        }
        if (!isDropping[flow]) {
            isDropping[flow] = true;
            final int more = counts[flow] - lastCounts[flow];
            counts[flow] = more > 1 && nowNs - dropNextNs[flow] < MEMORY_NS ? more : 1;
            lastCounts[flow] = counts[flow];
            dropNextNs[flow] = nowNs + spacingNs(counts[flow]);
            return true;
        }
        final long lateNs = nowNs - dropNextNs[flow];
        if (lateNs < 0) {
            return false;
        }
        counts[flow]++;
        // a socket that took nothing for long is not made up for by as many drops in a row
        dropNextNs[flow] = (lateNs > INTERVAL_NS ? nowNs : dropNextNs[flow]) + spacingNs(counts[flow]);
        return true;
    }

    /** Nothing of the flow waits, or hardly anything. */
    void onShort(final int flow) {
        firstAboveNs[flow] = NOT_ABOVE;
        isDropping[flow] = false;
    }

    private boolean stands(final int flow, final long waitedNs, final long nowNs) {
        if (waitedNs < TARGET_NS) {
            firstAboveNs[flow] = NOT_ABOVE;
            return false;
        }
        if (NOT_ABOVE == firstAboveNs[flow]) {
            firstAboveNs[flow] = nowNs + INTERVAL_NS;
            return false;
        }
        return nowNs - firstAboveNs[flow] >= 0;
    }

    private static long spacingNs(final int count) {
        return (long) (INTERVAL_NS / Math.sqrt(count));
    }
}
