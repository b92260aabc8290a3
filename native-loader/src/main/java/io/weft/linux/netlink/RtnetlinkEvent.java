/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

/** What {@link RtnetlinkMonitor} tells. */
public sealed interface RtnetlinkEvent {
    /**
     * A link is new, changed or gone.
     *
     * @param link as it is now, or was.
     * @param removed true if it is gone.
     */
    record LinkChange(Link link, boolean removed) implements RtnetlinkEvent {}

    /**
     * An address is new, changed or gone.
     *
     * @param address as it is now, or was.
     * @param removed true if it is gone.
     */
    record AddressChange(InterfaceAddress address, boolean removed) implements RtnetlinkEvent {}

    /**
     * A route is new, changed or gone. (The kernel says nothing of the IPv4 routes that go with a link or an address.)
     *
     * @param route as it is now, or was.
     * @param removed true if it is gone.
     */
    record RouteChange(Route route, boolean removed) implements RtnetlinkEvent {}

    /**
     * A neighbour is new, changed or gone.
     *
     * @param neighbour as it is now, or was.
     * @param removed true if it is gone.
     */
    record NeighbourChange(Neighbour neighbour, boolean removed) implements RtnetlinkEvent {}

    /**
     * An FDB entry is new, changed or gone.
     *
     * @param entry as it is now, or was.
     * @param removed true if it is gone.
     */
    record FdbChange(FdbEntry entry, boolean removed) implements RtnetlinkEvent {}

    /** Events were lost, for they came faster than they were read: what is must be listed anew. */
    record ResyncNeeded() implements RtnetlinkEvent {}
}
