/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import io.weft.address.IpPrefix;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * flannel's nftables rules of one address family (flannel pkg/trafficmngr/nftables): its tables and chains. The fourth
 * masquerade rule is that of flannel's iptables rules, since the one it has here makes its last rule unreachable.
 */
public final class NftablesRules implements Ruleset {
    private static final String POSTROUTING_CHAIN = "postrtg";
    private static final String FORWARD_CHAIN = "forward";
    static final String TUNNEL_PORT_CHAIN = "tunnelport";

    private final String family;
    private final String table;
    private final IpPrefix network;
    private final IpPrefix subnet;
    private final @Nullable TunnelPort tunnelPort;
    private String podBridge = "";
    private final List<String> postrouting = new ArrayList<>();
    private final List<String> forward = new ArrayList<>();
    /** What nft lists right after the rules were set: nft prints them in words of its own. */
    private String expected = "";

    /**
     * The rules of a node.
     *
     * @param network of the cluster.
     * @param subnet of the node.
     * @param wishes which rules.
     */
    public NftablesRules(final IpPrefix network, final IpPrefix subnet, final NodeRules.Wishes wishes) {
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
        if (postrouting.isEmpty() && forward.isEmpty()) {
            return false;
        }
        final String formerBridge = podBridge;
        podBridge = null == tunnelPort ? "" : TunnelPort.podBridge(subnet);
        final boolean isFirst = expected.isEmpty();
        final boolean isFollowed = !podBridge.equals(formerBridge);
        if (!isFirst && !isFollowed && expected.equals(listing())) {
            return false;
        }
        expected = ""; // until all is there: what fails now is due again, whether a bridge was followed or not
        Tool.run(List.of("nft", "-f", "-"), script(), line -> {});
        expected = listing();
        return isFirst || !isFollowed;
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

    private static void tunnelPortChain(final StringBuilder script, final String hook, final List<String> rules) {
        chain(script, TUNNEL_PORT_CHAIN + '-' + hook, "type filter hook " + hook + " priority mangle;", rules);
    }

    /** Our table, and nobody else's; empty when there is none. */
    private String listing() {
        final List<String> tables = new ArrayList<>();
        Tool.run(List.of("nft", "list", "tables", family), "", tables::add);
        if (!tables.contains("table " + family + ' ' + table)) {
            return "";
        }
        final StringBuilder text = new StringBuilder();
        Tool.run(
                List.of("nft", "--stateless", "list", "table", family, table),
                "",
                line -> text.append(line).append('\n'));
        return text.toString();
    }

    /** One transaction: the table made if it is missing, taken away with all in it, and made anew. */
    private String script() {
        final StringBuilder script = new StringBuilder();
        script.append("add table ").append(family).append(' ').append(table).append('\n');
        script.append("delete table ").append(family).append(' ').append(table).append('\n');
        script.append("table ").append(family).append(' ').append(table).append(" {\n");
        chain(script, POSTROUTING_CHAIN, "type nat hook postrouting priority srcnat;", postrouting);
        chain(script, FORWARD_CHAIN, "type filter hook forward priority filter;", forward);
        if (null != tunnelPort) {
            tunnelPortChains(script, tunnelPort);
        }
        return script.append("}\n").toString();
    }

    private static void chain(
            final StringBuilder script, final String name, final String hook, final List<String> rules) {
        if (!rules.isEmpty()) {
            script.append("chain ").append(name).append(" {\n").append(hook).append('\n');
            rules.forEach(rule -> script.append(rule).append('\n'));
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
        if (!listing().isEmpty()) {
            Tool.run(List.of("nft", "delete", "table", family, table), "", line -> {});
        }
    }
}
