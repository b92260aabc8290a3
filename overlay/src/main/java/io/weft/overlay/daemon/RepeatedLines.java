/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.daemon;

import io.weft.overlay.lifecycle.LogFields;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What the log says of troubles that come again and again: the first line at once, and then not more than one a minute, with how many there
 * were meanwhile, the first and the last. Lines that differ in numbers among their fields alone are of one trouble; those that differ in
 * anything else, as in the peer that they name, are not, and of very many there is one line a minute for all that were not written. Any
 * thread.
 */
final class RepeatedLines {
    /** Distinct troubles in a minute; of more, the last is told with the number of lines. */
    static final int LINES_MAX = 256;

    private static final long SILENCE_MS = TimeUnit.MINUTES.toMillis(1);

    /** By the line without its numbers, the one first that was written longest ago. */
    private final Map<String, Repetition> repetitions = new LinkedHashMap<>();

    /** Those for which there was no room. */
    private @Nullable Repetition others;

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

        String fields() {
            return LogFields.of("count", count, "first", time(firstMs), "last", time(lastMs));
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
        if (!hasRoom(nowMs)) {
            others = null == others ? new Repetition(line, nowMs) : others;
            others.add(line, nowMs);
            return false;
        }
        repetitions.put(trouble, new Repetition(line, nowMs));
        return true;
    }

    private boolean hasRoom(final long nowMs) {
        if (repetitions.size() >= LINES_MAX) {
            repetitions.values().removeIf(known -> 0 == known.count && known.isLongAgo(nowMs));
        }
        return repetitions.size() < LINES_MAX;
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
                due.add(repetition.line + repetition.fields());
                again.put(entry.getKey(), new Repetition(repetition.line, nowMs));
            }
            return true;
        });
        repetitions.putAll(again);
        final Repetition unwritten = others;
        if (null != unwritten && unwritten.isLongAgo(nowMs)) {
            due.add("WARNING more than " + LINES_MAX + " troubles a minute, others are not written; the last of them: "
                    + unwritten.line + unwritten.fields());
            others = null;
        }
        return due;
    }

    private static Instant time(final long ms) {
        return Instant.ofEpochMilli(ms).truncatedTo(ChronoUnit.SECONDS);
    }
}
