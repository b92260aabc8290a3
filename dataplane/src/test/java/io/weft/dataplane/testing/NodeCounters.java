/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.Direction;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.ThreadCounter;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.linux.testing.Await;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.status.CountersManager;
import org.agrona.concurrent.status.CountersReader;

/** A node's counters, summed over its workers. */
public final class NodeCounters {
    private static final int TIMEOUT_MS = Await.TIMEOUT_MS;

    private static final int MAX_COUNTERS = 512;

    private final CountersReader reader;

    public NodeCounters(final CountersReader reader) {
        this.reader = reader;
    }

    /** Where a node's counters may be allocated: memory of the test's own. */
    public static CountersManager newManager() {
        return new CountersManager(
                buffer(MAX_COUNTERS * CountersReader.METADATA_LENGTH),
                buffer(MAX_COUNTERS * CountersReader.COUNTER_LENGTH));
    }

    private static UnsafeBuffer buffer(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, BitUtil.CACHE_LINE_LENGTH));
    }

    public long of(final DataPlaneCounter counter) {
        return sum(counter.id());
    }

    /** Of all data threads. */
    public long of(final ThreadCounter counter) {
        return sum(counter.id());
    }

    public long drops(final DropReason reason) {
        return sum(WorkerCounters.DROP_TYPE_ID_BASE + reason.id());
    }

    /** All drops of a direction. */
    public long drops(final Direction direction) {
        long sum = 0;
        for (final DropReason reason : DropReason.values()) {
            sum += direction == reason.direction() ? drops(reason) : 0;
        }
        return sum;
    }

    /** The reasons that have counted something. */
    public Map<DropReason, Long> drops() {
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
    public void awaitConserved() {
        Await.until(
                () -> "what came in went out or is counted as dropped: " + this,
                TIMEOUT_MS,
                () -> 0 == egressImbalance() && 0 == ingressImbalance());
    }

    /** Packets that came in from the host and of which nothing is known yet: they wait. */
    public long egressImbalance() {
        return of(DataPlaneCounter.EGRESS_RECEIVED_PACKETS)
                - of(DataPlaneCounter.EGRESS_FORWARDED_PACKETS)
                - drops(Direction.EGRESS);
    }

    private long ingressImbalance() {
        return of(DataPlaneCounter.INGRESS_RECEIVED_PACKETS)
                - of(DataPlaneCounter.INGRESS_DELIVERED_PACKETS)
                - drops(Direction.INGRESS);
    }

    /** Nothing may be in flight: every packet that came in has gone out or is counted as dropped. */
    public void assertConserved() {
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
