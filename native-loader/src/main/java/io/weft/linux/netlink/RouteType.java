/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

/** What the kernel does with a packet that a route matches. Source: {@code RTN_} in include/uapi/linux/rtnetlink.h. */
public enum RouteType {
    /** None of those below, as the kernel may have in time. */
    OTHER(0),
    /** Sends it through the device, to the gateway if there is one. */
    UNICAST(1),
    /** Accepts it on this host. */
    LOCAL(2),
    /** Accepts it as a broadcast. */
    BROADCAST(3),
    /** Accepts it as an anycast. */
    ANYCAST(4),
    /** A multicast route. */
    MULTICAST(5),
    /** Drops it silently. */
    BLACKHOLE(6),
    /** Drops it and answers with host unreachable. */
    UNREACHABLE(7),
    /** Drops it and answers with administratively prohibited. */
    PROHIBIT(8),
    /** Goes on with the next table. */
    THROW(9);

    private static final RouteType[] VALUES = values();

    private final int number;

    RouteType(final int number) {
        this.number = number;
    }

    static RouteType of(final int number) {
        for (final RouteType type : VALUES) {
            if (number == type.number) {
                return type;
            }
        }
        return OTHER;
    }

    int number() {
        return number;
    }
}
