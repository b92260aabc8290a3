/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.linux.IpPrefix;
import io.weft.linux.netlink.Route;
import io.weft.linux.netlink.RouteType;
import io.weft.linux.netlink.Rtnetlink;
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
    private final List<Route> wanted;
    private boolean isFirst = true;
    private long repairs;

    /**
     * Without a route yet.
     *
     * @param rtnetlink of the node's namespace.
     * @param subnets of the node; none if it wants no such routes.
     */
    public Blackholes(final Rtnetlink rtnetlink, final List<IpPrefix> subnets) {
        this.rtnetlink = rtnetlink;
        wanted = subnets.stream()
                .map(subnet -> Route.blackhole(subnet).metric(METRIC))
                .toList();
    }

    /** Adds those that are not there. */
    public void repair() {
        if (wanted.isEmpty()) {
            return;
        }
        final List<Route> present = rtnetlink.routes();
        for (final Route blackhole : wanted) {
            final boolean isThere = present.stream()
                    .anyMatch(route -> RouteType.BLACKHOLE == route.type()
                            && route.destination().equals(blackhole.destination()));
            if (!isThere) {
                rtnetlink.replaceRoute(blackhole);
                repairs += isFirst ? 0 : 1;
                LOG.log(isFirst ? INFO : WARNING, "route {0}{1}", blackhole, isFirst ? "" : ", repaired");
            }
        }
        isFirst = false;
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
