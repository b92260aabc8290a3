/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.address.IpAddress;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.InterfaceAddress;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Route;
import io.weft.linux.netlink.RouteFilter;
import io.weft.linux.netlink.RouteType;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.lifecycle.StartupException;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Finds the underlay interface as flanneld does (flannel pkg/ipmatch/match.go): by --iface, by --iface-regex, by the way to
 * --iface-can-reach, by --public-ip, and else by the default route.
 */
public final class UnderlaySelector {
    // Linux include/uapi/linux/if_addr.h
    private static final int IFA_F_TEMPORARY = 0x01;
    private static final int IFA_F_OPTIMISTIC = 0x04;
    private static final int IFA_F_DEPRECATED = 0x20;
    private static final int IFA_F_TENTATIVE = 0x40;
    private static final int IFA_F_PERMANENT = 0x80;

    private final Rtnetlink rtnetlink;
    private final Wishes wishes;

    /**
     * What the options say.
     *
     * @param names of interfaces, or their addresses; the first that matches wins.
     * @param regexes tried after the names, each against all addresses and then all names.
     * @param canReach an address; empty for none.
     * @param publicIp the address that other nodes send to; empty for the interface's own.
     * @param publicIpv6 the same for IPv6.
     * @param ipv4 the cluster network has IPv4.
     * @param ipv6 the cluster network has IPv6.
     */
    public record Wishes(
            List<String> names,
            List<String> regexes,
            String canReach,
            String publicIp,
            String publicIpv6,
            boolean ipv4,
            boolean ipv6) {}

    /**
     * A selector.
     *
     * @param rtnetlink of the namespace that the node is in.
     * @param wishes what the options say.
     */
    public UnderlaySelector(final Rtnetlink rtnetlink, final Wishes wishes) {
        this.rtnetlink = rtnetlink;
        this.wishes = wishes;
    }

    /**
     * The interface, with addresses of the families that the cluster network has, or of the other where it lacks them.
     *
     * @throws StartupException when none matches, or the one that does has no address or no MTU.
     */
    public Underlay select() {
        return select(link(), Set.of());
    }

    /**
     * The same while the node runs: the interface and the addresses in use stay chosen as long as they are there, whatever
     * comes beside them.
     *
     * @param inUse what was selected before.
     * @throws StartupException when there is none at present.
     */
    public Underlay selectAgain(final Underlay inUse) {
        final Set<InetAddress> used = inUse.localAddresses();
        final List<InterfaceAddress> addresses = rtnetlink.addresses();
        final Link link = rtnetlink
                .link(inUse.name())
                .filter(same -> addresses.stream()
                        .anyMatch(address -> address.linkIndex() == same.index() && used.contains(address.address())))
                .orElseGet(this::link);
        return select(link, used);
    }

    /** @param used addresses that win over all others. */
    private Underlay select(final Link link, final Set<InetAddress> used) {
        if (0 == link.mtu()) {
            throw new StartupException("interface " + link.name() + " has MTU 0: set one (ip link set " + link.name()
                    + " mtu 1500), or choose another by --iface");
        }
        final List<InetAddress> addresses = rtnetlink.addresses(link.index()).stream()
                .filter(address -> used.contains(address.address()) || isUsable(address.flags()))
                .sorted(Comparator.comparing((InterfaceAddress address) -> !used.contains(address.address()))
                        .thenComparingInt(UnderlaySelector::rank))
                .map(InterfaceAddress::address)
                .toList();
        final Optional<Inet4Address> ipv4 = first(addresses, Inet4Address.class);
        final Optional<Inet6Address> ipv6 = first(addresses, Inet6Address.class);
        if (ipv4.isEmpty() && ipv6.isEmpty()) {
            throw new StartupException("interface " + link.name() + " has no " + (wishes.ipv4 ? "IPv4" : "IPv6")
                    + " address: give it one (ip address add ADDRESS/LENGTH dev " + link.name()
                    + "), or choose another interface by --iface");
        }
        // Pods of either family can go over either, so a family that is missing below the overlay is no hindrance.
        final Inet4Address address = wishes.ipv4 || ipv6.isEmpty() ? ipv4.orElse(null) : null;
        final Inet6Address ipv6Address = wishes.ipv6 || ipv4.isEmpty() ? ipv6.orElse(null) : null;
        final Inet4Address publicIp = wishes.publicIp.isEmpty()
                ? address
                : (Inet4Address) IpAddress.parse(wishes.publicIp).toInetAddress();
        final Inet6Address publicIpv6 = wishes.publicIpv6.isEmpty()
                ? ipv6Address
                : (Inet6Address) IpAddress.parse(wishes.publicIpv6).toInetAddress();
        return new Underlay(
                link.name(),
                link.index(),
                link.mtu(),
                address,
                ipv6Address,
                publicIp,
                publicIpv6,
                ownAddresses(addresses, publicIp, publicIpv6));
    }

    /** Nothing can be bound to an IPv6 address of which the kernel does not know yet whether another node has it. */
    private static boolean isUsable(final int flags) {
        return 0 == (flags & IFA_F_DEPRECATED) && IFA_F_TENTATIVE != (flags & (IFA_F_TENTATIVE | IFA_F_OPTIMISTIC));
    }

