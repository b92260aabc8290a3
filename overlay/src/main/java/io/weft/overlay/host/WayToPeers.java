/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Route;
import io.weft.linux.netlink.RouteFilter;
import io.weft.linux.netlink.RouteType;
import io.weft.linux.netlink.Rtnetlink;
import java.net.InetAddress;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Which interface packets to other nodes leave by, asked of the routing table. */
final class WayToPeers {
    // RFC 5737 and RFC 3849: addresses for documentation, which nobody has, and which so go where all that is unknown
    // goes.
    private static final InetAddress ANYWHERE = IpAddress.parse("192.0.2.1").toInetAddress();
    private static final InetAddress ANYWHERE_V6 =
            IpAddress.parse("2001:db8::1").toInetAddress();

    private final Rtnetlink rtnetlink;

    WayToPeers(final Rtnetlink rtnetlink) {
        this.rtnetlink = rtnetlink;
    }

    /** The interface of the default route with the least metric; empty without one. */
    Optional<Link> byDefault(final List<Link> links, final boolean ipv6) {
        return rtnetlink.routes(RouteFilter.main().onlyDefault()).stream()
                .filter(route -> RouteType.UNICAST == route.type()
                        && ipv6 != route.destination().isIpv4())
                .min((one, other) -> Integer.compareUnsigned(one.metric(), other.metric()))
                .flatMap(route -> link(links, route));
    }

    /**
     * The way of an address that is on no interface with a wire, as with BGP on the host: of the interfaces that routes made by
     * somebody lead to the one with the least MTU, and without such routes of those with a network of their own.
     *
     * @param ipv6 the address is one of IPv6.
     * @param pods the cluster's networks: bridges of pods lead to no other node.
     */
    Optional<Link> narrowest(final List<Link> links, final boolean ipv6, final List<IpPrefix> pods) {
        final RouteFilter unicast = RouteFilter.main().type(RouteType.UNICAST);
        final List<Route> all = rtnetlink.routeOfEach(route -> Kind.of(route, ipv6, pods), unicast).stream()
                .filter(route -> HostRoutes.PROTOCOL != route.protocol())
                .toList();
        final List<Route> routes =
                all.stream().filter(route -> !isOfPods(route, pods)).toList();
        return narrowest(links, routes, route -> Route.PROTOCOL_KERNEL != route.protocol() && isOf(ipv6, route))
                .or(() -> narrowest(links, routes, route -> isOf(ipv6, route)))
                // An IPv4 route by an IPv6 gateway (RFC 8950) leaves links without an IPv4 network.
                .or(() -> narrowest(links, routes, route -> Route.PROTOCOL_KERNEL != route.protocol()))
                // The cluster's networks may cover the underlay.
                .or(() -> narrowest(links, all, route -> isOf(ipv6, route)));
    }

    /**
     * All that the choice depends on: of the routes that have it in common one is enough, however many a host has by BGP.
     *
     * @param destination of a route with several next hops, of which the kernel chooses one for each; else null.
     */
    private record Kind(
            int linkIndex, @Nullable IpPrefix destination, int protocol, boolean isOfFamily, boolean isOfPods) {
        static Kind of(final Route route, final boolean ipv6, final List<IpPrefix> pods) {
            return new Kind(
                    route.linkIndex(),
                    0 == route.linkIndex() ? route.destination() : null,
                    route.protocol(),
                    WayToPeers.isOf(ipv6, route),
                    WayToPeers.isOfPods(route, pods));
        }
    }

    private static boolean isOfPods(final Route route, final List<IpPrefix> pods) {
        return pods.stream().anyMatch(network -> network.contains(route.destination()));
    }

    private static boolean isOf(final boolean ipv6, final Route route) {
        return ipv6 != route.destination().isIpv4()
                && !route.destination().base().toInetAddress().isLinkLocalAddress();
    }

    private Optional<Link> narrowest(final List<Link> links, final List<Route> routes, final Predicate<Route> wanted) {
        return routes.stream()
                .filter(wanted)
                .flatMap(route -> link(links, route).stream())
                .filter(link -> link.up() && link.carrier() && hasWire(link))
                .min(Comparator.comparingInt(Link::mtu).thenComparingInt(Link::index));
    }

    /** Whether packets of this interface reach other hosts. */
    static boolean hasWire(final Link link) {
        return !link.loopback() && !"dummy".equals(link.kind());
    }

    /** The kernel chooses one of several next hops by itself, so it is asked. */
    private Optional<Link> link(final List<Link> links, final Route route) {
        int index = route.linkIndex();
        if (0 == index) {
            final InetAddress destination = 0 < route.destination().length()
                    ? route.destination().base().toInetAddress()
                    : route.destination().isIpv4() ? ANYWHERE : ANYWHERE_V6;
            index = to(destination).map(Route::linkIndex).orElse(0);
        }
        final int found = index;
        return links.stream().filter(link -> link.index() == found).findFirst();
    }

    private Optional<Route> to(final InetAddress destination) {
        try {
            return Optional.of(rtnetlink.routeTo(destination));
        } catch (final LinuxException unreachable) {
            return Optional.empty();
        }
    }
}
