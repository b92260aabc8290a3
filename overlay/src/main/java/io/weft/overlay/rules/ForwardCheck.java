/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import static java.lang.System.Logger.Level.DEBUG;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Whether the host drops all that pods send to other nodes where weft may not prevent it, by what can be seen: FORWARD of iptables, unless
 * weft has its rules there; and base chains of nftables that are neither iptables' nor flannel's, for what one chain accepts the next may
 * still drop. A chain is told of only where no rule beside it could let new connections of pods pass. Changes nothing, and what cannot be
 * looked at is no trouble. The keeper's thread alone.
 */
final class ForwardCheck {
    private static final System.Logger LOG = System.getLogger(ForwardCheck.class.getName());
    private static final Pattern IPTABLES_ADDRESS = Pattern.compile("(! )?-[sd] (\\S+)");
    private static final Pattern IPTABLES_DEVICE = Pattern.compile("(! )?-[io] (\\S+)");
    private static final Pattern NFT_ADDRESS = Pattern.compile("[sd]addr (!= )?([0-9a-f.:/]+) ");
    private static final Pattern NFT_DEVICE = Pattern.compile("[io]ifname (!= )?\"([^\"]+)\"");
    private static final Pattern NFT_CATCH_ALL =
            Pattern.compile("(counter( packets \\d+ bytes \\d+)? )?(drop|reject.*)");
    private static final Pattern OF_CONNECTIONS = Pattern.compile("(--ctstate|--state|ct state) (\\S+)");
    /** What lets some of pods' packets pass is no way for all of them. */
    private static final Pattern OF_SOME = Pattern.compile("--mark |--[sd]ports? |\\bmark |\\b[sd]port ");

    private static final String WEFT = "weft";

    private final IpPrefix network;
    private final IpPrefix subnet;
    private final boolean isAccepted;
    private final String family;
    private String bridge = "";

    /** @param isAccepted by rules of weft's own, as far as iptables goes. */
    ForwardCheck(final IpPrefix network, final IpPrefix subnet, final boolean isAccepted) {
        this.network = network;
        this.subnet = subnet;
        this.isAccepted = isAccepted;
        family = network.isIpv4() ? "ip" : "ip6";
    }

    /** The chains that drop all, each with what to do. */
    List<String> look() {
        final List<String> droppers = new ArrayList<>();
        try {
            bridge = TunnelPort.podBridge(subnet);
            if (!isAccepted) {
                IptablesVariant.installed(network.isIpv4() ? "iptables" : "ip6tables")
                        .forEach(variant -> addIptables(droppers, variant));
            }
            if (Tool.isInstalled("nft")) {
                foreignTables().forEach(table -> addNftables(droppers, table));
            }
        } catch (final RulesException | IllegalArgumentException unseen) {
            LOG.log(DEBUG, "what else drops what is forwarded is not known: {0}", unseen.getMessage());
        }
        return droppers;
    }

    private void addIptables(final List<String> droppers, final IptablesVariant variant) {
        final IptablesDump dump = variant.dump();
        if (dump.dropsForwarded()
                && dump.own("filter").stream().noneMatch(rule -> rule.startsWith("-A FORWARD "))
                && dump.filterAccepts().stream().noneMatch(this::letsPodsPass)) {
            droppers.add(variant.name() + ", chain FORWARD, drops what pods send to other nodes, and no rule accepts "
                    + network + ": leave the rules to weft (--iptables-forward-rules), or " + variant.name()
                    + " -I FORWARD -s " + network + " -j ACCEPT && " + variant.name() + " -I FORWARD -d " + network
                    + " -j ACCEPT");
        }
    }

    private boolean letsPodsPass(final String rule) {
        return !isOfOldConnections(rule)
                && !OF_SOME.matcher(rule).find()
                && arePods(IPTABLES_ADDRESS.matcher(rule))
                && areOfPods(IPTABLES_DEVICE.matcher(rule));
    }

