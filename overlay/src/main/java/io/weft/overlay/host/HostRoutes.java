/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.IpPrefix;
import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.Route;
import io.weft.linux.netlink.RouteFilter;
import io.weft.linux.netlink.RouteType;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.lifecycle.LogFields;
import java.lang.System.Logger.Level;
import java.net.InetAddress;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Kernel routes of single subnets, beside the one of the cluster network that {@link OverlayDevice} keeps: to peers on the same
 * link, which need no tunnel (flannel's DirectRouting and host-gw), and to peers whose subnet has to be routed to a device by
 * itself. They carry a route protocol of their own, by which those that an earlier daemon left are found and taken away. Used by
 * the control thread alone.
 */
public final class HostRoutes implements AutoCloseable {
    /** Of the numbers that Linux include/uapi/linux/rtnetlink.h leaves to routing daemons, one that iproute2 names nobody by. */
    static final int PROTOCOL = 87;

    /** Of a subnet that the route of its whole network leads into the tunnel. */
    public static final int NO_DEVICE = 0;

    private static final System.Logger LOG = System.getLogger(HostRoutes.class.getName());

    private final Rtnetlink rtnetlink;
    private final List<IpPrefix> networks;
    private final String meanwhile;
    private final Map<IpPrefix, Target> wanted = new HashMap<>();
    /** What the kernel has been given, as far as nobody else changed it. */
    private final Map<IpPrefix, Route> present = new HashMap<>();
    /** Subnets wanted otherwise since the last publication. */
    private final Set<IpPrefix> changed = new LinkedHashSet<>();
    /** Subnets whose route could not be set, with the reason, so that the log hears of each once. */
    private final Map<IpPrefix, String> troubles = new HashMap<>();
    /** Whether the kernel was compared before: an earlier daemon may have left routes. */
    private boolean isCompared;

    private long repairs;

    /**
     * Where to: a gateway on the link, or the tunnel's device.
     *
     * @param gateway null of the tunnel's device.
     * @param otherwise the device while no link leads to the gateway; {@link #NO_DEVICE} where another route leads to it.
     */
    private record Target(@Nullable InetAddress gateway, int linkIndex, int otherwise) {
        boolean isMetBy(final Route route) {
            return linkIndex == route.linkIndex()
                    && (null == gateway ? TunnelRoute.isAsSet(route) : gateway.equals(route.gateway()));
        }

        /** Whether it leads into the tunnel, where packets may go until the right route is set in its place. */
        boolean isMetMeanwhileBy(final Route route) {
            final int tunnel = null == gateway ? linkIndex : otherwise;
            return NO_DEVICE != tunnel && tunnel == route.linkIndex() && TunnelRoute.isOne(route);
        }
    }

    /**
     * Without a route yet.
     *
     * @param rtnetlink of the node's namespace.
     * @param networks of the cluster: nothing outside of them is touched.
     * @param meanwhile what it means, for the log, that a route cannot be set.
     */
    public HostRoutes(final Rtnetlink rtnetlink, final List<IpPrefix> networks, final String meanwhile) {
        this.rtnetlink = rtnetlink;
        this.meanwhile = meanwhile;
        this.networks = List.copyOf(networks);
    }

    /**
     * Wants a subnet to be routed to its node without a tunnel, if the node is on the same link: the kernel's way to it has no
     * gateway (flannel pkg/ip/iface.go, DirectRouting).
     *
     * @param deviceIndex of the tunnel's device, to which the subnet is routed if the node leaves the link; {@link #NO_DEVICE}
     *     where that needs no route.
     * @return false if it is not.
     */
    public boolean direct(final IpPrefix subnet, final InetAddress publicAddress, final int deviceIndex) {
        final int linkIndex = linkTo(publicAddress);
        if (0 != linkIndex) {
            want(subnet, new Target(publicAddress, linkIndex, deviceIndex));
        }
        return 0 != linkIndex;
    }

    /**
     * Wants a subnet to be routed via its node without a tunnel, whether the node is on the same link or not yet (flannel
     * pkg/backend/hostgw).
     */
    public void via(final IpPrefix subnet, final InetAddress publicAddress) {
        want(subnet, new Target(publicAddress, linkTo(publicAddress), NO_DEVICE));
    }

    /** Wants a subnet to be routed to the tunnel's device. */
    public void dev(final IpPrefix subnet, final int linkIndex) {
        want(subnet, new Target(null, linkIndex, NO_DEVICE));
    }

    private void want(final IpPrefix subnet, final Target target) {
        wanted.put(subnet, target);
        changed.add(subnet);
    }

    /** No longer wants a route to the subnet. */
    public void remove(final IpPrefix subnet) {
        if (null != wanted.remove(subnet)) {
            changed.add(subnet);
        }
        troubles.remove(subnet);
    }

    /** Gives the kernel what has changed since the last time: the first time, all of it. */
    public void publish() {
        if (!isCompared) {
            repair();
            return;
        }
        for (final IpPrefix subnet : changed) {
            final Target target = wanted.get(subnet);
            final Route before = present.get(subnet);
            if (null != target) {
                set(subnet, target, false);
            } else if (null != before) {
                rtnetlink.deleteRoute(before);
                present.remove(subnet);
            }
        }
        changed.clear();
    }

    /** Makes the kernel's routes those that are wanted. */
    public void repair() {
        if (isCompared && wanted.isEmpty() && present.isEmpty()) {
            return;
        }
        final Set<IpPrefix> right = new HashSet<>();
        for (final Route route : rtnetlink.routes(RouteFilter.main().protocol(PROTOCOL))) {
            final IpPrefix subnet = route.destination();
            if (RouteType.UNICAST == route.type() && networks.stream().anyMatch(network -> network.contains(subnet))) {
                final Target target = wanted.get(subnet);
                if (null != target && target.isMetBy(route)) {
                    present.put(subnet, route);
                    right.add(subnet);
                } else if (null == target || !target.isMetMeanwhileBy(route)) {
                    rtnetlink.deleteRoute(route);
                }
            }
        }
        for (final Map.Entry<IpPrefix, Target> target : wanted.entrySet()) {
            if (!right.contains(target.getKey())) {
                set(target.getKey(), target.getValue(), present.containsKey(target.getKey()));
            }
        }
        present.keySet().retainAll(wanted.keySet());
        changed.clear();
        isCompared = true;
    }

    private void set(final IpPrefix subnet, final Target target, final boolean isRepair) {
        // The link that led to the node may have been made anew since.
        final int linkIndex = null == target.gateway ? target.linkIndex : linkTo(target.gateway);
        final Route bare = null == target.gateway
                ? TunnelRoute.to(subnet, linkIndex)
                : Route.to(subnet).dev(linkIndex).via(target.gateway);
        final Route route = bare.protocol(PROTOCOL);
        try {
            if (0 == linkIndex) {
                setOtherwise(subnet, target);
                throw new LinuxException("set route " + route, Errno.EHOSTUNREACH, "No interface is on a link with it");
            }
            rtnetlink.replaceRoute(route);
            repairs += isRepair ? 1 : 0;
            // A route to a device is one of many; one that leaves the tunnel aside is news.
            final Level level = null == target.gateway ? DEBUG : INFO;
            LOG.log(
                    isRepair ? WARNING : level,
                    "route {0}{1}{2}",
                    route,
                    isRepair ? ", repaired" : "",
                    isRepair ? LogFields.of("dst", subnet, "repaired", true) : LogFields.of("dst", subnet));
            troubles.remove(subnet);
            wanted.put(subnet, new Target(target.gateway, linkIndex, target.otherwise));
            present.put(subnet, route);
        } catch (final LinuxException failure) {
            final String trouble = String.valueOf(failure.getMessage());
            if (!trouble.equals(troubles.put(subnet, trouble))) {
                LOG.log(WARNING, "{0}. {1} until it succeeds{2}", trouble, meanwhile, LogFields.of("dst", subnet));
            }
        }
    }

    /** Where no other route leads into the tunnel, this one does while the node is on no link of this one. */
    private void setOtherwise(final IpPrefix subnet, final Target target) {
        if (NO_DEVICE != target.otherwise) {
            final Route route = TunnelRoute.to(subnet, target.otherwise).protocol(PROTOCOL);
            rtnetlink.replaceRoute(route);
            present.put(subnet, route);
        }
    }

    /** The link that an address is on; 0 when a gateway is between, or there is no way. */
    private int linkTo(final InetAddress address) {
        try {
            final Route route = rtnetlink.routeTo(address);
            return RouteType.UNICAST == route.type() && null == route.gateway() ? route.linkIndex() : 0;
        } catch (final LinuxException noWay) {
            return 0;
        }
    }

    /** Differences that were put right. */
    public long repairs() {
        return repairs;
    }

    /** Whether a wanted route could not be set: it is tried again at the next {@link #repair}. */
    public boolean hasTrouble() {
        return !troubles.isEmpty();
    }

    /** Takes all routes back. */
    @Override
    public void close() {
        wanted.clear();
        repair();
    }
}
