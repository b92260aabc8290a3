/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import io.weft.linux.netlink.Route;
import io.weft.linux.netlink.RouteFilter;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.host.UnderlaySelector;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.options.FlanneldOptions;
import io.weft.overlay.registry.PublicAddresses;
import java.net.InetAddress;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;

/** What the command line and the network ask of the underlay, and what is reached by it. */
final class UnderlayWishes {
    private UnderlayWishes() {}

    /** @param written in the registry: wins over the flags, as with flanneld. */
    static UnderlaySelector.Wishes of(
            final FlanneldOptions flanneld, final PublicAddresses written, final NetworkConfig config) {
        return new UnderlaySelector.Wishes(
                flanneld.iface,
                flanneld.ifaceRegex,
                flanneld.ifaceCanReach,
                written.publicIp().isEmpty() ? flanneld.publicIp : written.publicIp(),
                written.publicIpv6().isEmpty() ? flanneld.publicIpv6 : written.publicIpv6(),
                config.network(),
                config.ipv6Network());
    }

    /** Peers make the public address the gateway of their routes (flannel pkg/backend/hostgw/hostgw.go). */
    static void requireMet(final BackendConfig backend, final Underlay underlay) {
        final boolean isOwn = Objects.equals(underlay.address(), underlay.publicIp())
                && Objects.equals(underlay.ipv6Address(), underlay.publicIpv6());
        if (!backend.type().isTunnel() && !isOwn) {
            throw new StartupException("the underlay is " + underlay + ", and the network's backend " + backend.type()
                    + " needs nodes that are reached at their interface's address: leave --public-ip away,"
                    + " or set \"Backend\": {\"Type\": \"vxlan\"} for all nodes");
        }
    }

    /** What is no pod, and must not be captured by the overlay wherever the cluster network covers it. */
    static Set<InetAddress> reachedOtherwise(
            final Underlay underlay, final Set<InetAddress> registry, final Rtnetlink rtnetlink) {
        final Set<InetAddress> addresses = new HashSet<>(underlay.localAddresses());
        addresses.addAll(registry);
        for (final Route route : rtnetlink.routes(RouteFilter.main().onlyDefault())) {
            if (null != route.gateway()) {
                addresses.add(route.gateway());
            }
        }
        return addresses;
    }
}
