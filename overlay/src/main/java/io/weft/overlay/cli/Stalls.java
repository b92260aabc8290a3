/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.json.JsonValue;
import io.weft.overlay.record.DaemonRecord;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** For how long data threads stood still when their daemon showed its last sign of life: what they counted tells of no work. */
final class Stalls {
    private static final String KEY = "stalledMs";

    private Stalls() {}

    /** Entries of a device's data threads, each with the time that it has stood still for; 0 for one that goes on. */
    static List<Map<String, Object>> marked(
            final List<Map<String, Object>> threads, final String device, final DaemonRecord daemon) {
        final JsonValue stalled = daemon.status().member(KEY);
        return threads.stream()
                .map(thread -> {
                    final JsonValue ms =
                            null == stalled ? null : stalled.members().get(thread.get("thread") + " of " + device);
                    final Map<String, Object> marked = new LinkedHashMap<>(thread);
                    marked.put(KEY, null == ms ? 0 : ms.integer(0, Long.MAX_VALUE));
                    return marked;
                })
                .toList();
    }

    /** What is said of a thread that stands still; empty for one that goes on. */
    static String words(final Map<String, Object> thread) {
        final long ms = Rates.number(thread, KEY);
        return 0 == ms ? "" : "stands still for " + Words.duration(ms);
    }
}
