/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.IpPrefix;
import io.weft.overlay.lifecycle.LogFields;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * flannel's iptables rules of one address family (flannel pkg/trafficmngr/iptables): the same chains, rules and comments, so
 * that a host which changes between flanneld and weftd has them once. They match on addresses and never on a device.
 *
 * <p>They are set in that iptables, legacy or nft, where the host's own are; the forward rules also in the other one where it
 * drops what it does not accept (decision 58).
 */
public final class IptablesRules implements Ruleset {
    private static final System.Logger LOG = System.getLogger(IptablesRules.class.getName());
    private static final String MASQUERADE = " -m comment --comment \"flanneld masq\"";
    private static final String FORWARD = " -m comment --comment \"flanneld forward\"";
    private static final String MASQUERADE_CHAIN = "FLANNEL-POSTRTG";
    private static final String FORWARD_CHAIN = "FLANNEL-FWD";
    private static final String TUNNEL_PORT = " -m comment --comment \"" + TunnelPort.COMMENT + '"';
    static final String TUNNEL_PORT_CHAIN = "WEFT-TUNNEL-PORT";

    private final String tool;
    private final Scope scope;
    private final NodeRules.Wishes wishes;
    private final IpPrefix network;
    private final IpPrefix subnet;
    private final List<Chain> chains = new ArrayList<>();
    /** Networks of other daemons that run on this host. */
    private final Supplier<List<OtherNetwork>> others;

    private final OtherNetwork own;
    /** Of the places that were put right once; the first time whatever no daemon that runs needs is taken away. */
    private final Map<Place, Printed> printed = new HashMap<>();

    private @Nullable IptablesVariant home;
    /** What may not be seen, in words. */
    private String unseen = "";

    /** Which rules are set where. */
    public enum Scope {
        /** All that is wished, and rules of ours that are not wished stay as they are. */
        ALL,
        /** The forward rules alone, where what is not accepted is dropped, and no other: nftables has the rules. */
        WHERE_DROPPED
    }

    /**
     * One chain of ours.
     *
     * @param table it is in.
     * @param name of the chain.
     * @param jumps the rules that lead to it.
     * @param rules of the chain, without {@code -A}.
     */
    private record Chain(String table, String name, List<Jump> jumps, List<String> rules) {
        boolean isForward() {
            return FORWARD_CHAIN.equals(name);
        }
    }

    /**
     * A rule of a built-in chain.
     *
     * @param hook the built-in chain.
     * @param rule what is behind its name.
     */
    private record Jump(String hook, String rule) {}

    private record Seen(IptablesVariant variant, IptablesDump dump) {}

    private record Place(IptablesVariant variant, String chainName) {}

    /**
     * What iptables printed of ours right after it was set, which is not quite what it was given.
     *
     * @param chain that was set; null where it is not wanted.
     */
    private record Printed(@Nullable Chain chain, Lines own) {}

    /**
     * Rules of a table with our comments.
     *
     * @param jumps to the chain.
     * @param rules of the chain.
     */
    private record Lines(List<String> jumps, List<String> rules) {
        static final Lines NONE = new Lines(List.of(), List.of());

        static Lines of(final Chain chain, final List<String> printed) {
            final String rule = "-A " + chain.name + ' ';
            final Map<Boolean, List<String>> parts =
                    printed.stream().collect(Collectors.partitioningBy(line -> line.startsWith(rule)));
            return new Lines(Objects.requireNonNull(parts.get(false)), Objects.requireNonNull(parts.get(true)));
        }

        Lines matching(final Predicate<String> which) {
            return new Lines(
                    jumps.stream().filter(which).toList(),
                    rules.stream().filter(which).toList());
        }

        boolean contains(final String line) {
            return jumps.contains(line) || rules.contains(line);
        }

        boolean isEmpty() {
            return jumps.isEmpty() && rules.isEmpty();
        }
    }