    private Set<InetAddress> ownAddresses(
            final List<InetAddress> addresses,
            final @Nullable Inet4Address publicIp,
            final @Nullable Inet6Address publicIpv6) {
        final Set<InetAddress> own = new HashSet<>();
        final boolean named = !wishes.publicIp.isEmpty() || !wishes.publicIpv6.isEmpty();
        if (!named) {
            own.addAll(addresses);
        }
        if (null != publicIp) {
            own.add(publicIp);
        }
        if (null != publicIpv6) {
            own.add(publicIpv6);
        }
        return Set.copyOf(own);
    }

    /** flannel pkg/ip/iface.go: global before link-local, then permanent before dynamic, then lasting before temporary. */
    private static int rank(final InterfaceAddress address) {
        return (address.address().isLinkLocalAddress() ? 4 : 0)
                + (0 == (address.flags() & IFA_F_PERMANENT) ? 2 : 0)
                + (0 == (address.flags() & IFA_F_TEMPORARY) ? 0 : 1);
    }

    /** An IPv6 link-local address means nothing without its link, which a lease does not tell. */
    private static <T extends InetAddress> Optional<T> first(final List<InetAddress> addresses, final Class<T> family) {
        return addresses.stream()
                .filter(family::isInstance)
                .filter(address -> address instanceof Inet4Address || !address.isLinkLocalAddress())
                .map(family::cast)
                .findFirst();
    }

    private Link link() {
        final List<Link> links = rtnetlink.links();
        final List<InterfaceAddress> addresses = rtnetlink.addresses();
        for (final String name : wishes.names) {
            final Optional<Link> found = links.stream()
                    .filter(link -> link.name().equals(name) || has(addresses, link, name))
                    .findFirst();
            if (found.isPresent()) {
                return found.get();
            }
        }
        for (final String regex : wishes.regexes) {
            final Optional<Link> found = matching(links, addresses, Pattern.compile(regex));
            if (found.isPresent()) {
                return found.get();
            }
        }
        if (!wishes.names.isEmpty() || !wishes.regexes.isEmpty()) {
            throw new StartupException("no interface matches --iface=" + String.join(",", wishes.names)
                    + (wishes.regexes.isEmpty() ? "" : " --iface-regex=" + String.join(",", wishes.regexes))
                    + ": there is "
                    + links.stream().map(Link::name).collect(Collectors.joining(", ")));
        }
        if (!wishes.canReach.isEmpty()) {
            return onTheWayTo(links, IpAddress.parse(wishes.canReach).toInetAddress());
        }
        final String publicAddress = wishes.publicIp.isEmpty() ? wishes.publicIpv6 : wishes.publicIp;
        return links.stream()
                .filter(link -> !publicAddress.isEmpty() && has(addresses, link, publicAddress))
                .findFirst()
                .orElseGet(() -> ofDefaultRoute(links));
    }

    private static boolean has(final List<InterfaceAddress> addresses, final Link link, final String text) {
        return addresses.stream()
                .anyMatch(address -> address.linkIndex() == link.index()
                        && IpAddress.of(address.address()).toString().equals(text));
    }

    private static Optional<Link> matching(
            final List<Link> links, final List<InterfaceAddress> addresses, final Pattern pattern) {
        for (final InterfaceAddress address : addresses) {
            if (pattern.matcher(IpAddress.of(address.address()).toString()).find()) {
                return links.stream()
                        .filter(link -> link.index() == address.linkIndex())
                        .findFirst();
            }
        }
        return links.stream()
                .filter(link -> pattern.matcher(link.name()).find())
                .findFirst();
    }

    private Link onTheWayTo(final List<Link> links, final InetAddress destination) {
        try {
            final int index = rtnetlink.routeTo(destination).linkIndex();
            return links.stream()
                    .filter(link -> link.index() == index)
                    .findFirst()
                    .orElseThrow(
                            () -> new StartupException("no interface leads to --iface-can-reach=" + wishes.canReach));
        } catch (final LinuxException failure) {
            throw new StartupException(
                    "no interface leads to --iface-can-reach=" + wishes.canReach + ": " + failure.getMessage(),
                    failure);
        }
    }

    private Link ofDefaultRoute(final List<Link> links) {
        final List<Route> defaults = rtnetlink.routes(RouteFilter.main().onlyDefault()).stream()
                .filter(route -> RouteType.UNICAST == route.type() && 0 != route.linkIndex())
                .sorted(Comparator.comparingInt(Route::metric))
                .toList();
        final Optional<Integer> ipv4 = index(defaults, false);
        final Optional<Integer> ipv6 = index(defaults, true);
        if (wishes.ipv4 && wishes.ipv6 && !ipv4.equals(ipv6)) {
            throw new StartupException(
                    "the default routes of IPv4 and IPv6 use different interfaces, or one is missing:"
                            + " name the interface by --iface");
        }
        final Optional<Integer> chosen = wishes.ipv4 ? ipv4 : ipv6;
        return links.stream()
                .filter(link -> chosen.equals(Optional.of(link.index())))
                .findFirst()
                .orElseThrow(() ->
                        new StartupException("there is no default route to tell the interface: name it by --iface"));
    }

    private static Optional<Integer> index(final List<Route> routes, final boolean ipv6) {
        return routes.stream()
                .filter(route -> route.destination().isIpv4() != ipv6)
                .map(Route::linkIndex)
                .findFirst();
    }
}
