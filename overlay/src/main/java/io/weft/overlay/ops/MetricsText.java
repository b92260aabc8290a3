/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Metrics in Prometheus' text format 0.0.4: samples of one name stand together under one HELP and one TYPE, in whatever order
 * they are added.
 */
public final class MetricsText {
    private final Map<String, StringBuilder> families = new LinkedHashMap<>();

    /** An empty text. */
    public MetricsText() {}

    /**
     * Adds a counter, whose name ends in {@code _total}.
     *
     * @param labels as {@code direction="egress"}; empty for none.
     */
    public MetricsText counter(final String name, final String help, final String labels, final long value) {
        return add(name, "counter", help, labels, String.valueOf(value));
    }

    /** Adds a counter of time, whose name ends in {@code _seconds_total}. */
    public MetricsText seconds(final String name, final String help, final String labels, final long nanoseconds) {
        return add(name, "counter", help, labels, String.valueOf(nanoseconds / 1e9));
    }

    /** Adds a gauge. */
    public MetricsText gauge(final String name, final String help, final String labels, final double value) {
        return add(name, "gauge", help, labels, String.valueOf(value));
    }

    private MetricsText add(
            final String name, final String type, final String help, final String labels, final String value) {
        final StringBuilder family = families.computeIfAbsent(
                name, key -> new StringBuilder("# HELP " + name + ' ' + help + "\n# TYPE " + name + ' ' + type + '\n'));
        family.append(name);
        if (!labels.isEmpty()) {
            family.append('{').append(labels).append('}');
        }
        family.append(' ').append(value).append('\n');
        return this;
    }

    /** The text. */
    @Override
    public String toString() {
        return String.join("", families.values());
    }
}