    /**
     * The rules of a node.
     *
     * @param network of the cluster.
     * @param subnet of the node.
     * @param wishes which rules.
     * @param scope where.
     * @param others tells the networks of other daemons that run on this host.
     */
    public IptablesRules(
            final IpPrefix network,
            final IpPrefix subnet,
            final NodeRules.Wishes wishes,
            final Scope scope,
            final Supplier<List<OtherNetwork>> others) {
        this.others = others;
        final TunnelPort tunnelPort = wishes.tunnelPort();
        own = new OtherNetwork(
                List.of(network),
                null == tunnelPort ? List.of() : tunnelPort.devices(),
                null == tunnelPort ? 0 : tunnelPort.port());
        tool = network.isIpv4() ? "iptables" : "ip6tables";
        this.scope = scope;
        this.wishes = wishes;
        this.network = network;
        this.subnet = subnet;
        final boolean isAll = Scope.ALL == scope;
        if (wishes.masquerade() || !isAll) {
            chains.add(masqueradeChain(network, subnet, wishes.randomPorts()));
        }
        if (wishes.forward() || !isAll) {
            chains.add(forwardChain(network));
        }
    }

    private static Chain masqueradeChain(final IpPrefix network, final IpPrefix subnet, final boolean randomPorts) {
        final String name = MASQUERADE_CHAIN;
        final String action = MASQUERADE + " -j MASQUERADE" + (randomPorts ? " --random-fully" : "");
        final String multicast = network.isIpv4() ? "224.0.0.0/4" : "ff00::/8";
        return new Chain(
                "nat",
                name,
                List.of(new Jump("POSTROUTING", MASQUERADE + " -j " + name)),
                List.of(
                        name + " -m mark --mark 0x4000/0x4000" + MASQUERADE + " -j RETURN",
                        name + " -s " + subnet + " -d " + network + MASQUERADE + " -j RETURN",
                        name + " -s " + network + " -d " + subnet + MASQUERADE + " -j RETURN",
                        name + " ! -s " + network + " -d " + subnet + MASQUERADE + " -j RETURN",
                        name + " -s " + network + " ! -d " + multicast + action,
                        name + " ! -s " + network + " -d " + network + action));
    }

    private static Chain forwardChain(final IpPrefix network) {
        final String name = FORWARD_CHAIN;
        return new Chain(
                "filter",
                name,
                List.of(new Jump("FORWARD", FORWARD + " -j " + name)),
                List.of(
                        name + " -s " + network + FORWARD + " -j ACCEPT",
                        name + " -d " + network + FORWARD + " -j ACCEPT"));
    }

    /**
     * In the table mangle, which comes before what others accept, and after the destination of a Service has become that of a pod. The
     * jumps say where to, the chain says from whom.
     */
    private static Chain tunnelPortChain(
            final IpPrefix network, final IpPrefix subnet, final TunnelPort tunnelPort, final String podBridge) {
        final String jump = " -p udp -m udp --dport " + tunnelPort.port() + TUNNEL_PORT + " -j " + TUNNEL_PORT_CHAIN;
        final List<Jump> jumps = new ArrayList<>(List.of(new Jump("INPUT", jump)));
        for (final TunnelPort.Destination refused : tunnelPort.refused(network)) {
            jumps.add(new Jump("FORWARD", (refused.isOutside() ? " !" : "") + " -d " + refused.prefix() + jump));
        }
        final String drop = TUNNEL_PORT + " -j DROP";
        final List<String> rules = new ArrayList<>(List.of(TUNNEL_PORT_CHAIN + " -s " + subnet + " ! -i lo" + drop));
        for (final String device : tunnelPort.podDevices(podBridge)) {
            rules.add(TUNNEL_PORT_CHAIN + " -i " + device + drop);
        }
        return new Chain("mangle", TUNNEL_PORT_CHAIN, jumps, rules);
    }

