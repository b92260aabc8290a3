/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import io.weft.bench.lab.Offload;
import io.weft.bench.machine.MachineCosts;
import io.weft.bench.stats.Spread;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What bounds a figure, as far as it comes out of counting alone: what was called, waited for and copied in a second, times what the
 * machine takes for one. All are processors, that is seconds in each second; two daemons together. What is left is the network stack's
 * and the daemons' own work, and only a profile tells which.
 *
 * @param counted medians of what was done for each superframe or packet ({@link Measure#carried}): those of {@link #COUNTED}.
 * @param processors that the daemons took, as measured.
 * @param calls for entering the kernel.
 * @param wakeUps if each wait ended by a wake-up on the same core.
 * @param wakeUpsAcross if each ended by one from another core.
 * @param copiesNear if all that is copied is within L2.
 * @param copiesFar if none of it is.
 */
public record FirstGuess(
        Pairing pairing,
        Offload offload,
        Measure measure,
        Map<Metric, Double> counted,
        double processors,
        double calls,
        double wakeUps,
        double wakeUpsAcross,
        double copiesNear,
        double copiesFar) {
    /** What is counted, in the order in which it is shown. */
    public static final List<Metric> COUNTED = List.of(
            Metric.READS_PER_CARRIED,
            Metric.WRITES_PER_CARRIED,
            Metric.SENDS_PER_CARRIED,
            Metric.RECEIVES_PER_CARRIED,
            Metric.POLLS_PER_CARRIED,
            Metric.YIELDS_PER_CARRIED,
            Metric.WAKE_UPS_PER_CARRIED,
            Metric.COPIED_BYTES_PER_CARRIED);

    /** One for each pairing whose nodes both count, setting and measure that has what it takes. */
    public static List<FirstGuess> of(final Results results, final MachineCosts costs) {
        final List<FirstGuess> guesses = new ArrayList<>();
        for (final Pairing pairing : results.pairings()) {
            for (final Measure measure : results.measures()) {
                for (final Offload offload : results.offloads()) {
                    if (pairing.isCounted()) {
                        results.spread(pairing, offload, measure, Metric.DAEMON_CALLS_PER_SECOND)
                                .map(calls -> of(results, costs, pairing, offload, measure, calls.median()))
                                .ifPresent(guesses::add);
                    }
                }
            }
        }
        return guesses;
    }

    private static FirstGuess of(
            final Results results,
            final MachineCosts costs,
            final Pairing pairing,
            final Offload offload,
            final Measure measure,
            final double callsPerSecond) {
        final Map<Metric, Double> counted = new EnumMap<>(Metric.class);
        COUNTED.forEach(metric -> results.spread(pairing, offload, measure, metric)
                .ifPresent(spread -> counted.put(metric, spread.median())));
        final double waits = median(results, pairing, offload, measure, Metric.DAEMON_WAITS_PER_SECOND);
        final double bytesPerSecond = median(results, pairing, offload, measure, Metric.COPIED_BYTES_PER_SECOND);
        final double same = costs.wakeUpSameNs().orElse(0);
        return new FirstGuess(
                pairing,
                offload,
                measure,
                counted,
                median(results, pairing, offload, measure, Metric.DAEMON_PROCESSORS),
                callsPerSecond * costs.systemCallNs() / 1e9,
                waits * same / 1e9,
                waits * costs.wakeUpAcrossNs().orElse(same) / 1e9,
                bytesPerSecond / (costs.copyNear() * 1e9),
                bytesPerSecond / (costs.copyFar() * 1e9));
    }

    private static double median(
            final Results results,
            final Pairing pairing,
            final Offload offload,
            final Measure measure,
            final Metric metric) {
        return results.spread(pairing, offload, measure, metric)
                .map(Spread::median)
                .orElse(Double.NaN);
    }

    /** What was done for each superframe or packet, for people; a dash for what was not counted. */
    public List<String> countedText() {
        return COUNTED.stream()
                .map(metric -> metric.format(counted.getOrDefault(metric, Double.NaN)))
                .toList();
    }

    /** In words. */
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "%s, %s, %s: daemons take %.2f processors; calls %.2f, wake-ups %.2f to %.2f, copies %.2f to %.2f",
                pairing,
                measure,
                offload,
                processors,
                calls,
                wakeUps,
                wakeUpsAcross,
                copiesNear,
                copiesFar);
    }
}
