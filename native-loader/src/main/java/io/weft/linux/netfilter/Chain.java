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
 * @param devices whose packets alone it sees; none for those of all.
 * @param rules in their order.
 */
public record Chain(String table, String name, int hook, boolean drops, List<String> devices, List<Rule> rules) {
    public static final int NO_HOOK = -1;

    // enum nf_inet_hooks, include/uapi/linux/netfilter.h
    static final int PREROUTING = 0;
    static final int INPUT = 1;
    static final int FORWARD = 2;
    static final int OUTPUT = 3;
    static final int POSTROUTING = 4;
    /** {@code NF_INET_INGRESS}; what comes by one device, also of tables of that device. */
    public static final int INGRESS = 5;
    /** What leaves by one device; the kernel has numbered that with those of the device. */
    public static final int EGRESS = 6;

    /** Copies the lists. */
    public Chain {
        devices = List.copyOf(devices);
        rules = List.copyOf(rules);
    }

    /** One that sees packets of all devices. */
    Chain(final String table, final String name, final int hook, final boolean drops, final List<Rule> rules) {
        this(table, name, hook, drops, List.of(), rules);
    }
}
