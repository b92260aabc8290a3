/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.budget;

import java.util.List;
import java.util.Locale;

/** What a figure counts. */
enum Unit {
    SECONDS("s", "ms", "µs", "ns"),
    MEBIBYTES("MiB");

    private static final double STEP = 1000;

    @SuppressWarnings("ImmutableEnumChecker") // List.of is immutable.
    private final List<String> names;

    Unit(final String... names) {
        this.names = List.of(names);
    }

    /** A value with the name of the unit, or of the fraction of it, in which it is 1 or more. */
    String format(final double value) {
        double scaled = value;
        int name = 0;
        while (scaled < 1 && name + 1 < names.size()) {
            scaled *= STEP;
            name++;
        }
        return String.format(Locale.ROOT, scaled < 10 ? "%.1f %s" : "%.0f %s", scaled, names.get(name));
    }
}
