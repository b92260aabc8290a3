/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.linux.netlink.Route;
import java.net.InetAddress;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A kernel route that leads a network into the tunnel's device. One of IPv6 has a gateway, though nobody is there to be asked for
 * its MAC address: without one the kernel takes the network's first address, which is a node's VTEP address, for the anycast
 * address of the routers there, and sends it no ICMP errors (include/net/ip6_route.h, {@code ipv6_anycast_destination}). A
 * link-local gateway is the one that the kernel looks up in no other route, and so never refuses.
 */
final class TunnelRoute {
    private static final InetAddress IPV6_GATEWAY = IpAddress.parse("fe80::1").toInetAddress();

    private TunnelRoute() {}

    static Route to(final IpPrefix network, final int linkIndex) {
        final Route route = Route.to(network).dev(linkIndex);
        final InetAddress gateway = gateway(network);
        return null == gateway ? route : route.via(gateway);
    }

    private static @Nullable InetAddress gateway(final IpPrefix network) {
        return network.isIpv4() ? null : IPV6_GATEWAY;
    }

    /** Whether a route of the tunnel's device is as {@link #to} has it. */
    static boolean isAsSet(final Route route) {
        return Objects.equals(gateway(route.destination()), route.gateway());
    }

    /** The same, or as weftd set it before its routes of IPv6 had a gateway. */
    static boolean isOne(final Route route) {
        return null == route.gateway() || isAsSet(route);
    }
}
