/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** When differences of which devices were put right last. The control thread alone. */
final class RepairedDevices {
    private final Map<String, Long> counts = new TreeMap<>();
    private final Map<String, Long> lastNs = new TreeMap<>();

    /** @param repairs of each device since the start. */
    void count(final Map<String, Long> repairs) {
        repairs.forEach((device, count) -> {
            final Long before = counts.put(device, count);
            if (count > 0 && !count.equals(before)) {
                lastNs.put(device, System.nanoTime());
            }
        });
    }

    /** The names of those where that was less than a time ago. */
    List<String> within(final long ns) {
        final long nowNs = System.nanoTime();
        return lastNs.entrySet().stream()
                .filter(last -> nowNs - last.getValue() < ns)
                .map(Map.Entry::getKey)
                .toList();
    }
}
