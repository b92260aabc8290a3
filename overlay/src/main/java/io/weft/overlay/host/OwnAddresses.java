/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.linux.netlink.Route;
import io.weft.linux.netlink.RouteFilter;
import io.weft.linux.netlink.RouteType;
import io.weft.linux.netlink.Rtnetlink;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What the kernel takes for this host.
 *
 * @param local the addresses of its devices, and prefixes that were declared local by a route: all but those that mean nothing beyond
 *     this host or one link, loopback and IPv6 link-local.
 * @param broadcasts the broadcast addresses of its links.
 */
public record OwnAddresses(Set<IpPrefix> local, Set<IpAddress> broadcasts) {
    /** Before they were asked for. */
    public static final OwnAddresses NONE = new OwnAddresses(Set.of(), Set.of());

    /** What it takes for this host now. */
    public static OwnAddresses now(final Rtnetlink rtnetlink) {
        final List<Route> routes = rtnetlink.routes(RouteFilter.table(Route.TABLE_LOCAL));
        return new OwnAddresses(
                routes.stream()
                        .filter(route -> RouteType.LOCAL == route.type())
                        .map(Route::destination)
                        .filter(OwnAddresses::tellsThisHost)
                        .collect(Collectors.toUnmodifiableSet()),
                routes.stream()
                        .filter(route -> RouteType.BROADCAST == route.type())
                        .map(route -> route.destination().base())
                        .filter(address -> !address.toInetAddress().isLoopbackAddress())
                        .collect(Collectors.toUnmodifiableSet()));
    }

    // Written out, as those of a lease's key: a record's own are linked when they are first called, by every start
    // before it forwards.
    @Override
    public boolean equals(final Object other) {
        return other instanceof final OwnAddresses that
                && local.equals(that.local)
                && broadcasts.equals(that.broadcasts);
    }

    @Override
    public int hashCode() {
        return 31 * local.hashCode() + broadcasts.hashCode();
    }

    private static boolean tellsThisHost(final IpPrefix destination) {
        return destination.length() > 0
                && HostAddresses.meansANode(destination.base().toInetAddress());
    }
}
