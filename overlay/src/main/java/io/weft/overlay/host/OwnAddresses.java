/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.address.IpPrefix;
import io.weft.linux.netlink.Route;
import io.weft.linux.netlink.RouteFilter;
import io.weft.linux.netlink.RouteType;
import io.weft.linux.netlink.Rtnetlink;
import java.util.Set;
import java.util.stream.Collectors;

/** What the kernel takes for this host: the addresses of its devices, and prefixes that were declared local by a route. */
public final class OwnAddresses {
    private OwnAddresses() {}

    /** All but those that mean nothing beyond this host or one link: loopback, and IPv6 link-local. */
    public static Set<IpPrefix> now(final Rtnetlink rtnetlink) {
        return rtnetlink.routes(RouteFilter.table(Route.TABLE_LOCAL).type(RouteType.LOCAL)).stream()
                .map(Route::destination)
                .filter(OwnAddresses::tellsThisHost)
                .collect(Collectors.toUnmodifiableSet());
    }

    private static boolean tellsThisHost(final IpPrefix destination) {
        return destination.length() > 0
                && HostAddresses.meansANode(destination.base().toInetAddress());
    }
}
