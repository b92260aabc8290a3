/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.linux.IpPrefix;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.Route;
import io.weft.linux.netlink.Rtnetlink;
import java.net.InetAddress;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Kernel routes to the subnets of nodes on the same link, which need no tunnel: flannel's {@code DirectRouting}. They are more
 * specific than the cluster network's, so the tunnel is what is left when one is gone. Control thread alone.
 */
public final class DirectRoutes implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(DirectRoutes.class.getName());

    private final Rtnetlink rtnetlink;
    private final Map<IpPrefix, Route> wanted = new HashMap<>();

    /**
     * Without any route yet.
     *
     * @param rtnetlink of the node's namespace.
     */
    public DirectRoutes(final Rtnetlink rtnetlink) {
        this.rtnetlink = rtnetlink;
    }

    /** Routes a subnet to its node's public address, if that is on a link of this host: one route to it, with no gateway. */
    public void put(final IpPrefix subnet, final InetAddress publicAddress) {
        try {
            final Route way = rtnetlink.routeTo(publicAddress);
            if (null == way.gateway() && 0 != way.linkIndex()) {
                final Route route = Route.to(subnet).via(publicAddress).dev(way.linkIndex());
                rtnetlink.replaceRoute(route);
                wanted.put(subnet, route);
            }
        } catch (final LinuxException failure) {
            LOG.log(WARNING, "{0} goes through the tunnel: {1}", subnet, failure.getMessage());
        }
    }

    /** Forgets a subnet. */
    public void remove(final IpPrefix subnet) {
        final Route route = wanted.remove(subnet);
        if (null != route) {
            rtnetlink.deleteRoute(route);
        }
    }

    /**
     * Puts back what is missing.
     *
     * @return how many routes were.
     */
    public int repair() {
        if (wanted.isEmpty()) {
            return 0;
        }
        final Set<Key> present = new HashSet<>();
        for (final Route route : rtnetlink.routes()) {
            present.add(new Key(route));
        }
        int repairs = 0;
        for (final Route route : wanted.values()) {
            if (!present.contains(new Key(route))) {
                LOG.log(WARNING, "route {0} was missing, repaired", route);
                rtnetlink.replaceRoute(route);
                repairs++;
            }
        }
        return repairs;
    }

    @Override
    public void close() {
        wanted.values().forEach(rtnetlink::deleteRoute);
        wanted.clear();
    }

    /** What makes two routes the same here; the kernel fills in the rest. */
    private record Key(IpPrefix destination, InetAddress gateway, int linkIndex) {
        Key(final Route route) {
            this(
                    route.destination(),
                    null == route.gateway() ? route.destination().address() : route.gateway(),
                    route.linkIndex());
        }
    }
}
