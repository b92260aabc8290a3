/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

/**
 * Which routes to list: of a host with half a million foreign ones, the kernel sends the few that are asked for (Linux 4.20;
 * older ones send all, which are filtered again before anything is made of them). Made by {@link #main} and the methods that
 * return a narrower copy.
 *
 * @param table its number.
 * @param protocol who made them, 0 for all.
 * @param type what they do, {@link RouteType#OTHER} for all.
 * @param linkIndex of the outgoing device, 0 for all.
 * @param isDefault of default routes alone.
 */
public record RouteFilter(int table, int protocol, RouteType type, int linkIndex, boolean isDefault) {
    /** All routes of the main table. */
    public static RouteFilter main() {
        return table(Route.TABLE_MAIN);
    }

    /** All routes of a table. */
    public static RouteFilter table(final int number) {
        return new RouteFilter(number, 0, RouteType.OTHER, 0, false);
    }

    /** Those of one maker. */
    public RouteFilter protocol(final int number) {
        return new RouteFilter(table, number, type, linkIndex, isDefault);
    }

    /** Those of one type. */
    public RouteFilter type(final RouteType wanted) {
        return new RouteFilter(table, protocol, wanted, linkIndex, isDefault);
    }

    /** Those that lead out by a device. */
    public RouteFilter dev(final int index) {
        return new RouteFilter(table, protocol, type, index, isDefault);
    }

    /** Default routes, 0.0.0.0/0 or ::/0; the kernel has no filter for these. */
    public RouteFilter onlyDefault() {
        return new RouteFilter(table, protocol, type, linkIndex, true);
    }

    boolean matches(final Route route) {
        return table == route.table()
                && (0 == protocol || protocol == route.protocol())
                && (RouteType.OTHER == type || type == route.type())
                && (0 == linkIndex || linkIndex == route.linkIndex())
                && (!isDefault || 0 == route.destination().length());
    }
}
