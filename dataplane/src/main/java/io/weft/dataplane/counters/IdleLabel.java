/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

import org.jspecify.annotations.Nullable;

/** The label of the counter of the nanoseconds that a data thread had nothing to do: the thread's name, and what is counted. */
public final class IdleLabel {
    private static final String SUFFIX = " idle ns";

    private IdleLabel() {}

    /** The label for a thread. */
    public static String of(final String threadName) {
        return threadName + SUFFIX;
    }

    /** The thread that a label is for; null if it is the label of another counter. */
    public static @Nullable String threadName(final String label) {
        return label.endsWith(SUFFIX) ? label.substring(0, label.length() - SUFFIX.length()) : null;
    }
}
