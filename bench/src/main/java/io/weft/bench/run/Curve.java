/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import io.weft.bench.lab.Offload;
import java.util.List;
import java.util.stream.StreamSupport;
import org.HdrHistogram.Histogram;

/**
 * One-way latencies at a fixed rate, from intended send time to arrival.
 *
 * @param measure whose loss-free rate it is.
 * @param loadPercent the rate as a fraction of the loss-free rate, in percent.
 * @param packetsPerSecond the rate.
 * @param sent packets sent.
 * @param lost packets that did not arrive.
 * @param cpuSecondsPerMillion the whole machine's processor time for a million packets.
 * @param points percentiles, rising.
 */
public record Curve(
        Pairing pairing,
        Offload offload,
        Measure measure,
        int loadPercent,
        double packetsPerSecond,
        long sent,
        long lost,
        double cpuSecondsPerMillion,
        List<Point> points) {
    /** So many percent of the packets took at most so long. */
    public record Point(double percentile, double latencyUs) {}

    private static final int TICKS_PER_HALF_DISTANCE = 5;

    /** The latency at a percentile: that of the first point that reaches it; 0 if nothing arrived. */
    public double latencyUs(final double percentile) {
        return points.stream()
                .filter(point -> point.percentile() >= percentile)
                .findFirst()
                .map(Point::latencyUs)
                .orElse(points.isEmpty() ? 0 : points.get(points.size() - 1).latencyUs());
    }

    /** The points of a histogram of nanoseconds. */
    static List<Point> points(final Histogram latenciesNs) {
        return StreamSupport.stream(
                        latenciesNs.percentiles(TICKS_PER_HALF_DISTANCE).spliterator(), false)
                .map(value -> new Point(value.getPercentileLevelIteratedTo(), value.getValueIteratedTo() / 1e3))
                .toList();
    }
}
