/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.page;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.overlay.record.CountersRecord;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What each device forwarded and lost in the last minutes, look by look. One thread alone. */
final class Throughput {
    /** Five minutes of looks. */
    static final int SAMPLES_MAX = 150;

    static final long INTERVAL_MS = 2_000;

    private static final double MS_PER_SECOND = 1e3;
    private static final int BITS_PER_BYTE = 8;

    private final Map<String, History> histories = new LinkedHashMap<>();

    /** What a device has counted until a moment, in milliseconds since 1970. */
    private record Totals(
            long timeMs,
            long startedMs,
            long sentPackets,
            long sentBytes,
            long receivedPackets,
            long receivedBytes,
            long lost,
            long dropped) {
        static Totals of(final CountersRecord counters, final long timeMs) {
            long dropped = 0;
            for (final DropReason reason : DropReason.values()) {
                dropped += counters.total(reason);
            }
            return new Totals(
                    timeMs,
                    Math.max(counters.startedMs(), counters.clearedMs()),
                    counters.total(DataPlaneCounter.EGRESS_FORWARDED_PACKETS),
                    counters.total(DataPlaneCounter.EGRESS_FORWARDED_BYTES),
                    counters.total(DataPlaneCounter.INGRESS_DELIVERED_PACKETS),
                    counters.total(DataPlaneCounter.INGRESS_DELIVERED_BYTES),
                    counters.total(DataPlaneCounter.EGRESS_HOST_LOSSES)
                            + counters.total(DataPlaneCounter.INGRESS_HOST_LOSSES),
                    dropped);
        }

        /** By the second, between the moment before and this one. */
        Map<String, Object> since(final Totals before) {
            final double seconds = (timeMs - before.timeMs) / MS_PER_SECOND;
            final Map<String, Object> sample = new LinkedHashMap<>();
            sample.put("timeMs", timeMs);
            sample.put("sentPacketsPerSecond", Math.round((sentPackets - before.sentPackets) / seconds));
            sample.put("sentBitsPerSecond", Math.round(BITS_PER_BYTE * (sentBytes - before.sentBytes) / seconds));
            sample.put("receivedPacketsPerSecond", Math.round((receivedPackets - before.receivedPackets) / seconds));
            sample.put(
                    "receivedBitsPerSecond",
                    Math.round(BITS_PER_BYTE * (receivedBytes - before.receivedBytes) / seconds));
            sample.put("lostPerSecond", Math.round((lost - before.lost) / seconds));
            sample.put("droppedPerSecond", Math.round((dropped - before.dropped) / seconds));
            return sample;
        }
    }

    private static final class History {
        private final Deque<Map<String, Object>> samples = new ArrayDeque<>();
        private @Nullable Totals before;

        void add(final Totals now) {
            final Totals last = before;
            before = now;
            // One that began anew in between, or was cleared, has counted from 0.
            if (null == last || last.startedMs != now.startedMs || now.timeMs <= last.timeMs) {
                return;
            }
            if (samples.size() == SAMPLES_MAX) {
                samples.removeFirst();
            }
            samples.addLast(now.since(last));
        }
    }

    /** Looks at the counters of the devices that there are; those of others are forgotten. */
    void look(final Map<String, CountersRecord> devices, final long nowMs) {
        histories.keySet().retainAll(devices.keySet());
        devices.forEach(
                (name, counters) -> Objects.requireNonNull(histories.computeIfAbsent(name, device -> new History()))
                        .add(Totals.of(counters, nowMs)));
    }

    /** An object for each device, as JSON. */
    List<Map<String, Object>> json() {
        final List<Map<String, Object>> devices = new ArrayList<>();
        histories.forEach((name, history) -> {
            final Map<String, Object> device = new LinkedHashMap<>();
            device.put("device", name);
            device.put("intervalMs", INTERVAL_MS);
            device.put("samples", List.copyOf(history.samples));
            devices.add(device);
        });
        return devices;
    }
}
