/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.json.JsonValue;
import io.weft.overlay.record.DaemonRecord;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Leases on record that something is wrong with: those with the same fault by name, and what is wrong with them once. */
final class LeaseFaults {
    /** Of different faults. */
    private static final int FAULTS_MAX = 3;

    private LeaseFaults() {}

    /**
     * In words; empty without, and where a daemon of another version does not tell it.
     *
     * @param key that the record has the first of them under; that of how many there are is made of it.
     * @param verb between a lease's name and its fault.
     */
    static String of(final DaemonRecord daemon, final String key, final String verb) {
        final JsonValue faults = daemon.status().member(key);
        if (null == faults || faults.members().isEmpty()) {
            return "";
        }
        final Map<String, List<String>> names = new LinkedHashMap<>();
        faults.members()
                .forEach((name, fault) -> names.computeIfAbsent(fault.string(), words -> new ArrayList<>())
                        .add(name));
        final List<Map.Entry<String, List<String>>> told =
                names.entrySet().stream().limit(FAULTS_MAX).toList();
        final JsonValue count = daemon.status().member(key + "Count");
        final int all = null == count ? faults.members().size() : count.integer(0, Integer.MAX_VALUE);
        final int others =
                all - told.stream().mapToInt(fault -> fault.getValue().size()).sum();
        return told.stream()
                        .map(fault -> String.join(", ", fault.getValue())
                                + (1 == fault.getValue().size() ? "" : ": each")
                                + verb
                                + fault.getKey())
                        .collect(Collectors.joining("; "))
                + (others > 0 ? "; and " + others + " more" : "");
    }
}
