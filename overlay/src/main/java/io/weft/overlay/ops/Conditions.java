/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
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

    /** A line for each condition that does not hold; empty when all do. What is only likely is none. */
    public String troubles() {
        return troubles(EnumSet.complementOf(EnumSet.of(Condition.FORWARDING)));
    }

    /** The same but for what the registry itself is told, or cannot be told. */
    public String troublesOfTheNode() {
        return troubles(
                EnumSet.complementOf(EnumSet.of(Condition.REGISTRY, Condition.OWN_LEASE, Condition.FORWARDING)));
    }

    private String troubles(final Set<Condition> conditions) {
        final StringBuilder text = new StringBuilder();
        for (final Condition condition : conditions) {
            final String trouble = trouble(condition);
            if (!trouble.isEmpty()) {
                text.append(condition.label()).append(": ").append(trouble).append('\n');
            }
        }
        return text.toString();
    }
}
