/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import io.weft.address.IpPrefix;
import java.util.Collection;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which routes to list: of a host with half a million foreign ones, the kernel sends the few that are asked for (Linux 4.20;
 * older ones send all, which are filtered again before anything is made of them). Made by {@link #main} and the methods that
 * return a narrower copy.
 *
 * @param table its number.
 * @param protocol who made them, 0 for all.
 * @param type what they do, {@link RouteType#OTHER} for all.
 * @param linkIndex of the outgoing device, 0 for all.
 * @param destinations where they lead, null for all; the kernel has no filter for these.
 */
public record RouteFilter(
        int table,
        int protocol,
        RouteType type,
        int linkIndex,
        @Nullable Set<IpPrefix> destinations) {
    private static final Set<IpPrefix> DEFAULTS = Set.of(IpPrefix.parse("0.0.0.0/0"), IpPrefix.parse("::/0"));

    /** All routes of the main table. */
    public static RouteFilter main() {
        return table(Route.TABLE_MAIN);
    }

    /** All routes of a table. */
    public static RouteFilter table(final int number) {
        return new RouteFilter(number, 0, RouteType.OTHER, 0, null);
    }

    /** Those of one maker. */
    public RouteFilter protocol(final int number) {
        return new RouteFilter(table, number, type, linkIndex, destinations);
    }

    /** Those of one type. */
    public RouteFilter type(final RouteType wanted) {
        return new RouteFilter(table, protocol, wanted, linkIndex, destinations);
    }

    /** Those that lead out by a device. */
    public RouteFilter dev(final int index) {
        return new RouteFilter(table, protocol, type, index, destinations);
    }

    /** Those to exactly these, and not to what lies in them. */
    public RouteFilter to(final Collection<IpPrefix> exactly) {
        return new RouteFilter(table, protocol, type, linkIndex, Set.copyOf(exactly));
    }

    /** Default routes, 0.0.0.0/0 or ::/0. */
    public RouteFilter onlyDefault() {
        return to(DEFAULTS);
    }

    /** What can be told of a route before its destination is read. */
    boolean takesLength(final int prefixLength) {
        if (null == destinations) {
            return true;
        }
        for (final IpPrefix destination : destinations) {
            if (prefixLength == destination.length()) {
                return true;
            }
        }
        return false;
    }

    boolean matches(final Route route) {
        return table == route.table()
                && (0 == protocol || protocol == route.protocol())
                && (RouteType.OTHER == type || type == route.type())
                && (0 == linkIndex || linkIndex == route.linkIndex())
                && (null == destinations || destinations.contains(route.destination()));
    }
}
