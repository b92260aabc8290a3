/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.linux.testing.Await;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.agrona.concurrent.status.CountersReader;

/** A node's counters, summed over its workers. */
final class NodeCounters {
    private static final int TIMEOUT_MS = 5_000;

    private final CountersReader reader;

    NodeCounters(final CountersReader reader) {
        this.reader = reader;
    }

    long of(final DataPlaneCounter counter) {
        return sum(counter.id());
    }

    long drops(final DropReason reason) {
        return sum(WorkerCounters.DROP_TYPE_ID_BASE + reason.id());
    }

    /** All drops of a direction. */
    long drops(final DropReason.Direction direction) {
        long sum = 0;
        for (final DropReason reason : DropReason.values()) {
            sum += direction == reason.direction() ? drops(reason) : 0;
        }
        return sum;
    }

    /** The reasons that have counted something. */
    Map<DropReason, Long> drops() {
        final Map<DropReason, Long> drops = new EnumMap<>(DropReason.class);
        for (final DropReason reason : DropReason.values()) {
            final long count = drops(reason);
            if (count > 0) {
                drops.put(reason, count);
            }
        }
        return drops;
    }

    /** Waits until nothing is in flight and every packet is accounted for. */
    void awaitConserved() {
        Await.until(
                () -> "what came in went out or is counted as dropped: " + this,
                TIMEOUT_MS,
                () -> 0 == egressImbalance() && 0 == ingressImbalance());
    }

    private long egressImbalance() {
        return of(DataPlaneCounter.EGRESS_RECEIVED_PACKETS)
                - of(DataPlaneCounter.EGRESS_FORWARDED_PACKETS)
                - drops(DropReason.Direction.EGRESS);
    }

    private long ingressImbalance() {
        return of(DataPlaneCounter.INGRESS_RECEIVED_PACKETS)
                - of(DataPlaneCounter.INGRESS_DELIVERED_PACKETS)
                - drops(DropReason.Direction.INGRESS);
    }

    /** Nothing may be in flight: every packet that came in has gone out or is counted as dropped. */
    void assertConserved() {
        assertEquals(0, egressImbalance(), () -> "egress: " + this);
        assertEquals(0, ingressImbalance(), () -> "ingress: " + this);
    }

    private long sum(final int typeId) {
        final long[] sum = new long[1];
        reader.forEach((counterId, type, key, label) -> {
            if (typeId == type) {
                sum[0] += reader.getCounterValue(counterId);
            }
        });
        return sum[0];
    }

    @Override
    public String toString() {
        final List<String> texts = new ArrayList<>();
        for (final DataPlaneCounter counter : DataPlaneCounter.values()) {
            if (of(counter) != 0) {
                texts.add(counter + " " + of(counter));
            }
        }
        return texts + " drops " + drops();
    }
}
