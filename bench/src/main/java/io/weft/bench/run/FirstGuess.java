/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import io.weft.bench.lab.Offload;
import io.weft.bench.machine.MachineCosts;
import io.weft.bench.stats.Spread;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What bounds a figure, as far as it comes out of counting alone: what was called, waited for and copied in a second, times what the
 * machine takes for one. All are processors, that is seconds in each second; two daemons together. What is left is the network stack's
 * and the daemons' own work, and only a profile tells which.
 *
 * @param processors that the daemons took, as measured.
 * @param calls for reads and writes of the TUN.
 * @param wakeUps if each wait ended by a wake-up on the same core.
 * @param wakeUpsAcross if each ended by one from another core.
 * @param copiesNear for the payload, out of and into the kernel at both nodes, if all of it is within L2.
 * @param copiesFar if none of it is.
 */
public record FirstGuess(
        Pairing pairing,
        Offload offload,
        Measure measure,
        double processors,
        double calls,
        double wakeUps,
        double wakeUpsAcross,
        double copiesNear,
        double copiesFar) {
    /** TUN to daemon and daemon to socket at one node, and back at the other. */
    private static final int COPIES = 4;

    /** One for each pairing with weftd on both nodes, setting and measure that has what it takes. */
    public static List<FirstGuess> of(final Results results, final MachineCosts costs) {
        final List<FirstGuess> guesses = new ArrayList<>();
        for (final Pairing pairing : results.pairings()) {
            for (final Measure measure : results.measures()) {
                for (final Offload offload : results.offloads()) {
                    if (pairing.isAllWeft()) {
                        results.spread(pairing, offload, measure, Metric.PAYLOAD_BYTES_PER_SECOND)
                                .map(bytes -> of(results, costs, pairing, offload, measure, bytes.median()))
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
            final double bytesPerSecond) {
        final double waits = median(results, pairing, offload, measure, Metric.DAEMON_WAITS_PER_SECOND);
        final double same = costs.wakeUpSameNs().orElse(0);
        return new FirstGuess(
                pairing,
                offload,
                measure,
                median(results, pairing, offload, measure, Metric.DAEMON_PROCESSORS),
                median(results, pairing, offload, measure, Metric.DAEMON_CALLS_PER_SECOND) * costs.systemCallNs() / 1e9,
                waits * same / 1e9,
                waits * costs.wakeUpAcrossNs().orElse(same) / 1e9,
                COPIES * bytesPerSecond / (costs.copyNear() * 1e9),
                COPIES * bytesPerSecond / (costs.copyFar() * 1e9));
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

    /** In words. */
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "%s, %s, %s: daemons take %.2f processors; calls of the TUN %.2f, wake-ups %.2f to %.2f, copies %.2f to %.2f",
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
