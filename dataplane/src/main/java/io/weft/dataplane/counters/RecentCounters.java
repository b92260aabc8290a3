/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.agrona.concurrent.status.AtomicCounter;
import org.agrona.concurrent.status.CountersManager;
import org.agrona.concurrent.status.CountersReader;

/**
 * What the control thread adds to the counters of the data threads by looking at them once a second, so that these need no clock and
 * a reader need not look twice, also where the process is dead: how much was counted in the last minute, and when a drop reason was
 * seen first and last. Control thread alone.
 *
 * <pre>
 *   type id                       worker   label                                   value
 *   {@value #WINDOW_TYPE_ID}                          -1       last minute ns                          what the last minute is, at first less
 *   {@value #MINUTE_TYPE_ID} + id of a counter        its own  LABEL in the last minute                difference
 *   {@value #MINUTE_TYPE_ID} + id of a drop reason    -1       REASON in the last minute               difference, of all workers
 *   {@value #FIRST_TYPE_ID} + id of a drop reason     -1       REASON first ms                         milliseconds since 1970
 *   {@value #LAST_TYPE_ID} + id of a drop reason     -1       REASON last ms                          milliseconds since 1970
 * </pre>
 */
public final class RecentCounters {
    /** Type ids from here on are of numbers that were reckoned from counters. */
    public static final int DERIVED_TYPE_ID_BASE = 10_000;

    public static final int WINDOW_TYPE_ID = 10_000;
    public static final int MINUTE_TYPE_ID = 20_000;
    public static final int FIRST_TYPE_ID = 30_000;
    public static final int LAST_TYPE_ID = 40_000;

    private static final int ALL_WORKERS = -1;
    private static final long WINDOW_NS = TimeUnit.MINUTES.toNanos(1);

    /** More than there are seconds in a minute. */
    private static final int SAMPLES = 64;

    private final CountersManager manager;
    private final List<WorkerCounters> workers;
    private final AtomicCounter windowNs;
    private final long[] timesNs = new long[SAMPLES];
    private final List<Series> series = new ArrayList<>();
    private final Map<DropReason, Drops> drops = new EnumMap<>(DropReason.class);
    private int samples;

    /**
     * Looks at nothing before {@link #begin}.
     *
     * @param workers whose threads have been made.
     */
    public RecentCounters(final CountersManager manager, final List<WorkerCounters> workers) {
        this.manager = manager;
        this.workers = List.copyOf(workers);
        windowNs = allocate(WINDOW_TYPE_ID, "last minute ns", ALL_WORKERS);
        for (int worker = 0; worker < workers.size(); worker++) {
            final WorkerCounters counters = workers.get(worker);
            addMinute(counters.of(DataPlaneCounter.EGRESS_FORWARDED_PACKETS), worker);
            addMinute(counters.of(DataPlaneCounter.INGRESS_DELIVERED_PACKETS), worker);
            addMinute(counters.of(DataPlaneCounter.EGRESS_HOST_LOSSES), worker);
            addMinute(counters.of(DataPlaneCounter.INGRESS_HOST_LOSSES), worker);
            addMinute(counters.of(DataPlaneCounter.INGRESS_WRONG_CHECKSUMS), worker);
            for (final ThreadCounters thread : counters.threads()) {
                addMinute(thread.busyNs(), worker);
                addMinute(thread.cycles(), worker);
            }
        }
    }

    /**
     * Begins to look. What has been counted until now, by a process whose counters go on here, is of no minute that this one tells of.
     *
     * @param nowNs of a monotonic clock.
     */
    public void begin(final long nowNs) {
        findDrops();
        series.forEach(Series::begin);
        drops.values().forEach(Drops::begin);
        timesNs[0] = nowNs;
        samples = 1;
    }

