/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netfilter;

import java.util.List;

/**
 * One rule of a chain.
 *
 * @param conditions all of which have to hold.
 * @param action what becomes of a packet then.
 * @param detail the chain of a {@link Action#JUMP} or {@link Action#GOTO}; of an {@link Action#INTERVENE} what it does, in words.
 */
public record Rule(List<Condition> conditions, Action action, String detail) {
    /** What becomes of a packet. */
    public enum Action {
        /** Nothing: the next rule is asked. It may have been counted or logged. */
        CONTINUE,
        /** The same, but the state of its connection is not followed. */
        CONTINUE_STATELESS,
        ACCEPT,
        RETURN,
        JUMP,
        GOTO,
        /** It is dropped, changed or handed to somebody, or what is done is not understood. */
        INTERVENE
    }

    /** Copies the list. */
    public Rule {
        conditions = List.copyOf(conditions);
    }
}
