/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import io.weft.address.IpPrefix;
import io.weft.linux.netfilter.Culprit;
import java.util.List;

/**
 * Says of a rule that it drops packets of pods, and what to do.
 *
 * @param network of the cluster.
 * @param isAccepted by rules of weft's own, as far as iptables goes.
 */
public record PodRule(IpPrefix network, boolean isAccepted) {
    /** Packets of one direction. */
    public static final String EGRESS = "what pods here send to other nodes";

    /** Those of the other. */
    public static final String INGRESS = "what pods of other nodes send to those here";

    private static final List<String> IPTABLES = List.of("filter", "mangle", "raw", "security", "nat");
    private static final String LEGACY = " (legacy)";

    /** Of certain packets all. */
    public String drops(final Culprit rule, final String packets) {
        return rule.words() + (rule.isPolicy() ? ", and so " : ", drops ") + packets + ": "
                + (rule.isPolicy() ? "" : "take that rule away, or ") + pass(rule);
    }

    /** Of those both ways some, or perhaps none. */
    public static String mayDrop(final Culprit rule) {
        return rule.words() + (rule.isPolicy() ? ", and so perhaps some of" : ", may keep some of")
                + " what pods here and those of other nodes send to each other";
    }

    /** The commands that let the cluster's network pass in front of it, in the grammar of the tool that made the table. */
    private String pass(final Culprit rule) {
        final String[] family = rule.table().replace(LEGACY, "").split(" ", 2);
        final boolean isLegacy = rule.table().endsWith(LEGACY);
        if (isLegacy || isOfIptables(family[0], family[1])) {
            final String command = (network.isIpv4() ? "iptables" : "ip6tables") + (isLegacy ? "-legacy" : "-nft")
                    + ("filter".equals(family[1]) ? "" : " -t " + family[1]) + " -I " + rule.chain();
            return (isAccepted || !"FORWARD".equals(rule.chain())
                            ? ""
                            : "leave the rules to weft (--iptables-forward-rules), or ")
                    + "let pods pass: " + command + " -s " + network + " -j ACCEPT && " + command + " -d " + network
                    + " -j ACCEPT";
        }
        final String command =
                "nft insert rule " + rule.table() + ' ' + rule.chain() + (network.isIpv4() ? " ip" : " ip6");
        return "let pods pass: " + command + " saddr " + network + " accept && " + command + " daddr " + network
                + " accept";
    }

    /** iptables-nft has its tables under the names that iptables knows. */
    private static boolean isOfIptables(final String family, final String table) {
        return !"inet".equals(family) && IPTABLES.contains(table);
    }
}
