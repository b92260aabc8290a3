/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ops;

import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** Which conditions of a node hold at present, and why one does not. Set and read by any thread. */
public final class Conditions {
    private static final EnumSet<Condition> FOR_PEOPLE =
            EnumSet.of(Condition.FORWARDING, Condition.POD_PATH, Condition.RUN_DIRECTORY);

    private final Map<Condition, String> troubles = new ConcurrentHashMap<>();
    private final Map<Condition, String> doubts = new ConcurrentHashMap<>();

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

    /**
     * The same, with what may keep it from holding.
     *
     * @param doubt what that is, though nobody knows that it does; empty if there is nothing.
     */
    public void set(final Condition condition, final String trouble, final String doubt) {
        set(condition, trouble);
        doubts.put(condition, doubt);
    }

    /** What may keep a condition from holding; empty if nothing is known of that. */
    public String doubt(final Condition condition) {
        return doubts.getOrDefault(condition, "");
    }

    /** Why a condition does not hold; empty when it does. */
    public String trouble(final Condition condition) {
        return troubles.getOrDefault(condition, "");
    }

    /** A line for each condition that does not hold; empty when all do. What is for people alone is none. */
    public String troubles() {
        return troubles(EnumSet.complementOf(FOR_PEOPLE));
    }

    /** The same but for what the registry itself is told, or cannot be told. */
    public String troublesOfTheNode() {
        final EnumSet<Condition> told = EnumSet.complementOf(FOR_PEOPLE);
        told.removeAll(EnumSet.of(Condition.REGISTRY, Condition.OWN_LEASE));
        return troubles(told);
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
