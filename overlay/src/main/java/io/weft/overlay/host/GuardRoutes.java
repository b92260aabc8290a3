/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.IpPrefix;
import io.weft.linux.netlink.Route;
import io.weft.linux.netlink.RouteFilter;
import io.weft.linux.netlink.RouteType;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lifecycle.LogFields;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Blackhole routes beneath those that lead to the overlay: what is for pods goes nowhere while no weftd runs, instead of out by
 * the default route with pods' addresses. They outlive the daemon on purpose, until {@link #removeAll}
 * (docs/decisions/0057-restarts.md). Used by the control thread alone.
 */
public final class GuardRoutes implements AutoCloseable {
    /**
     * Worse than that of any route that leads somewhere. The VNI is added, so that of two networks on one host each finds its own
     * again.
     */
    static final int METRIC = 2_000_000;

    private static final System.Logger LOG = System.getLogger(GuardRoutes.class.getName());

    private final Rtnetlink rtnetlink;
    private final int metric;
    private final List<IpPrefix> networks;
    private final Set<IpPrefix> wanted = new HashSet<>();
    /** Wanted otherwise since the last publication. */
    private final Set<IpPrefix> changed = new LinkedHashSet<>();
    /** Those that were not there before, while nothing says that they are to stay. */
    private final List<Route> added = new ArrayList<>();

    private boolean isLeft;
    /** Whether those that an earlier daemon left have been compared. */
    private boolean isCompared;

    private long repairs;

    /**
     * Without a route yet.
     *
     * @param rtnetlink of the node's namespace.
     * @param vni of the network.
     * @param networks of the cluster, and those that this node was in before: what is in them is nobody else's.
     */
    public GuardRoutes(final Rtnetlink rtnetlink, final int vni, final List<IpPrefix> networks) {
        this.rtnetlink = rtnetlink;
        metric = METRIC + vni;
        this.networks = List.copyOf(networks);
    }

    /** What routes of this node may be in, those included that it has left behind. */
    public List<IpPrefix> networks() {
        return networks;
    }

    /** Wants what is for a prefix to go nowhere, unless a better route leads it somewhere. */
    public void add(final IpPrefix prefix) {
        if (wanted.add(prefix)) {
            changed.add(prefix);
        }
    }

    /** Takes {@link #add} back. */
    public void remove(final IpPrefix prefix) {
        if (wanted.remove(prefix)) {
            changed.add(prefix);
        }
    }

    /** Sets those that are missing, and leaves what else an earlier daemon left until {@link #publish}. */
    public void begin() {
        final List<Route> present = present();
        final HostSteps steps = new HostSteps();
        for (final IpPrefix prefix : wanted) {
            if (present.stream().noneMatch(route -> isOf(route, prefix))) {
                steps.attempt(() -> {
                    LOG.log(
                            INFO,
                            "route {0}: goes nowhere while no weftd runs{1}",
                            set(prefix),
                            LogFields.of("dst", prefix));
                });
            }
        }
        steps.requireAll();
    }

    private Route set(final IpPrefix prefix) {
        final Route route =
                Route.blackhole(prefix).protocol(HostRoutes.PROTOCOL).metric(metric);
        rtnetlink.replaceRoute(route);
        if (!isLeft) {
            added.add(route);
        }
        return route;
    }

    /** Also those of these networks that were set when they had another VNI. */
    private List<Route> present() {
        return allOf(rtnetlink).stream()
                .filter(route -> metric == route.metric()
                        || networks.stream().anyMatch(network -> network.contains(route.destination())))
                .toList();
    }

    private boolean isOf(final Route route, final IpPrefix prefix) {
        return metric == route.metric() && route.destination().equals(prefix);
    }

    /** Gives the kernel what has changed since the last time: new ones first. The first time, all is compared. */
    public void publish() {
        if (!isCompared) {
            repair();
            return;
        }
        final List<IpPrefix> superseded = new ArrayList<>();
        for (final IpPrefix prefix : changed) {
            if (wanted.contains(prefix)) {
                LOG.log(DEBUG, "route {0}", set(prefix));
            } else {
                superseded.add(prefix);
            }
        }
        for (final IpPrefix prefix : superseded) {
            rtnetlink.deleteRoute(
                    Route.blackhole(prefix).protocol(HostRoutes.PROTOCOL).metric(metric));
        }
        changed.clear();
    }

    /** Makes the kernel's guard routes those that are wanted. */
    public void repair() {
        final Set<IpPrefix> missing = new HashSet<>(wanted);
        final List<Route> unwanted = new ArrayList<>();
        for (final Route route : present()) {
            if (metric != route.metric() || !missing.remove(route.destination())) {
                unwanted.add(route);
            }
        }
        for (final IpPrefix prefix : missing) {
            final boolean isRepair = isCompared && !changed.contains(prefix);
            repairs += isRepair ? 1 : 0;
            LOG.log(
                    isRepair ? WARNING : DEBUG,
                    "route {0}{1}{2}",
                    set(prefix),
                    isRepair ? ", repaired" : "",
                    isRepair ? LogFields.of("dst", prefix, "repaired", true) : LogFields.of("dst", prefix));
        }
        unwanted.forEach(rtnetlink::deleteRoute);
        changed.clear();
        isCompared = true;
    }

    /** Those that were put back. */
    public long repairs() {
        return repairs;
    }

    /** From now on they stay when this is closed: the node has been ready. */
    public void leave() {
        isLeft = true;
    }

    /** Takes away what a start that failed has added. */
    @Override
    public void close() {
        if (!isLeft) {
            added.forEach(rtnetlink::deleteRoute);
        }
    }

    /**
     * Takes those away that an earlier daemon left and that would keep this host from what it has to reach.
     *
     * @param reached tells the addresses, if there is anything to take away.
     */
    public static void giveWayTo(final Rtnetlink rtnetlink, final Supplier<Set<InetAddress>> reached) {
        final List<Route> guards = allOf(rtnetlink);
        final Set<InetAddress> addresses = guards.isEmpty() ? Set.of() : reached.get();
        for (final Route route : guards) {
            if (addresses.stream().anyMatch(route.destination()::contains)) {
                rtnetlink.deleteRoute(route);
                LOG.log(
                        INFO,
                        "route {0} taken away: the registry is there{1}",
                        route,
                        LogFields.of("dst", route.destination()));
            }
        }
    }

    /** Takes all of them away, of whichever network; for the end of weft on a host. */
    public static void removeAll(final Rtnetlink rtnetlink) {
        for (final Route route : allOf(rtnetlink)) {
            rtnetlink.deleteRoute(route);
            LOG.log(INFO, "route {0} taken away{1}", route, LogFields.of("dst", route.destination()));
        }
    }

    private static List<Route> allOf(final Rtnetlink rtnetlink) {
        return rtnetlink.routes(RouteFilter.main().type(RouteType.BLACKHOLE).protocol(HostRoutes.PROTOCOL)).stream()
                .filter(route -> METRIC <= route.metric() && route.metric() <= METRIC + BackendConfig.VNI_MAX)
                .toList();
    }
}
