/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.soak;

import io.weft.bench.stats.CounterTotals;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.Direction;
import io.weft.dataplane.counters.DropReason;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * The account of a weftd: what came in has gone out or is counted as dropped.
 *
 * @param egressReceived packets from pods.
 * @param egressMissing of those, how many are neither forwarded nor dropped.
 * @param ingressReceived packets from other nodes.
 * @param ingressMissing of those, how many are neither delivered nor dropped.
 * @param agentErrors exceptions that a data thread has survived.
 * @param drops for each reason.
 */
record Balance(
        long egressReceived,
        long egressMissing,
        long ingressReceived,
        long ingressMissing,
        long agentErrors,
        Map<DropReason, Long> drops) {
    private static final long POLL_NS = TimeUnit.MILLISECONDS.toNanos(10);
    private static final long LIMIT_NS = TimeUnit.SECONDS.toNanos(30);

    /** The account as soon as nothing is on its way, or as it is when that does not come. */
    static Balance settled(final Path countersFile) {
        final long startNs = System.nanoTime();
        Balance balance = of(countersFile);
        while (!balance.isEven() && System.nanoTime() - startNs < LIMIT_NS) {
            LockSupport.parkNanos(POLL_NS);
            balance = of(countersFile);
        }
        return balance;
    }

    private static Balance of(final Path countersFile) {
        final CounterTotals totals = CounterTotals.of(countersFile);
        final Map<DropReason, Long> drops = new EnumMap<>(DropReason.class);
        for (final DropReason reason : DropReason.values()) {
            final long count = totals.of(reason);
            if (0 != count) {
                drops.put(reason, count);
            }
        }
        final long egress = totals.of(DataPlaneCounter.EGRESS_RECEIVED_PACKETS);
        final long ingress = totals.of(DataPlaneCounter.INGRESS_RECEIVED_PACKETS);
        return new Balance(
                egress,
                egress - totals.of(DataPlaneCounter.EGRESS_FORWARDED_PACKETS) - dropped(drops, Direction.EGRESS),
                ingress,
                ingress - totals.of(DataPlaneCounter.INGRESS_DELIVERED_PACKETS) - dropped(drops, Direction.INGRESS),
                totals.of(DataPlaneCounter.AGENT_ERRORS),
                drops);
    }

    private static long dropped(final Map<DropReason, Long> drops, final Direction direction) {
        return drops.entrySet().stream()
                .filter(drop -> direction == drop.getKey().direction())
                .mapToLong(Map.Entry::getValue)
                .sum();
    }

    /** Nothing is missing, and nothing was thrown. */
    boolean isEven() {
        return 0 == egressMissing && 0 == ingressMissing && 0 == agentErrors;
    }

    @Override
    public String toString() {
        return (isEven()
                        ? "even"
                        : "UNEVEN by " + egressMissing + " out, " + ingressMissing + " in, " + agentErrors
                                + " exceptions")
                + " of " + egressReceived + " packets out and " + ingressReceived + " in, dropped " + drops;
    }
}