    /** Follows the bridge of pods. */
    private boolean followPodBridge() {
        final TunnelPort tunnelPort = wishes.tunnelPort();
        if (null == tunnelPort || Scope.ALL != scope) {
            return false;
        }
        final Chain wanted = tunnelPortChain(network, subnet, tunnelPort, TunnelPort.podBridge(subnet));
        if (chains.contains(wanted)) {
            return false;
        }
        chains.removeIf(chain -> TUNNEL_PORT_CHAIN.equals(chain.name));
        chains.add(wanted);
        return true;
    }

    @Override
    public boolean repair() {
        final boolean isFirst = printed.isEmpty();
        final boolean isFollowed = followPodBridge();
        return repairAll() && (isFirst || !isFollowed);
    }

    private boolean repairAll() {
        final List<IptablesVariant> variants = IptablesVariant.installed(tool);
        if (Scope.ALL == scope && variants.isEmpty()) {
            throw new RulesException("neither " + tool + " nor " + tool + "-nft or " + tool
                    + "-legacy is on the PATH. Install iptables");
        }
        final List<Seen> all = see(variants);
        if (Scope.ALL == scope) {
            chooseHome(all);
        }
        boolean isRepaired = false;
        for (final Seen seen : all) {
            isRepaired |= repair(seen);
        }
        return isRepaired;
    }

    /**
     * What may not be seen is left alone: another user than root knows nothing of ip_tables.
     *
     * @throws RulesException when that is all there is.
     */
    private List<Seen> see(final List<IptablesVariant> variants) {
        final List<Seen> all = new ArrayList<>();
        String found = "";
        for (final IptablesVariant variant : variants) {
            try {
                all.add(new Seen(variant, variant.dump()));
            } catch (final UnreadableTablesException failure) {
                if (1 == variants.size() && Scope.ALL == scope) {
                    throw failure;
                }
                found = failure.getMessage() + ". What " + variant.name() + " drops stays dropped";
            }
        }
        if (!found.isEmpty() && !found.equals(unseen)) {
            LOG.log(WARNING, "{0}", found);
        }
        unseen = found;
        return all;
    }

    private void chooseHome(final List<Seen> all) {
        final IptablesVariant former = home;
        Seen best = all.stream()
                .filter(seen -> seen.variant.equals(former))
                .findFirst()
                .orElse(all.get(0));
        for (final Seen other : all) {
            if (other.dump.outweighs(best.dump)) {
                best = other;
            }
        }
        if (!best.variant.equals(former)) {
            LOG.log(
                    INFO,
                    "{0} rules are set by {1}, where the host''s own are{2}",
                    tool,
                    best.variant.name(),
                    LogFields.of("tool", tool, "variant", best.variant.name()));
        }
        home = best.variant;
    }

    private boolean repair(final Seen seen) {
        final StringBuilder text = new StringBuilder();
        final Map<Chain, Lines> left = new HashMap<>();
        for (final Chain chain : chains) {
            final Place place = new Place(seen.variant, chain.name);
            final Lines present = Lines.of(chain, seen.dump.own(chain.table));
            if (isInPlace(chain, present, seen)) {
                continue;
            }
            final Lines stays = ofOthers(printed.get(place), present);
            if (isWanted(chain, seen)) {
                left.put(chain, stays);
                text.append(renewal(chain, present, stays, seen.dump));
            } else {
                printed.put(place, new Printed(null, Lines.NONE));
                text.append(removal(chain, present, withWhatIsShared(stays, present)));
            }
        }
        if (text.isEmpty()) {
            return false;
        }
        seen.variant.restore(text.toString());
        final IptablesDump set = seen.variant.dump();
        left.forEach((chain, stays) ->
                learn(new Place(seen.variant, chain.name), chain, stays, Lines.of(chain, set.own(chain.table))));
        return true;
    }

    /** Ours are there, in their order and once. */
    private boolean isInPlace(final Chain chain, final Lines present, final Seen seen) {
        final Printed before = printed.get(new Place(seen.variant, chain.name));
        final boolean isWanted = isWanted(chain, seen);
        return null != before
                && Objects.equals(before.chain, isWanted ? chain : null)
                && before.own.equals(present.matching(before.own::contains))
                && !(isWanted && chain.isForward() && seen.dump.isJumpTooLate());
    }

