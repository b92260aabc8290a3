/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import io.weft.address.IpPrefix;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * flannel's nftables rules of one address family (flannel pkg/trafficmngr/nftables): its tables and chains. The fourth
 * masquerade rule is that of flannel's iptables rules, since the one it has here makes its last rule unreachable. A comment says which
 * network a rule is for, since two daemons have one table.
 */
public final class NftablesRules implements Ruleset {
    private static final String POSTROUTING_CHAIN = "postrtg";
    private static final String FORWARD_CHAIN = "forward";
    static final String TUNNEL_PORT_CHAIN = "tunnelport";
    /** Before the network, as nft prints it behind a rule. */
    private static final String COMMENT = " comment \"weftd ";

    private static final String HANDLE = " # handle ";

    private final String family;
    private final String table;
    private final IpPrefix network;
    private final IpPrefix subnet;
    private final @Nullable TunnelPort tunnelPort;
    private String podBridge = "";
    private final String comment;
    /** Networks of other daemons that run on this host. */
    private final Supplier<List<OtherNetwork>> others;

    private final List<String> postrouting = new ArrayList<>();
    private final List<String> forward = new ArrayList<>();
    /** What nft lists of ours right after the rules were set: nft prints them in words of its own. */
    private String expected = "";
    /** Whether what a former configuration of this node left has been taken away. */
    private boolean isCleared;

    /**
     * The rules of a node.
     *
     * @param network of the cluster.
     * @param subnet of the node.
     * @param wishes which rules.
     * @param others tells the networks of other daemons that run on this host.
     */
    public NftablesRules(
            final IpPrefix network,
            final IpPrefix subnet,
            final NodeRules.Wishes wishes,
            final Supplier<List<OtherNetwork>> others) {
        this.others = others;
        comment = comment(network);
        this.network = network;
        this.subnet = subnet;
        tunnelPort = wishes.tunnelPort();
        family = network.isIpv4() ? "ip" : "ip6";
        table = network.isIpv4() ? "flannel-ipv4" : "flannel-ipv6";
        final String source = family + " saddr ";
        final String destination = family + " daddr ";
        if (wishes.masquerade()) {
            final String action = " masquerade" + (wishes.randomPorts() ? " fully-random" : "");
            postrouting.add("meta mark & 0x4000 == 0x4000 return");
            postrouting.add(source + subnet + " " + destination + network + " return");
            postrouting.add(source + network + " " + destination + subnet + " return");
            postrouting.add(source + "!= " + network + " " + destination + subnet + " return");
            postrouting.add(source + network + " " + destination + "!= "
                    + (network.isIpv4() ? "224.0.0.0/4" : "ff00::/8") + action);
            postrouting.add(source + "!= " + network + " " + destination + network + action);
        }
        if (wishes.forward()) {
            forward.add(source + network + " accept");
            forward.add(destination + network + " accept");
        }
    }

    @Override
    public boolean repair() {
        if (postrouting.isEmpty() && forward.isEmpty() && null == tunnelPort) {
            return false;
        }
        final String formerBridge = podBridge;
        podBridge = null == tunnelPort ? "" : TunnelPort.podBridge(subnet);
        final boolean isFirst = expected.isEmpty();
        final boolean isFollowed = !podBridge.equals(formerBridge);
        if (isFollowed) {
            expected = ""; // until all is there: what fails now is due again, though the bridge is then that of before
        }
        final List<Line> present = listing();
        if (!expected.isEmpty() && expected.equals(ownText(present))) {
            return false;
        }
        expected = "";
        Tool.run(List.of("nft", "-f", "-"), removal(present, isCleared) + script(), line -> {});
        isCleared = true;
        expected = ownText(listing());
        return isFirst || !isFollowed;
    }

    private static String comment(final IpPrefix network) {
        return COMMENT + network + '"';
    }

    /**
     * Before what others accept, and after the destination of a Service has become that of a pod.
     *
     * @param destinations that are refused, each as a match or empty for all.
     */
    private List<String> tunnelPortRules(final TunnelPort port, final List<String> destinations) {
        final List<String> pods = new ArrayList<>(List.of("iifname != \"lo\" " + family + " saddr " + subnet));
        port.podDevices(podBridge).forEach(device -> pods.add("iifname \"" + device + '"'));
        final List<String> rules = new ArrayList<>();
        for (final String destination : destinations) {
            for (final String pod : pods) {
                rules.add(pod + destination + " udp dport " + port.port() + " counter drop");
            }
        }
        return rules;
    }

    private void tunnelPortChains(final StringBuilder script, final TunnelPort port) {
        final List<String> forwarded = port.refused(network).stream()
                .map(refused -> ' ' + family + " daddr " + (refused.isOutside() ? "!= " : "") + refused.prefix())
                .toList();
        tunnelPortChain(script, "input", tunnelPortRules(port, List.of("")));
        tunnelPortChain(script, "forward", tunnelPortRules(port, forwarded));
    }

