/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.linux.Errno;
import io.weft.linux.IpPrefix;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Route;
import io.weft.linux.netlink.RouteType;
import io.weft.linux.netlink.Rtnetlink;
import java.net.InetAddress;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Kernel routes of single subnets, beside the one of the cluster network that {@link OverlayDevice} keeps: to peers on the same
 * link, which need no tunnel (flannel's DirectRouting and host-gw), and to peers that another device than their family's leads
 * to. They carry a route protocol of their own, by which those that an earlier daemon left are found and taken away. Used by
 * the control thread alone.
 */
public final class HostRoutes implements AutoCloseable {
    /** Of the numbers that Linux include/uapi/linux/rtnetlink.h leaves to routing daemons, one that iproute2 names nobody by. */
    static final int PROTOCOL = 87;

    private static final System.Logger LOG = System.getLogger(HostRoutes.class.getName());

    private final Rtnetlink rtnetlink;
    private final List<IpPrefix> networks;
    private final String meanwhile;
    private final Map<IpPrefix, Target> wanted = new HashMap<>();
    /** Subnets whose route could not be set, with the reason, so that the log hears of each once. */
    private final Map<IpPrefix, String> troubles = new HashMap<>();
    /** Whether the kernel may hold routes of ours. */
    private boolean isComparable = true;

    private long repairs;

    /** Where to: a gateway on the link, or nobody but the device; and whether it was set before. */
    private record Target(@Nullable InetAddress gateway, int linkIndex, boolean isSet) {
        Target asSet() {
            return new Target(gateway, linkIndex, true);
        }
    }

    /** What tells two routes apart here. */
    private record Hop(IpPrefix destination, @Nullable InetAddress gateway, int linkIndex) {
        static Hop of(final Route route) {
            return new Hop(route.destination(), route.gateway(), route.linkIndex());
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
     */
    public void direct(final IpPrefix subnet, final InetAddress publicAddress) {
        final int linkIndex = linkTo(publicAddress);
        if (0 != linkIndex) {
            wanted.put(subnet, new Target(publicAddress, linkIndex, false));
        }
    }

    /**
     * Wants a subnet to be routed to its node without a tunnel, whether the node is on the same link or not yet (flannel
     * pkg/backend/hostgw).
     */
    public void by(final IpPrefix subnet, final InetAddress publicAddress) {
        wanted.put(subnet, new Target(publicAddress, linkTo(publicAddress), false));
    }

    /** Wants a subnet to be routed to a device. */
    public void through(final IpPrefix subnet, final String deviceName) {
        final int linkIndex = rtnetlink.link(deviceName).map(Link::index).orElse(0);
        wanted.put(subnet, new Target(null, linkIndex, false));
    }

    /** No longer wants a route to the subnet. */
    public void remove(final IpPrefix subnet) {
        wanted.remove(subnet);
        troubles.remove(subnet);
    }

    /** Makes the kernel's routes those that are wanted. */
    public void repair() {
        if (!isComparable && wanted.isEmpty()) {
            return;
        }
        final Set<Hop> present = new HashSet<>();
        for (final Route route : rtnetlink.routes()) {
            if (PROTOCOL == route.protocol()
                    && networks.stream().anyMatch(network -> network.contains(route.destination()))) {
                final Hop hop = Hop.of(route);
                final Target target = wanted.get(hop.destination);
                if (null != target && hop.equals(new Hop(hop.destination, target.gateway, target.linkIndex))) {
                    present.add(hop);
                } else {
                    rtnetlink.deleteRoute(route);
                }
            }
        }
        wanted.replaceAll((subnet, target) -> present.contains(new Hop(subnet, target.gateway, target.linkIndex))
                ? target.asSet()
                : set(subnet, target));
        isComparable = !wanted.isEmpty();
    }

    private Target set(final IpPrefix subnet, final Target target) {
        // The link that led to the node may have been made anew since.
        final int linkIndex = null == target.gateway ? target.linkIndex : linkTo(target.gateway);
        final Route bare = Route.to(subnet).dev(linkIndex).protocol(PROTOCOL);
        final Route route = null == target.gateway ? bare : bare.via(target.gateway);
        try {
            if (0 == linkIndex) {
                throw new LinuxException("set route " + route, Errno.EHOSTUNREACH, "No interface is on a link with it");
            }
            rtnetlink.replaceRoute(route);
            if (target.isSet) {
                repairs++;
            }
            LOG.log(target.isSet ? WARNING : INFO, "route {0}{1}", route, target.isSet ? ", repaired" : "");
            troubles.remove(subnet);
            return new Target(target.gateway, linkIndex, true);
        } catch (final LinuxException failure) {
            final String trouble = String.valueOf(failure.getMessage());
            if (!trouble.equals(troubles.put(subnet, trouble))) {
                LOG.log(WARNING, "{0}. {1} until it succeeds", trouble, meanwhile);
            }
            return target;
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

    /** Takes all routes back. */
    @Override
    public void close() {
        wanted.clear();
        repair();
    }
}
