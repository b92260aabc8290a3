/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import java.util.Arrays;

/**
 * Controlled delay (RFC 8289), for each flow of a {@link FairQueue}: a queue that a burst leaves behind is let be, and to the sender of one
 * that stands a packet is lost, or marked, now and then, and more often the longer it stands. Owned by the egress sender.
 */
final class CoDel {
    /** RFC 8289, section 4.2: what a queue may wait for as long as it stands. */
    static final long TARGET_NS = 5_000_000;

    /** RFC 8289, section 4.2: what an answer to a loss takes, and a burst may. */
    static final long INTERVAL_NS = 100_000_000;

    /** For so long after the last loss its rate is remembered (net/sched: include/net/codel_impl.h). */
    private static final long MEMORY_NS = 16 * INTERVAL_NS;

    private static final long NOT_ABOVE = Long.MIN_VALUE;

    /** When the flow is to be told, if it waits longer than the target until then. */
    private final long[] untilNs;

    private final boolean[] isTelling;
    private final long[] nextNs;
    private final int[] counts;
    private final int[] firstCounts;

    /** @param flows numbered from 0 on. */
    CoDel(final int flows) {
        untilNs = new long[flows];
        isTelling = new boolean[flows];
        nextNs = new long[flows];
        counts = new int[flows];
        firstCounts = new int[flows];
        Arrays.fill(untilNs, NOT_ABOVE);
    }

    /**
     * Whether the flow of a frame that leaves the queue is to be told by it that it sends too much.
     *
     * @param sinceNs since when the frame waited, and
     * @param nowNs how late it is, by one clock.
     * @param isLast whether none of its flow waits behind it.
     */
    boolean tells(final int flow, final long sinceNs, final long nowNs, final boolean isLast) {
        final boolean stands = stands(flow, nowNs - sinceNs, nowNs, isLast);
        if (!stands) {
            isTelling[flow] = false;
            return false;
        }
        if (!isTelling[flow]) {
            isTelling[flow] = true;
            final int more = counts[flow] - firstCounts[flow];
            counts[flow] = more > 1 && nowNs - nextNs[flow] < MEMORY_NS ? more : 1;
            firstCounts[flow] = counts[flow];
            nextNs[flow] = nowNs + spacingNs(counts[flow]);
            return true;
        }
        if (nowNs - nextNs[flow] < 0) {
            return false;
        }
        counts[flow]++;
        nextNs[flow] += spacingNs(counts[flow]);
        return true;
    }

    private boolean stands(final int flow, final long waitedNs, final long nowNs, final boolean isLast) {
        if (waitedNs < TARGET_NS || isLast) {
            untilNs[flow] = NOT_ABOVE;
            return false;
        }
        if (NOT_ABOVE == untilNs[flow]) {
            untilNs[flow] = nowNs + INTERVAL_NS;
            return false;
        }
        return nowNs - untilNs[flow] >= 0;
    }

    private static long spacingNs(final int count) {
        return (long) (INTERVAL_NS / Math.sqrt(count));
    }
}