    /**
     * What is to be left alone: once ours are known, all that they are not. Before, what a former configuration of this node has
     * left cannot be told from what another daemon needs but by the networks of those that run; one that is not known of puts its rules
     * back at its next comparison.
     */
    private Lines ofOthers(final @Nullable Printed before, final Lines present) {
        if (null != before) {
            return present.matching(line -> !before.own.contains(line));
        }
        if (present.isEmpty()) {
            return present;
        }
        final List<OtherNetwork> running = others.get();
        return present.matching(
                line -> !own.isNamedIn(line) && running.stream().anyMatch(other -> other.isNamedIn(line)));
    }

    /** Jumps and rules that name no network are those of another one as well, as long as that has rules. */
    private Lines withWhatIsShared(final Lines stays, final Lines present) {
        return stays.rules.isEmpty()
                ? stays
                : present.matching(line -> stays.contains(line) || OtherNetwork.namesNone(line));
    }

    /** The next comparison begins anew if another daemon has written meanwhile. */
    private void learn(final Place place, final Chain chain, final Lines stays, final Lines set) {
        final List<String> jumps = new ArrayList<>(set.jumps);
        stays.jumps.forEach(jumps::remove);
        final int count = chain.rules.size();
        if (jumps.size() == chain.jumps.size()
                && set.rules.size() == count + stays.rules.size()
                && set.rules.subList(count, set.rules.size()).equals(stays.rules)) {
            printed.put(place, new Printed(chain, new Lines(jumps, List.copyOf(set.rules.subList(0, count)))));
        } else {
            printed.remove(place);
        }
    }

    private boolean isWanted(final Chain chain, final Seen seen) {
        final boolean isHome = seen.variant.equals(home);
        return chain.isForward() ? wishes.forward() && (isHome || seen.dump.dropsForwarded()) : isHome;
    }

    /** One transaction: without what is there of the rules, and with all of them in front of those of others. */
    private static String renewal(final Chain chain, final Lines present, final Lines stays, final IptablesDump dump) {
        final StringBuilder text = begin(chain, present, stays);
        final int position = chain.isForward() ? dump.catchAllPosition() : 0;
        for (final Jump jump : chain.jumps) {
            text.append(0 == position ? "-A " + jump.hook : "-I " + jump.hook + ' ' + position)
                    .append(jump.rule)
                    .append('\n');
        }
        chain.rules.forEach(rule -> text.append("-A ").append(rule).append('\n'));
        return end(text, stays);
    }

    private static String removal(final Chain chain, final Lines present, final Lines stays) {
        if (present.equals(stays)) {
            return "";
        }
        final StringBuilder text = begin(chain, present, stays);
        if (stays.isEmpty()) {
            text.append("-X ").append(chain.name).append('\n');
        }
        return end(text, stays);
    }

    /** Takes away what flanneld has not, from wherever it is. */
    static void removeTunnelPort(final boolean ipv4) {
        final Chain chain = new Chain("mangle", TUNNEL_PORT_CHAIN, List.of(), List.of());
        for (final IptablesVariant variant : IptablesVariant.installed(ipv4 ? "iptables" : "ip6tables")) {
            final Lines present = Lines.of(chain, variant.dump().own(chain.table));
            if (!present.isEmpty()) {
                variant.restore(removal(chain, present, Lines.NONE));
            }
        }
    }

    private static StringBuilder begin(final Chain chain, final Lines present, final Lines stays) {
        final StringBuilder text = new StringBuilder("*" + chain.table + "\n:" + chain.name + " - [0:0]\n");
        present.jumps.stream()
                .filter(line -> !stays.jumps.contains(line))
                .forEach(line -> text.append("-D").append(line.substring(2)).append('\n'));
        return text.append("-F ").append(chain.name).append('\n');
    }

    private static String end(final StringBuilder text, final Lines stays) {
        stays.rules.forEach(line -> text.append(line).append('\n'));
        return text.append("COMMIT\n").toString();
    }
}
