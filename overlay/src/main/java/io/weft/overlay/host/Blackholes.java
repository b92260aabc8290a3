/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.IpPrefix;
import io.weft.linux.netlink.Route;
import io.weft.linux.netlink.RouteFilter;
import io.weft.linux.netlink.RouteType;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.lifecycle.LogFields;
import java.util.List;
import org.agrona.CloseHelper;

/**
 * Blackhole routes for subnets of the node while no bridge has them, so that packets to pods that are not there do not go around
 * between the node and its peers. Connected routes of the same subnets win by their metric. Used by the control thread alone.
 */
public final class Blackholes implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Blackholes.class.getName());

    /** Above that of any route which somebody wants. */
    private static final int METRIC = 1_000_000;

    private final Rtnetlink rtnetlink;
    private final List<IpPrefix> networks;
    private final List<Route> wanted;
    private boolean isFirst = true;
    private long repairs;

    /**
     * Without a route yet.
     *
     * @param rtnetlink of the node's namespace.
     * @param networks of the cluster: nothing outside of them is touched.
     * @param subnets of the node; none if it wants no such routes.
     */
    public Blackholes(final Rtnetlink rtnetlink, final List<IpPrefix> networks, final List<IpPrefix> subnets) {
        this.rtnetlink = rtnetlink;
        this.networks = List.copyOf(networks);
        wanted = subnets.stream()
                .map(subnet -> Route.blackhole(subnet).metric(METRIC))
                .toList();
    }

    /** Adds those that are not there, and takes away those of subnets that the node had before. */
    public void repair() {
        final List<Route> present = rtnetlink.routes(RouteFilter.main().type(RouteType.BLACKHOLE));
        for (final Route route : present) {
            if (isOurs(route) && wanted.stream().noneMatch(route::hasDestinationOf)) {
                rtnetlink.deleteRoute(route);
                LOG.log(
                        INFO,
                        "route {0} taken away: the subnet is not this node''s any more{1}",
                        route,
                        LogFields.of("dst", route.destination()));
            }
        }
        for (final Route blackhole : wanted) {
            if (present.stream().noneMatch(blackhole::hasDestinationOf)) {
                rtnetlink.replaceRoute(blackhole);
                repairs += isFirst ? 0 : 1;
                LOG.log(
                        isFirst ? INFO : WARNING,
                        "route {0}{1}{2}",
                        blackhole,
                        isFirst ? "" : ", repaired",
                        isFirst
                                ? LogFields.of("dst", blackhole.destination())
                                : LogFields.of("dst", blackhole.destination(), "repaired", true));
            }
        }
        isFirst = false;
    }

    private boolean isOurs(final Route route) {
        return METRIC == route.metric() && networks.stream().anyMatch(network -> network.contains(route.destination()));
    }

    /** Those that were put back since the first time. */
    public long repairs() {
        return repairs;
    }

    /** Takes them away. */
    @Override
    public void close() {
        CloseHelper.closeAll(wanted.stream()
                .<AutoCloseable>map(blackhole -> () -> rtnetlink.deleteRoute(blackhole))
                .toList());
    }
}
