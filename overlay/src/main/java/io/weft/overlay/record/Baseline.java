/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.record;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.PeerRecord;
import io.weft.dataplane.counters.ThreadCounter;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonOutput;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.registry.BoundedFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What the counters of a device were when somebody cleared them: what is shown is what came since. The counters themselves never go
 * back, and whoever reads them elsewhere sees no difference.
 *
 * @param startedMs of the process that counted: the counters of another one begin at 0.
 * @param clearedMs when, in milliseconds since 1970.
 * @param values by type, worker and label; of peers by address and direction.
 */
record Baseline(long startedMs, long clearedMs, Map<String, Long> values) {
    /** After the device's name. */
    static final String SUFFIX = ".baseline";

    private static final int LENGTH_MAX = 1 << 22;

    private static final String SENT_PACKETS = "sent packets";
    private static final String SENT_BYTES = "sent bytes";
    private static final String RECEIVED_PACKETS = "received packets";
    private static final String RECEIVED_BYTES = "received bytes";

    /** The types of what only grows. */
    private static final Set<Integer> GROWING = growing();

    private static Set<Integer> growing() {
        final Set<Integer> types = Arrays.stream(DataPlaneCounter.values())
                .filter(counter -> !counter.isGauge())
                .map(DataPlaneCounter::id)
                .collect(Collectors.toCollection(HashSet::new));
        for (final DropReason reason : DropReason.values()) {
            types.add(WorkerCounters.DROP_TYPE_ID_BASE + reason.id());
        }
        types.add(ThreadCounter.CYCLES.id());
        return types;
    }

    private static String key(final CountersRecord.Sample sample) {
        return sample.typeId() + " " + sample.worker() + " " + sample.label();
    }

    private static String key(final PeerRecord peer, final String what) {
        return "peer " + peer.address() + " " + what;
    }

    /** Writes one of the counters as they are. */
    static void write(final Path file, final CountersRecord counters, final long nowMs) throws IOException {
        final Map<String, Object> values = new LinkedHashMap<>();
        for (final CountersRecord.Sample sample : counters.samples()) {
            if (0 != sample.value() && GROWING.contains(sample.typeId())) {
                values.put(key(sample), sample.value());
            }
        }
        for (final PeerRecord peer : counters.peers()) {
            values.put(key(peer, SENT_PACKETS), peer.sentPackets());
            values.put(key(peer, SENT_BYTES), peer.sentBytes());
            values.put(key(peer, RECEIVED_PACKETS), peer.receivedPackets());
            values.put(key(peer, RECEIVED_BYTES), peer.receivedBytes());
        }
        final Map<String, Object> json = new LinkedHashMap<>();
        json.put("startedMs", counters.startedMs());
        json.put("clearedMs", nowMs);
        json.put("values", values);
        RecordFile.replace(file, out -> out.write(JsonOutput.of(json) + '\n'));
    }

    /** The counters less what they were when they were cleared, if that was of the same process. */
    static CountersRecord apply(final Path file, final CountersRecord counters) {
        if (!Files.exists(file)) {
            return counters;
        }
        final Baseline baseline = read(file);
        return baseline.startedMs == counters.startedMs() ? baseline.subtractedFrom(counters) : counters;
    }

    private static Baseline read(final Path file) {
        try {
            final JsonValue json = JsonReader.read(BoundedFile.read(file, LENGTH_MAX), file.toString());
            final Map<String, Long> values = new LinkedHashMap<>();
            json.required("values")
                    .members()
                    .forEach((key, value) -> values.put(key, value.integer(0, Long.MAX_VALUE)));
            return new Baseline(
                    json.required("startedMs").integer(0, Long.MAX_VALUE),
                    json.required("clearedMs").integer(0, Long.MAX_VALUE),
                    values);
        } catch (final IOException | JsonException failure) {
            throw new IllegalStateException(
                    file + ": " + failure.getMessage() + ". Delete it, or clear the counters again", failure);
        }
    }

    private CountersRecord subtractedFrom(final CountersRecord counters) {
        return new CountersRecord(
                counters.startedMs(),
                counters.heartbeatMs(),
                clearedMs,
                counters.samples().stream()
                        .map(sample -> new CountersRecord.Sample(
                                sample.typeId(),
                                sample.worker(),
                                sample.label(),
                                sample.value() - values.getOrDefault(key(sample), 0L)))
                        .toList(),
                counters.peers().stream().map(this::subtractedFrom).toList());
    }

    /** A row that another peer had meanwhile began at 0 again: nothing is subtracted from less. */
    private PeerRecord subtractedFrom(final PeerRecord peer) {
        return new PeerRecord(
                peer.address(),
                since(peer, SENT_PACKETS, peer.sentPackets()),
                since(peer, SENT_BYTES, peer.sentBytes()),
                since(peer, RECEIVED_PACKETS, peer.receivedPackets()),
                since(peer, RECEIVED_BYTES, peer.receivedBytes()),
                peer.heardMs(),
                peer.goneMs(),
                peer.pathMtu(),
                peer.lastError(),
                peer.check());
    }

    private long since(final PeerRecord peer, final String what, final long value) {
        final long before = values.getOrDefault(key(peer, what), 0L);
        return value < before ? value : value - before;
    }
}
