/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.address.IpPrefix;
import io.weft.linux.LinuxException;
import io.weft.linux.netfilter.AnswerTraffic;
import io.weft.linux.netfilter.Chain;
import io.weft.linux.netfilter.Fate;
import io.weft.linux.netfilter.LegacyTables;
import io.weft.linux.netfilter.NeighbourTraffic;
import io.weft.linux.netfilter.PodTraffic;
import io.weft.linux.netfilter.TunnelTraffic;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Nftables;
import io.weft.linux.netlink.Route;
import io.weft.linux.netlink.Rtnetlink;
import java.net.Inet6Address;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** This host's own firewall, with the rules that it has when it is first asked of; those of the namespace of the thread that asks. */
public final class HostFirewall {
    private static final Fate NOTHING = new Fate(null, null, "");

    private final Map<IpFamily, List<Chain>> chains = new EnumMap<>(IpFamily.class);

    /**
     * What tells whether a look would see what one before has seen.
     *
     * @param generation of nftables.
     * @param devices with the numbers that they have.
     */
    public record State(int generation, List<PodTraffic.Device> devices) {}

    /**
     * What it does with the tunnel's packets of one peer.
     *
     * @param isKnown whether the rules could be read: that takes CAP_NET_ADMIN.
     * @param dropsIncoming the rule or chain that drops all that comes from it, in words; empty if none does for certain.
     * @param dropsOutgoing the same of what goes there.
     * @param mayDrop the first rule that may drop some of either, as by a set or a limit, or send them elsewhere, in words; empty if there is none.
     */
    public record Peer(boolean isKnown, String dropsIncoming, String dropsOutgoing, String mayDrop) {
        /** Of which nothing is known. */
        public static final Peer UNKNOWN = new Peer(false, "", "", "");
    }

    /**
     * Looks at the kernel's own rules, so that no tool need be there. Those of bridge tables, of tc and of XDP are not seen.
     *
     * @param port of UDP, here and there.
     * @param localAddresses that the tunnel's packets are sent from.
     */
    public Peer of(final IpAddress peer, final int port, final List<IpAddress> localAddresses) {
        final @Nullable IpAddress local = local(peer, localAddresses);
        if (null == local) {
            return Peer.UNKNOWN;
        }
        try (Rtnetlink rtnetlink = Rtnetlink.open()) {
            final Route route = rtnetlink.routeTo(peer.toInetAddress());
            final Optional<Link> device = rtnetlink.link(route.linkIndex());
            return device.isEmpty()
                    ? Peer.UNKNOWN
                    : of(
                            new TunnelTraffic(
                                    local.toInetAddress(),
                                    port,
                                    device.get().name(),
                                    route.linkIndex(),
                                    List.of(peer.toInetAddress()),
                                    TunnelFirewall.OWN_CHAINS),
                            peer);
        } catch (final LinuxException unknown) {
            return Peer.UNKNOWN;
        }
    }

    private Peer of(final TunnelTraffic traffic, final IpAddress peer) {
        final List<Chain> all = chains.computeIfAbsent(peer.family(), family -> read(IpFamily.IPV4 == family));
        final Fate in = traffic.fate(all, peer.toInetAddress(), true);
        final Fate out = traffic.fate(all, peer.toInetAddress(), false);
        final String mayDrop = in.mayBeLostBy().isEmpty() ? out.mayBeLostBy() : in.mayBeLostBy();
        return new Peer(true, in.droppedBy(), out.droppedBy(), mayDrop);
    }

    /**
     * The state that packets of one IP version meet now; null where that cannot be told, as iptables-legacy does not number its changes.
     *
     * @param devices names of those that they come and go by.
     * @throws LinuxException if the kernel does not tell.
     */
    public @Nullable State state(final boolean isIpv4, final String... devices) {
        if (!LegacyTables.names(isIpv4).isEmpty()) {
            return null;
        }
        try (Nftables nftables = Nftables.open();
                Rtnetlink rtnetlink = Rtnetlink.open()) {
            return null == nftables
                    ? null
                    : new State(
                            nftables.generation(),
                            Stream.of(devices)
                                    .map(name -> device(rtnetlink, name))
                                    .toList());
        }
    }

    /**
     * What it does with packets of pods that it forwards from one network to another.
     *
     * @param in name of the device that they come by.
     * @param out of the one that they go by.
     * @throws LinuxException if that is not known, since the rules cannot be read or are too many.
     */
    public Fate forwarded(final IpPrefix source, final IpPrefix destination, final String in, final String out) {
        try (Rtnetlink rtnetlink = Rtnetlink.open()) {
            return new PodTraffic(network(source), network(destination), device(rtnetlink, in), device(rtnetlink, out))
                    .fate(chains.computeIfAbsent(source.family(), family -> read(IpFamily.IPV4 == family)));
        }
    }

    /**
     * What it does with answers to pings; nothing where that is not known.
     *
     * @param from who answers.
     * @param device name of the one that answers come by.
     */
    public Fate answers(final IpAddress from, final String device) {
        try (Rtnetlink rtnetlink = Rtnetlink.open()) {
            final int index = rtnetlink.link(device).map(Link::index).orElse(0);
            return new AnswerTraffic(from.toInetAddress(), device, index)
                    .fate(chains.computeIfAbsent(from.family(), family -> read(IpFamily.IPV4 == family)));
        } catch (final LinuxException unknown) {
            return NOTHING;
        }
    }

    /**
     * What it does with the packets by which this host and a peer find each other on the link; nothing of ARP, nor where that is not known.
     *
     * @param localAddresses that the tunnel's packets are sent from.
     */
    public Fate neighbours(final IpAddress peer, final List<IpAddress> localAddresses) {
        final @Nullable IpAddress local = local(peer, localAddresses);
        if (null == local
                || !(local.toInetAddress() instanceof final Inet6Address from)
                || !(peer.toInetAddress() instanceof final Inet6Address to)) {
            return NOTHING;
        }
        try (Rtnetlink rtnetlink = Rtnetlink.open()) {
            final int index = rtnetlink.routeTo(to).linkIndex();
            final String device = rtnetlink.link(index).map(Link::name).orElse("");
            return new NeighbourTraffic(from, to, device, index)
                    .fate(chains.computeIfAbsent(IpFamily.IPV6, family -> read(false)));
        } catch (final LinuxException unknown) {
            return NOTHING;
        }
    }

    /** That packets to a peer are sent from; null where this host has none of its family. */
    private static @Nullable IpAddress local(final IpAddress peer, final List<IpAddress> localAddresses) {
        return localAddresses.stream()
                .filter(address -> address.family() == peer.family())
                .findFirst()
                .orElse(null);
    }

    private static PodTraffic.Network network(final IpPrefix prefix) {
        return new PodTraffic.Network(prefix.base().toInetAddress(), prefix.length());
    }

    private static PodTraffic.Device device(final Rtnetlink rtnetlink, final String name) {
        return new PodTraffic.Device(name, rtnetlink.link(name).map(Link::index).orElse(0));
    }

    private static List<Chain> read(final boolean isIpv4) {
        final List<Chain> chains = new ArrayList<>(LegacyTables.chains(isIpv4));
        try (Nftables nftables = Nftables.open()) {
            chains.addAll(null == nftables ? List.of() : nftables.chains(isIpv4));
        }
        return chains;
    }
}
