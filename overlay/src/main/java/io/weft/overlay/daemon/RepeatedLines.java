/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.daemon;

import io.weft.overlay.lifecycle.LogFields;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * What the log says of troubles that come again and again: the first line at once, and then not more than one a minute, with how many there
 * were meanwhile, the first and the last. Lines that differ in numbers among their fields alone are of one trouble. Any thread.
 */
final class RepeatedLines {
    /** Distinct troubles at a time; of more, the oldest is forgotten, and told anew when it comes again. */
    static final int LINES_MAX = 256;

    private static final long SILENCE_MS = TimeUnit.MINUTES.toMillis(1);

    /** By the line without its numbers, the one first that was written longest ago. */
    private final Map<String, Repetition> repetitions = new LinkedHashMap<>();

    private static final class Repetition {
        private final long writtenMs;
        private String line;
        private long count;
        private long firstMs;
        private long lastMs;

        Repetition(final String line, final long nowMs) {
            this.line = line;
            writtenMs = nowMs;
        }

        /** A clock that was set back ends the silence too. */
        boolean isLongAgo(final long nowMs) {
            return nowMs < writtenMs || nowMs - writtenMs >= SILENCE_MS;
        }

        void add(final String again, final long nowMs) {
            line = again;
            firstMs = 0 == count ? nowMs : firstMs;
            lastMs = nowMs;
            count++;
        }
    }

    /** Whether a line is to be written now; if not, it is counted. In milliseconds since 1970. */
    synchronized boolean isNew(final String line, final long nowMs) {
        final String trouble = LogFields.withoutNumbers(line);
        final Repetition known = repetitions.get(trouble);
        if (null != known && (known.count > 0 || !known.isLongAgo(nowMs))) {
            known.add(line, nowMs);
            return false;
        }
        repetitions.remove(trouble);
        if (repetitions.size() >= LINES_MAX) {
            final Iterator<String> oldest = repetitions.keySet().iterator();
            oldest.next();
            oldest.remove();
        }
        repetitions.put(trouble, new Repetition(line, nowMs));
        return true;
    }

    /** The last of each that were counted, to be written a minute after it last was. */
    synchronized List<String> due(final long nowMs) {
        final List<String> due = new ArrayList<>();
        final Map<String, Repetition> again = new LinkedHashMap<>();
        repetitions.entrySet().removeIf(entry -> {
            final Repetition repetition = entry.getValue();
            if (!repetition.isLongAgo(nowMs)) {
                return false;
            }
            if (repetition.count > 0) {
                due.add(repetition.line
                        + LogFields.of(
                                "count",
                                repetition.count,
                                "first",
                                time(repetition.firstMs),
                                "last",
                                time(repetition.lastMs)));
                again.put(entry.getKey(), new Repetition(repetition.line, nowMs));
            }
            return true;
        });
        repetitions.putAll(again);
        return due;
    }

    private static Instant time(final long ms) {
        return Instant.ofEpochMilli(ms).truncatedTo(ChronoUnit.SECONDS);
    }
}