    /**
     * Tells when drops were seen that another process has counted, whose counters go on here; after {@link #begin}.
     *
     * @param before of the other process.
     * @param nowMs milliseconds since 1970, for what it had not told of yet.
     */
    public void goOn(final CountersReader before, final long nowMs) {
        final Map<Integer, Long> times = new HashMap<>();
        before.forEach((id, typeId, key, label) -> {
            if (typeId >= FIRST_TYPE_ID) {
                times.put(typeId, before.getCounterValue(id));
            }
        });
        drops.forEach((reason, each) -> {
            final int id = WorkerCounters.DROP_TYPE_ID_BASE + reason.id();
            each.firstMs.setRelease(times.getOrDefault(FIRST_TYPE_ID + id, nowMs));
            each.lastMs.setRelease(times.getOrDefault(LAST_TYPE_ID + id, nowMs));
        });
    }

    private AtomicCounter allocate(final int typeId, final String label, final int worker) {
        return manager.newCounter(label, typeId, key -> {
            key.putInt(0, worker);
            key.putBytes(Integer.BYTES, label.getBytes(US_ASCII));
        });
    }

    private void addMinute(final AtomicCounter counter, final int worker) {
        final int typeId = manager.getCounterTypeId(counter.id());
        series.add(new Series(counter::get, allocate(MINUTE_TYPE_ID + typeId, inMinute(counter.label()), worker)));
    }

    private static String inMinute(final String label) {
        return label + " in the last minute";
    }

    /**
     * Looks once; about once a second.
     *
     * @param nowNs of the clock of the constructor.
     * @param nowMs milliseconds since 1970, for people.
     */
    public void sample(final long nowNs, final long nowMs) {
        final int slot = samples % SAMPLES;
        int oldest = Math.max(0, samples - SAMPLES + 1);
        while (oldest < samples && nowNs - timesNs[oldest % SAMPLES] > WINDOW_NS) {
            oldest++;
        }
        timesNs[slot] = nowNs;
        samples++;
        findDrops();
        for (final Drops each : drops.values()) {
            each.sample(nowMs);
        }
        for (final Series each : series) {
            each.sample(slot, oldest % SAMPLES);
        }
        windowNs.setRelease(nowNs - timesNs[oldest % SAMPLES]);
    }

    private void findDrops() {
        for (final DropReason reason : DropReason.values()) {
            if (dropped(reason) > 0 && !drops.containsKey(reason)) {
                drops.put(reason, newDrops(reason));
            }
        }
    }

    private long dropped(final DropReason reason) {
        long sum = 0;
        for (final WorkerCounters worker : workers) {
            sum += worker.dropped(reason);
        }
        return sum;
    }

    private Drops newDrops(final DropReason reason) {
        final int id = WorkerCounters.DROP_TYPE_ID_BASE + reason.id();
        series.add(
                new Series(() -> dropped(reason), allocate(MINUTE_TYPE_ID + id, inMinute(reason.name()), ALL_WORKERS)));
        return new Drops(
                () -> dropped(reason),
                allocate(FIRST_TYPE_ID + id, reason.name() + " first ms", ALL_WORKERS),
                allocate(LAST_TYPE_ID + id, reason.name() + " last ms", ALL_WORKERS));
    }

    /** What a counter was at each look; 0 where it came later than the first one. */
    private static final class Series {
        private final long[] values = new long[SAMPLES];
        private final LongSupplier source;
        private final AtomicCounter minute;

        Series(final LongSupplier source, final AtomicCounter minute) {
            this.source = source;
            this.minute = minute;
        }

        void begin() {
            values[0] = source.getAsLong();
        }

        void sample(final int slot, final int oldest) {
            values[slot] = source.getAsLong();
            minute.setRelease(values[slot] - values[oldest]);
        }
    }

    /** When a reason was seen. */
    private static final class Drops {
        private final LongSupplier source;
        private final AtomicCounter firstMs;
        private final AtomicCounter lastMs;
        private long last;

        Drops(final LongSupplier source, final AtomicCounter firstMs, final AtomicCounter lastMs) {
            this.source = source;
            this.firstMs = firstMs;
            this.lastMs = lastMs;
        }

        void begin() {
            last = source.getAsLong();
        }

        void sample(final long nowMs) {
            final long count = source.getAsLong();
            if (count != last) {
                if (0 == last) {
                    firstMs.setRelease(nowMs);
                }
                lastMs.setRelease(nowMs);
                last = count;
            }
        }
    }
}
