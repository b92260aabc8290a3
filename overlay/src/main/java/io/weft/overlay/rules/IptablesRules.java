/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import io.weft.address.IpPrefix;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * flannel's iptables rules of one address family (flannel pkg/trafficmngr/iptables): the same chains, rules and comments, so
 * that a host which changes between flanneld and weftd has them once. They match on addresses and never on a device.
 */
public final class IptablesRules implements Ruleset {
    private static final String MASQUERADE = " -m comment --comment \"flanneld masq\"";
    private static final String FORWARD = " -m comment --comment \"flanneld forward\"";

    private final String tool;
    private final List<Chain> chains = new ArrayList<>();
    /** What iptables printed right after the rules were set, which is not quite what it was given. */
    private final Map<Chain, List<String>> expected = new HashMap<>();

    /**
     * One chain of ours.
     *
     * @param table it is in.
     * @param name of the chain.
     * @param comment that each of its rules has, and the jump to it.
     * @param jump the rule of a built-in chain that leads to it, without {@code -A}.
     * @param rules of the chain, without {@code -A}.
     */
    private record Chain(String table, String name, String comment, String jump, List<String> rules) {}

    /**
     * The rules of a node.
     *
     * @param network of the cluster.
     * @param subnet of the node.
     * @param masquerade traffic that leaves the cluster network.
     * @param randomPorts with random source ports.
     * @param forward accept forwarded traffic of the cluster network.
     */
    public IptablesRules(
            final IpPrefix network,
            final IpPrefix subnet,
            final boolean masquerade,
            final boolean randomPorts,
            final boolean forward) {
        tool = network.isIpv4() ? "iptables" : "ip6tables";
        if (masquerade) {
            chains.add(masqueradeChain(network, subnet, randomPorts));
        }
        if (forward) {
            chains.add(forwardChain(network));
        }
    }

    private static Chain masqueradeChain(final IpPrefix network, final IpPrefix subnet, final boolean randomPorts) {
        final String name = "FLANNEL-POSTRTG";
        final String masquerade = MASQUERADE + " -j MASQUERADE" + (randomPorts ? " --random-fully" : "");
        final String multicast = network.isIpv4() ? "224.0.0.0/4" : "ff00::/8";
        return new Chain(
                "nat",
                name,
                "flanneld masq",
                "POSTROUTING" + MASQUERADE + " -j " + name,
                List.of(
                        name + " -m mark --mark 0x4000/0x4000" + MASQUERADE + " -j RETURN",
                        name + " -s " + subnet + " -d " + network + MASQUERADE + " -j RETURN",
                        name + " -s " + network + " -d " + subnet + MASQUERADE + " -j RETURN",
                        name + " ! -s " + network + " -d " + subnet + MASQUERADE + " -j RETURN",
                        name + " -s " + network + " ! -d " + multicast + masquerade,
                        name + " ! -s " + network + " -d " + network + masquerade));
    }

    private static Chain forwardChain(final IpPrefix network) {
        final String name = "FLANNEL-FWD";
        return new Chain(
                "filter",
                name,
                "flanneld forward",
                "FORWARD" + FORWARD + " -j " + name,
                List.of(
                        name + " -s " + network + FORWARD + " -j ACCEPT",
                        name + " -d " + network + FORWARD + " -j ACCEPT"));
    }

    @Override
    public boolean repair() {
        boolean isRepaired = false;
        for (final Chain chain : chains) {
            final List<String> present = present(chain);
            if (!present.equals(expected.get(chain))) {
                Tool.require(List.of(tool + "-restore", "--wait", "--noflush"), restoreText(chain, present));
                expected.put(chain, present(chain));
                isRepaired = true;
            }
        }
        return isRepaired;
    }

    /** Our rules as iptables prints them: all have our comment, and nobody else's have. */
    private List<String> present(final Chain chain) {
        return Tool.require(List.of(tool + "-save", "-t", chain.table), "")
                .lines()
                .filter(line -> line.startsWith("-A ") && line.contains(chain.comment))
                .toList();
    }

    /** One transaction: without what is there of the rules, and with all of them. */
    private static String restoreText(final Chain chain, final List<String> present) {
        final StringBuilder text = new StringBuilder("*" + chain.table + "\n:" + chain.name + " - [0:0]\n");
        appendWithoutJump(text, chain, present);
        text.append("-F ").append(chain.name).append('\n');
        text.append("-A ").append(chain.jump).append('\n');
        chain.rules.forEach(rule -> text.append("-A ").append(rule).append('\n'));
        return text.append("COMMIT\n").toString();
    }

    private static void appendWithoutJump(final StringBuilder text, final Chain chain, final List<String> present) {
        present.stream()
                .filter(line -> !line.startsWith("-A " + chain.name + ' '))
                .forEach(line -> text.append("-D").append(line.substring(2)).append('\n'));
    }

    @Override
    public void remove() {
        for (final Chain chain : chains) {
            final List<String> present = present(chain);
            if (!present.isEmpty()) {
                final StringBuilder text = new StringBuilder("*" + chain.table + "\n:" + chain.name + " - [0:0]\n");
                appendWithoutJump(text, chain, present);
                text.append("-F ")
                        .append(chain.name)
                        .append("\n-X ")
                        .append(chain.name)
                        .append("\nCOMMIT\n");
                Tool.require(List.of(tool + "-restore", "--wait", "--noflush"), text.toString());
            }
        }
    }
}
