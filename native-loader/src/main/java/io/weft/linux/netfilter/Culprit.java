/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netfilter;

/**
 * What drops packets, or may.
 *
 * @param table that it is in, in words, as of {@link Chain}.
 * @param chain its name.
 * @param rule its number in the chain, from 1 on; 0 for its end.
 * @param action of the rule, in words.
 */
public record Culprit(String table, String chain, int rule, String action) {
    /** All that the chain does not accept is dropped. */
    static final int POLICY = 0;

    /** Whether it is no rule, but the end of a chain. */
    public boolean isPolicy() {
        return POLICY == rule;
    }

    /** Where it is, and what it does. */
    public String words() {
        final String place = "chain " + chain + " of table " + table;
        return isPolicy() ? place + " drops what it does not accept" : place + ", rule " + rule + " (" + action + ')';
    }
}
