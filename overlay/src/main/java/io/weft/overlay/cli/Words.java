/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.lifecycle.PlainText;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.StartRecord;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;

/** Numbers as people read them. */
final class Words {
    private static final int SECONDS_PER_MINUTE = 60;
    private static final int MINUTES_PER_HOUR = 60;
    private static final int HOURS_PER_DAY = 24;

    /** That nobody reads a pipe any more. */
    static final String READER_GONE = "Broken pipe";

    private Words() {}

    /** A time of some milliseconds, by its largest unit: {@code 12 s}, {@code 3 min}, {@code 5 h}, {@code 2 d}. */
    static String duration(final long ms) {
        final Duration duration = Duration.ofMillis(Math.max(0, ms));
        if (duration.toSeconds() < SECONDS_PER_MINUTE) {
            return duration.toSeconds() + " s";
        }
        if (duration.toMinutes() < MINUTES_PER_HOUR) {
            return duration.toMinutes() + " min";
        }
        return duration.toHours() < HOURS_PER_DAY ? duration.toHours() + " h" : duration.toDays() + " d";
    }

    /** As many as there are, such as {@code 1 node} and {@code 2 nodes}. */
    static String count(final long count, final String thing) {
        return count + " " + thing + (1 == count ? "" : "s");
    }

    /** Nanoseconds by the unit that leaves up to three digits. */
    static String shortTime(final long ns) {
        if (ns < 1_000) {
            return ns + " ns";
        }
        if (ns < 1_000_000) {
            return ns / 1_000 + " us";
        }
        return ns < 1_000_000_000 ? ns / 1_000_000 + " ms" : ns / 1_000_000_000 + " s";
    }

    /** Who it is, for people: a start need have no device yet, and shares the one that it has with nobody but its process. */
    static String title(final DaemonRecord daemon) {
        if (!StartRecord.isStart(daemon.status())) {
            return PlainText.of(daemon.name());
        }
        final String device = PlainText.of(daemon.text("device"));
        return "weftd" + (device.isEmpty() ? "" : " of " + device) + ", process " + daemon.number("pid");
    }

    /** The same for programs: what an entry is worth that was made of a daemon's record. */
    static Map<String, Object> withAge(final Map<String, Object> entry, final DaemonRecord daemon) {
        final Map<String, Object> aged = new LinkedHashMap<>(entry);
        aged.put("liveness", daemon.liveness().label());
        aged.put("ageMs", daemon.ageMs());
        return aged;
    }

    /** What a daemon's record is worth; empty while it lives, and where there is another one's. */
    static String ofAge(final DaemonRecord daemon) {
        final long pid = daemon.number("pid");
        final String age = duration(daemon.ageMs());
        return switch (daemon.liveness()) {
            case LIVE -> "";
            case HUNG ->
                "hung: the control thread of process " + pid + " has shown no sign of life for " + age
                        + "; what it forwards by is from then";
            case STOPPED -> "stopped: process " + pid + " was stopped by a signal " + age + " ago; all is from then";
            case DEAD -> "dead: process " + pid + " is gone, all is from " + age + " ago";
            case REFUSED -> "";
            case FAILED -> "failed: its start came to nothing " + age + " ago; weft status says why";
            case ENDED -> "ended: process " + pid + " was told to stop " + age + " ago; all is from then";
        };
    }
}