    private static boolean isOfOldConnections(final String rule) {
        final Matcher states = OF_CONNECTIONS.matcher(rule);
        return states.find() && !states.group(2).toLowerCase(Locale.ROOT).contains("new");
    }

    /** None of the addresses that a rule names leaves the cluster's network out. */
    private boolean arePods(final Matcher addresses) {
        return addresses
                .results()
                .filter(found -> null == found.group(1))
                .map(found -> parse(found.group(2)))
                .allMatch(prefix -> prefix.family() == network.family() && prefix.overlaps(network));
    }

    private static IpPrefix parse(final String text) {
        return text.indexOf('/') < 0 ? IpPrefix.host(IpAddress.parse(text)) : IpPrefix.parseContaining(text);
    }

    /** None of the devices that a rule names is another than the pods' bridge and weft's. */
    private boolean areOfPods(final Matcher devices) {
        return devices.results()
                .filter(found -> null == found.group(1))
                .map(found -> found.group(2))
                .allMatch(name -> {
                    final boolean isBeginning = name.endsWith("+") || name.endsWith("*");
                    return name.startsWith(WEFT)
                            || (isBeginning
                                    ? bridge.startsWith(name.substring(0, name.length() - 1))
                                    : bridge.isEmpty() || bridge.equals(name));
                });
    }

    /** Tables with a base chain that sees what is forwarded, as {@code inet firewalld}. */
    private List<String> foreignTables() {
        final List<String> tables = new ArrayList<>();
        final String[] table = {""};
        Tool.run(List.of("nft", "list", "chains"), "", line -> {
            if (line.startsWith("table ")) {
                table[0] = line.substring("table ".length(), line.lastIndexOf(' '));
            } else if (line.contains(" hook forward ") && isForeign(table[0]) && !tables.contains(table[0])) {
                tables.add(table[0]);
            }
        });
        return tables;
    }

    /** What iptables shows, and flannel's own, is neither. */
    private boolean isForeign(final String table) {
        final String name = table.substring(table.indexOf(' ') + 1);
        return (table.startsWith(family + " ") || table.startsWith("inet "))
                && !List.of("filter", "mangle", "raw", "security", "nat", "flannel-ipv4", "flannel-ipv6")
                        .contains(table.startsWith("inet ") ? "" : name);
    }

    private void addNftables(final List<String> droppers, final String table) {
        final Map<String, List<String>> chains = new LinkedHashMap<>();
        final String[] chain = {""};
        final List<String> command = new ArrayList<>(List.of("nft", "--stateless", "list", "table"));
        command.addAll(List.of(table.split(" ", 2)));
        Tool.run(command, "", line -> {
            final String text = line.strip();
            if (text.startsWith("chain ")) {
                chain[0] = text.substring("chain ".length(), text.lastIndexOf(' '));
            }
            chains.computeIfAbsent(chain[0], name -> new ArrayList<>()).add(text);
        });
        final boolean isPassing =
                chains.values().stream().flatMap(List::stream).anyMatch(rule -> acceptsPods(rule + ' '));
        chains.forEach((name, rules) -> {
            if (!isPassing && dropsForwarded(rules)) {
                final String accept = "nft insert rule " + table + " " + name + " " + family;
                droppers.add("nftables, table " + table + ", chain " + name
                        + ", drops what pods send to other nodes, and no rule accepts " + network + ": " + accept
                        + " saddr " + network + " accept && " + accept + " daddr " + network + " accept");
            }
        });
    }

    private static boolean dropsForwarded(final List<String> rules) {
        return rules.stream().anyMatch(rule -> rule.contains(" hook forward "))
                && rules.stream()
                        .anyMatch(rule -> rule.contains("policy drop;")
                                || NFT_CATCH_ALL.matcher(rule).matches());
    }

    private boolean acceptsPods(final String rule) {
        return rule.endsWith("accept ")
                && !isOfOldConnections(rule)
                && !OF_SOME.matcher(rule).find()
                && arePods(NFT_ADDRESS.matcher(rule))
                && areOfPods(NFT_DEVICE.matcher(rule));
    }
}
