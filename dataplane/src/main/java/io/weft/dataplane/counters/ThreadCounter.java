/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

import org.jspecify.annotations.Nullable;

/** What is counted of a data thread; the label is the thread's name, and what is counted. Ids and labels are stable. */
public enum ThreadCounter {
    /** Nanoseconds that it had nothing to do. */
    IDLE_NS(500, " idle ns"),
    /** Duty cycles that found work. */
    CYCLES(501, " busy cycles"),
    /** Nanoseconds of those duty cycles. */
    BUSY_NS(503, " busy ns"),
    /** The longest time between two looks at all that it has to do, waiting aside, in nanoseconds. */
    LONGEST_CYCLE_NS(502, " longest cycle ns"),
    /** Nanoseconds that it came before ordinary threads, since a receiver was behind. */
    URGENT_NS(504, " urgent ns"),
    /** How often it was let in before ordinary threads, since it got no processor while a flood began. */
    BOOSTS(505, " boosts"),
    /** How often it asked poll(2), and waited if there was nothing. */
    POLLS(506, " polls"),
    /** How often it gave way while it spun (sched_yield(2)). */
    YIELDS(507, " yields");

    private final int id;
    private final String suffix;

    ThreadCounter(final int id, final String suffix) {
        this.id = id;
        this.suffix = suffix;
    }

    /** The stable id. */
    public int id() {
        return id;
    }

    /** The label for a thread. */
    public String label(final String threadName) {
        return threadName + suffix;
    }

    /** The thread that a label is for; null if it is the label of another counter. */
    public @Nullable String threadName(final String label) {
        return label.endsWith(suffix) ? label.substring(0, label.length() - suffix.length()) : null;
    }
}
