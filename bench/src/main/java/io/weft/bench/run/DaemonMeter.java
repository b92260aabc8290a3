/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import io.weft.bench.lab.Node;
import io.weft.bench.lab.Overlay;
import io.weft.bench.stats.DaemonWork;
import io.weft.bench.stats.ForwardingWork;
import io.weft.bench.stats.Stopwatch;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToLongFunction;

/** What the daemons of both nodes do while something is measured, in a second and for each superframe or packet that they carry. */
final class DaemonMeter {
    private final Overlay overlay;
    private DaemonWork before = DaemonWork.NONE;
    private List<Forwarder> forwardersBefore = List.of();
    private long beginNs;

    /** One daemon that counts. */
    private record Forwarder(boolean isSender, ForwardingWork work) {}

    DaemonMeter(final Overlay overlay) {
        this.overlay = overlay;
    }

    /** Before the traffic. */
    void begin() throws IOException {
        before = daemonWork();
        forwardersBefore = forwarders();
        beginNs = System.nanoTime();
    }

    /**
     * After it: adds what was counted; nothing where no process forwards.
     *
     * @return processor seconds of the daemons.
     */
    double end(final Map<Metric, Double> values, final Measure measure) throws IOException {
        final double seconds = Stopwatch.secondsSince(beginNs);
        if (overlay.userspaceNodes().isEmpty()) {
            return 0;
        }
        final DaemonWork work = daemonWork().minus(before);
        values.put(Metric.DAEMON_PROCESSORS, work.processorSeconds() / seconds);
        values.put(Metric.DAEMON_DEVICE_CALLS_PER_SECOND, work.deviceCalls() / seconds);
        values.put(Metric.DAEMON_WAITS_PER_SECOND, work.waits() / seconds);
        final List<Forwarder> after = forwarders();
        final List<Forwarder> during = new ArrayList<>();
        for (int i = 0; i < after.size(); i++) {
            final Forwarder one = after.get(i);
            during.add(new Forwarder(
                    one.isSender(), one.work().minus(forwardersBefore.get(i).work())));
        }
        // What passes both is carried once.
        final double carried = during.stream()
                .mapToLong(one -> measure.carried().of(one.work(), one.isSender()))
                .average()
                .orElse(0);
        if (carried > 0) {
            putCounted(values, during, carried, seconds);
            values.put(Metric.WAKE_UPS_PER_CARRIED, work.waits() / carried);
        }
        return work.processorSeconds();
    }

    private static void putCounted(
            final Map<Metric, Double> values,
            final List<Forwarder> during,
            final double carried,
            final double seconds) {
        long calls = 0;
        calls += put(values, Metric.READS_PER_CARRIED, during, carried, ForwardingWork::reads);
        calls += put(values, Metric.WRITES_PER_CARRIED, during, carried, ForwardingWork::writes);
        calls += put(values, Metric.SENDS_PER_CARRIED, during, carried, ForwardingWork::sends);
        calls += put(values, Metric.RECEIVES_PER_CARRIED, during, carried, ForwardingWork::receives);
        calls += put(values, Metric.POLLS_PER_CARRIED, during, carried, ForwardingWork::polls);
        calls += put(values, Metric.YIELDS_PER_CARRIED, during, carried, ForwardingWork::yields);
        values.put(Metric.DAEMON_CALLS_PER_SECOND, calls / seconds);
        final long bytes = put(values, Metric.COPIED_BYTES_PER_CARRIED, during, carried, ForwardingWork::copiedBytes);
        values.put(Metric.COPIED_BYTES_PER_SECOND, bytes / seconds);
        values.put(Metric.CARRIED_PER_SECOND, carried / seconds);
    }

    /** Returns the sum over the daemons. */
    private static long put(
            final Map<Metric, Double> values,
            final Metric metric,
            final List<Forwarder> during,
            final double carried,
            final ToLongFunction<ForwardingWork> counter) {
        final long sum = during.stream()
                .mapToLong(one -> counter.applyAsLong(one.work()))
                .sum();
        values.put(metric, sum / carried);
        return sum;
    }

    private DaemonWork daemonWork() throws IOException {
        DaemonWork work = DaemonWork.NONE;
        for (final Node node : overlay.userspaceNodes()) {
            work = work.plus(DaemonWork.of(overlay.process(node).pid()));
        }
        return work;
    }

    private List<Forwarder> forwarders() {
        return overlay.userspaceNodes().stream()
                .map(node -> overlay.countersFile(node)
                        .map(file -> new Forwarder(0 == node.index(), ForwardingWork.of(file))))
                .flatMap(Optional::stream)
                .toList();
    }
}
