/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.record;

import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.PeerRecord;
import io.weft.dataplane.counters.RecentCounters;
import io.weft.dataplane.counters.ThreadCounter;
import io.weft.dataplane.counters.WorkerCounters;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.agrona.concurrent.status.CountersReader;

/**
 * The counters of one device, as they were when they were read.
 *
 * @param startedMs when their process began to count, in milliseconds since 1970.
 * @param heartbeatMs when the control thread last added to them, likewise.
 * @param clearedMs when somebody said that what came before is not to be shown, likewise; 0 when nobody did.
 * @param samples all of them.
 * @param peers what was counted by peer.
 */
public record CountersRecord(
        long startedMs, long heartbeatMs, long clearedMs, List<Sample> samples, List<PeerRecord> peers) {
    /**
     * One counter.
     *
     * @param typeId what it counts: {@link DataPlaneCounter}, {@link DropReason}, {@link ThreadCounter}, {@link RecentCounters}.
     * @param worker that it counts for; -1 for all.
     * @param label as people see it.
     * @param value as it was.
     */
    public record Sample(int typeId, int worker, String label, long value) {}

    /**
     * Reads a file.
     *
     * @throws IllegalStateException if it is no counters file, or damaged.
     */
    static CountersRecord read(final Path path) {
        try (CountersFile file = CountersFile.open(path)) {
            final List<Sample> samples = new ArrayList<>();
            final CountersReader reader = file.reader();
            reader.forEach((id, typeId, key, label) ->
                    samples.add(new Sample(typeId, key.getInt(0), label, reader.getCounterValue(id))));
            return new CountersRecord(
                    file.startedMs(),
                    file.heartbeatMs(),
                    0,
                    List.copyOf(samples),
                    List.copyOf(file.peers().read()));
        }
    }

    private long sum(final Predicate<Sample> isWanted) {
        return samples.stream().filter(isWanted).mapToLong(Sample::value).sum();
    }

    /** What all workers have counted. */
    public long total(final DataPlaneCounter counter) {
        return total(counter.id());
    }

    /** What all workers have dropped for a reason. */
    public long total(final DropReason reason) {
        return total(typeId(reason));
    }

    private long total(final int typeId) {
        return sum(sample -> typeId == sample.typeId);
    }

    /** Packets dropped for a reason in the last minute. */
    public long inMinute(final DropReason reason) {
        return total(RecentCounters.MINUTE_TYPE_ID + typeId(reason));
    }

    /** What all workers have counted in the last minute, of a counter that {@link RecentCounters} follows. */
    public long inMinute(final DataPlaneCounter counter) {
        return total(RecentCounters.MINUTE_TYPE_ID + counter.id());
    }

    /** What one worker has counted in the last minute. */
    public long inMinute(final DataPlaneCounter counter, final int worker) {
        return sum(sample -> worker == sample.worker && RecentCounters.MINUTE_TYPE_ID + counter.id() == sample.typeId);
    }

    /** How long the last minute is, in nanoseconds: less at the beginning. */
    public long minuteNs() {
        return total(RecentCounters.WINDOW_TYPE_ID);
    }

    /** When a reason was seen first, in milliseconds since 1970; 0 when it was not, or before it was cleared. */
    public long firstMs(final DropReason reason) {
        final long firstMs = total(RecentCounters.FIRST_TYPE_ID + typeId(reason));
        return firstMs < clearedMs ? 0 : firstMs;
    }

    /** When a reason was seen last, in milliseconds since 1970; 0 when it was not. */
    public long lastMs(final DropReason reason) {
        return total(RecentCounters.LAST_TYPE_ID + typeId(reason));
    }

    /** Whom a packet was from that was dropped for a reason last; empty where nobody keeps that. */
    public String offender(final DropReason reason) {
        return remark("last " + reason + ": from ");
    }

    /** What is remarked behind words that a remark begins with; empty where nothing is. */
    public String remark(final String beginning) {
        return samples.stream()
                .map(Sample::label)
                .filter(label -> label.startsWith(beginning))
                .map(label -> label.substring(beginning.length()))
                .findFirst()
                .orElse("");
    }

    /** The names of the data threads. */
    public Set<String> threads() {
        final Set<String> names = new TreeSet<>();
        for (final Sample sample : samples) {
            final String name = ThreadCounter.IDLE_NS.threadName(sample.label);
            if (null != name && ThreadCounter.IDLE_NS.id() == sample.typeId) {
                names.add(name);
            }
        }
        return names;
    }

    /** What is counted of a thread. */
    public long ofThread(final ThreadCounter counter, final String thread) {
        return sum(
                sample -> counter.id() == sample.typeId && counter.label(thread).equals(sample.label));
    }

    /** What was counted of a thread in the last minute. */
    public long ofThreadInMinute(final ThreadCounter counter, final String thread) {
        return sum(sample -> RecentCounters.MINUTE_TYPE_ID + counter.id() == sample.typeId
                && sample.label.startsWith(counter.label(thread)));
    }

    private static int typeId(final DropReason reason) {
        return WorkerCounters.DROP_TYPE_ID_BASE + reason.id();
    }
}
