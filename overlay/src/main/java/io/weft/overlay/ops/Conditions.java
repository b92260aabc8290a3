/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Which conditions of a node hold at present, and why one does not. Set and read by any thread. */
public final class Conditions {
    private final Map<Condition, String> troubles = new ConcurrentHashMap<>();

    /** All hold. */
    public Conditions() {}

    /** A condition holds. */
    public void holds(final Condition condition) {
        set(condition, "");
    }

    /**
     * A condition holds or not.
     *
     * @param trouble why it does not, and what to do; empty when it does.
     */
    public void set(final Condition condition, final String trouble) {
        troubles.put(condition, trouble);
    }

    /** Why a condition does not hold; empty when it does. */
    public String trouble(final Condition condition) {
        return troubles.getOrDefault(condition, "");
    }

    /** A line for each condition that does not hold; empty when all do. */
    public String troubles() {
        final StringBuilder text = new StringBuilder();
        for (final Condition condition : Condition.values()) {
            final String trouble = trouble(condition);
            if (!trouble.isEmpty()) {
                text.append(condition.label()).append(": ").append(trouble).append('\n');
            }
        }
        return text.toString();
    }
}
