/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import io.weft.address.IpPrefix;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.options.FlanneldOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The rules of a node: one set for each IP version of its cluster network.
 *
 * @param wanted of the kind that the network's configuration chooses.
 * @param former of nftables, to be taken away as flanneld does where iptables is chosen.
 * @param checks of what others' rules do.
 */
public record NodeRules(List<Ruleset> wanted, List<NftablesRules> former, List<ForwardCheck> checks) {
    /**
     * What the options ask for.
     *
     * @param masquerade traffic that leaves the cluster network.
     * @param randomPorts masquerade with random source ports.
     * @param forward accept forwarded traffic of the cluster network.
     * @param tunnelPort what pods may not send to; null where they may.
     */
    public record Wishes(
            boolean masquerade,
            boolean randomPorts,
            boolean forward,
            @Nullable TunnelPort tunnelPort) {
        /** Whether there is a rule to set at all. */
        boolean isAny() {
            return masquerade || forward || null != tunnelPort;
        }

        /** By flanneld's own flags. */
        public static Wishes of(final FlanneldOptions options, final @Nullable TunnelPort tunnelPort) {
            return new Wishes(
                    options.ipMasq, !options.ipMasqFullyRandomDisable, options.iptablesForwardRules, tunnelPort);
        }
    }

    /**
     * The rules for a node's subnets; none where nothing is wished.
     *
     * @param devices that pods' packets leave by: one, or one of each IP version.
     * @param others tells the networks of other daemons that run on this host.
     */
    public static NodeRules of(
            final NetworkConfig config,
            final LeaseKey own,
            final Wishes wishes,
            final List<String> devices,
            final Supplier<List<OtherNetwork>> others) {
        final List<Ruleset> wanted = new ArrayList<>();
        final List<NftablesRules> former = new ArrayList<>();
        final List<ForwardCheck> checks = new ArrayList<>();
        for (final boolean ipv4 : new boolean[] {true, false}) {
            final IpPrefix network = ipv4 ? config.network() : config.ipv6Network();
            final IpPrefix subnet = ipv4 ? own.subnet() : own.ipv6Subnet();
            if (null == network || null == subnet) {
                continue;
            }
            if (wishes.isAny()) {
                final NftablesRules nftables = new NftablesRules(network, subnet, wishes, others);
                if (config.nftables()) {
                    wanted.add(nftables);
                    wanted.add(new IptablesRules(network, subnet, wishes, IptablesRules.Scope.WHERE_DROPPED, others));
                } else {
                    wanted.add(new IptablesRules(network, subnet, wishes, IptablesRules.Scope.ALL, others));
                    former.add(nftables);
                }
            }
            final String device = devices.get(ipv4 ? 0 : devices.size() - 1);
            checks.add(new ForwardCheck(network, subnet, device, wishes.forward));
        }
        return new NodeRules(List.copyOf(wanted), List.copyOf(former), List.copyOf(checks));
    }
}
