/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import io.weft.bench.lab.Offload;
import java.util.Map;

/** One measurement. */
public record Sample(Pairing pairing, Offload offload, Measure measure, int round, Map<Metric, Double> values) {
    /** A figure of it; NaN if the measurement does not give it. */
    public double value(final Metric metric) {
        final Double value = values.get(metric);
        return null == value ? Double.NaN : value;
    }
}
