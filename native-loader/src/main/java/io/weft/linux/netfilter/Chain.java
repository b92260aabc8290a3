/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netfilter;

import java.util.List;

/**
 * One chain of rules.
 *
 * @param table that it is in, and in which the chains are that it jumps to, in words: {@code ip filter}.
 * @param name of the chain.
 * @param hook where the kernel asks it, or {@link #NO_HOOK}.
 * @param drops whether it drops at its end, where it has a hook.
 * @param rules in their order.
 */
public record Chain(String table, String name, int hook, boolean drops, List<Rule> rules) {
    public static final int NO_HOOK = -1;

    // enum nf_inet_hooks, include/uapi/linux/netfilter.h
    static final int PREROUTING = 0;
    static final int INPUT = 1;
    static final int OUTPUT = 3;
    static final int POSTROUTING = 4;

    /** Copies the list. */
    public Chain {
        rules = List.copyOf(rules);
    }

    /** Whether the kernel asks it about packets for this host, or about those that this host sends. */
    boolean sees(final boolean isIncoming) {
        return isIncoming ? PREROUTING == hook || INPUT == hook : OUTPUT == hook || POSTROUTING == hook;
    }
}
