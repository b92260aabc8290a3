/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.capture;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.routing.RoutingTables;
import java.net.InetAddress;
import java.util.List;
import java.util.stream.Collectors;

/** What would become of a packet that a pod of this node sends: by the lookup that packets get, or that it is not the overlay's. */
public final class EgressAnswer {
    private EgressAnswer() {}

    /**
     * The steps, a line each; one that ends in {@code : dropped} is the last.
     *
     * @param own subnets of this node.
     * @param networks of the cluster.
     */
    public static String of(
            final RoutingTables tables,
            final IpAddress destination,
            final List<IpPrefix> own,
            final List<IpPrefix> networks) {
        final String notOurs = notOurs(tables, destination.toInetAddress(), own, networks);
        return notOurs.isEmpty()
                ? tables.explain(destination.toInetAddress()).toString()
                : destination + "\n  " + notOurs;
    }

    /** Why a packet to an address does not come to the overlay; empty if it does. */
    private static String notOurs(
            final RoutingTables tables,
            final InetAddress destination,
            final List<IpPrefix> own,
            final List<IpPrefix> networks) {
        for (final IpPrefix subnet : own) {
            if (subnet.contains(destination)) {
                return "own        " + own(subnet, IpAddress.of(destination));
            }
        }
        final boolean isInside = networks.stream().anyMatch(network -> network.contains(destination));
        return isInside || null != tables.explain(destination).route()
                ? ""
                : "outside    of the cluster's network "
                        + networks.stream().map(IpPrefix::toString).collect(Collectors.joining(" and "))
                        + ": the host routes it, not the overlay; where its routes lead it into the overlay's device it is"
                        + " dropped, as IP_OUTNOROUTES";
    }

    /** As flannel and its bridge give addresses out: the first is the tunnel device's, the second the bridge's. */
    private static String own(final IpPrefix subnet, final IpAddress address) {
        final String of = "of this node's subnet " + subnet + ": ";
        final IpAddress base = subnet.base();
        if (address.equals(base)) {
            return of + "the address of this node's tunnel device, and no pod's";
        }
        if (address.equals(base.plus(1))) {
            return of + "the address of this node's bridge, and no pod's";
        }
        return subnet.isIpv4() && address.equals(subnet.last(Integer.SIZE).base())
                ? of + "that of all of its pods together, and no pod's"
                : of + "the host brings it to the pod by its bridge, not by the overlay";
    }

    /** The line about a source that is no pod of this node. */
    public static String notOfThisNode(final IpAddress source) {
        return "  source     " + source + " is not of this node's subnet: a weft node at the other end may refuse it";
    }
}