    private void tunnelPortChain(final StringBuilder script, final String hook, final List<String> rules) {
        chain(script, TUNNEL_PORT_CHAIN + '-' + hook, "type filter hook " + hook + " priority mangle;", rules);
    }

    /**
     * A rule, or the line that makes a base chain of one.
     *
     * @param chain it is in.
     * @param text as nft prints it.
     * @param handle of a rule; empty for the other.
     */
    private record Line(String chain, String text, String handle) {
        boolean isRule() {
            return !handle.isEmpty();
        }
    }

    /** Our table, and nobody else's; empty when there is none. */
    private List<Line> listing() {
        final List<String> tables = new ArrayList<>();
        Tool.run(List.of("nft", "list", "tables", family), "", tables::add);
        if (!tables.contains("table " + family + ' ' + table)) {
            return List.of();
        }
        final List<Line> lines = new ArrayList<>();
        final String[] chain = {""};
        Tool.run(List.of("nft", "--stateless", "--handle", "list", "table", family, table), "", line -> {
            final String text = line.strip();
            final int handle = text.lastIndexOf(HANDLE);
            if (text.startsWith("chain ")) {
                chain[0] = text.substring("chain ".length(), text.indexOf(" {"));
            } else if (text.startsWith("type ")) {
                lines.add(new Line(chain[0], text, ""));
            } else if (handle >= 0 && !text.startsWith("table ")) {
                lines.add(new Line(chain[0], text.substring(0, handle), text.substring(handle + HANDLE.length())));
            }
        });
        return lines;
    }

    /** Rules of this network in their order, and the chains that they are in. */
    private String ownText(final List<Line> present) {
        final Set<String> chains = present.stream()
                .filter(line -> line.text.endsWith(comment))
                .map(Line::chain)
                .collect(Collectors.toSet());
        return present.stream()
                .filter(line -> line.isRule() ? line.text.endsWith(comment) : chains.contains(line.chain))
                .map(line -> line.chain + ' ' + line.text + '\n')
                .collect(Collectors.joining());
    }

    /**
     * Takes away what is not of another network, and the table where nothing is. A rule of another one that is not known to run is taken
     * away once, and its daemon puts it back at its next comparison: a former configuration of this node may have left it.
     *
     * @param isLater whether that was done before.
     */
    private String removal(final List<Line> present, final boolean isLater) {
        final List<String> running = isLater
                ? List.of()
                : others.get().stream()
                        .flatMap(other -> other.networks().stream())
                        .map(NftablesRules::comment)
                        .toList();
        final List<Line> goes = present.stream()
                .filter(Line::isRule)
                .filter(line -> line.text.endsWith(comment)
                        || (isLater
                                ? !line.text.contains(COMMENT)
                                : running.stream().noneMatch(line.text::endsWith)))
                .toList();
        if (goes.size() == present.stream().filter(Line::isRule).count()) {
            return "add table " + family + ' ' + table + "\ndelete table " + family + ' ' + table + '\n';
        }
        return goes.stream()
                .map(line -> "delete rule " + family + ' ' + table + ' ' + line.chain + " handle " + line.handle + '\n')
                .collect(Collectors.joining());
    }

    /** Makes what is not there. */
    private String script() {
        final StringBuilder script = new StringBuilder();
        script.append("table ").append(family).append(' ').append(table).append(" {\n");
        chain(script, POSTROUTING_CHAIN, "type nat hook postrouting priority srcnat;", postrouting);
        chain(script, FORWARD_CHAIN, "type filter hook forward priority filter;", forward);
        if (null != tunnelPort) {
            tunnelPortChains(script, tunnelPort);
        }
        return script.append("}\n").toString();
    }

    private void chain(final StringBuilder script, final String name, final String hook, final List<String> rules) {
        if (!rules.isEmpty()) {
            script.append("chain ").append(name).append(" {\n").append(hook).append('\n');
            rules.forEach(rule -> script.append(rule).append(comment).append('\n'));
            script.append("}\n");
        }
    }

    /** Takes away what flanneld has not, where it is. */
    static void removeTunnelPort(final boolean ipv4) {
        final String family = ipv4 ? "ip" : "ip6";
        final String table = ipv4 ? "flannel-ipv4" : "flannel-ipv6";
        final StringBuilder script = new StringBuilder();
        Tool.run(List.of("nft", "list", "chains", family), "", line -> {
            final String chain = line.strip();
            if (chain.startsWith("chain " + TUNNEL_PORT_CHAIN)) {
                script.append("delete chain ").append(family).append(' ').append(table);
                script.append(chain, "chain".length(), chain.indexOf('{')).append('\n');
            }
        });
        if (!script.isEmpty()) {
            Tool.run(List.of("nft", "-f", "-"), script.toString(), line -> {});
        }
    }

    /** Takes the rules away, where there are any. */
    void remove() {
        final List<Line> present = listing();
        final String script = present.isEmpty() ? "" : removal(present, false);
        if (!script.isEmpty()) {
            Tool.run(List.of("nft", "-f", "-"), script, line -> {});
        }
    }
}
