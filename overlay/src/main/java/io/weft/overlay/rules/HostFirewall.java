/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import io.weft.linux.LinuxException;
import io.weft.linux.netfilter.Chain;
import io.weft.linux.netfilter.LegacyTables;
import io.weft.linux.netfilter.TunnelTraffic;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Nftables;
import io.weft.linux.netlink.Route;
import io.weft.linux.netlink.Rtnetlink;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What this host's own firewall does with the tunnel's packets of one peer.
 *
 * @param isKnown whether the rules could be read: that takes CAP_NET_ADMIN.
 * @param dropsIncoming the rule or chain that drops all that comes from it, in words; empty if none does for certain.
 * @param dropsOutgoing the same of what goes there.
 * @param touches the first rule that may concern some of either, in words; empty if there is none.
 */
public record PeerFirewall(boolean isKnown, String dropsIncoming, String dropsOutgoing, String touches) {
    /** Of which nothing is known. */
    public static final PeerFirewall UNKNOWN = new PeerFirewall(false, "", "", "");

    /**
     * Reads the rules of the calling thread's network namespace: as they are now, and only those of the kernel, so that no tool need be
     * there.
     *
     * @param port of UDP, here and there.
     */
    public static PeerFirewall of(final InetAddress peer, final int port) {
        try (Rtnetlink rtnetlink = Rtnetlink.open()) {
            final Route route = rtnetlink.routeTo(peer);
            final Optional<Link> device = rtnetlink.link(route.linkIndex());
            final @Nullable InetAddress local = route.source();
            return device.isEmpty() || null == local
                    ? UNKNOWN
                    : of(
                            new TunnelTraffic(
                                    local,
                                    port,
                                    device.get().name(),
                                    route.linkIndex(),
                                    List.of(peer),
                                    TunnelFirewall.OWN_CHAINS),
                            peer);
        } catch (final LinuxException unknown) {
            return UNKNOWN;
        }
    }

    private static PeerFirewall of(final TunnelTraffic traffic, final InetAddress peer) {
        final List<Chain> chains = chains(peer instanceof Inet4Address);
        final TunnelTraffic.Fate in = traffic.fate(chains, peer, true);
        final TunnelTraffic.Fate out = traffic.fate(chains, peer, false);
        return new PeerFirewall(
                true, in.dropped(), out.dropped(), in.touched().isEmpty() ? out.touched() : in.touched());
    }

    private static List<Chain> chains(final boolean isIpv4) {
        final List<Chain> chains = new ArrayList<>(LegacyTables.chains(isIpv4));
        try (Nftables nftables = Nftables.open()) {
            chains.addAll(null == nftables ? List.of() : nftables.chains(isIpv4));
        }
        return chains;
    }
}
