/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import io.weft.address.IpAddress;
import java.util.Arrays;
import org.agrona.collections.IntArrayList;

/**
 * The overlay addresses that routes go by, numbered; the number is the value of a route in the {@link RouteTrie}, and has
 * a next hop, that is a rewrite block, once published. Control thread only.
 */
final class Gateways {
    static final int NO_NEXT_HOP = -1;

    private final FlatTable byAddress = new FlatTable(1);
    private final IntArrayList free = new IntArrayList();
    private int next;
    private IpAddress[] addresses = new IpAddress[16];
    private long[] macs = new long[addresses.length];
    private int[] routes = new int[addresses.length];
    private int[] nextHops = new int[addresses.length];

    /** Numbers below this one are in use, or free for use. */
    int limit() {
        return next;
    }

    /** The gateway with this address, or {@link FlatTable#ABSENT}. */
    int find(final IpAddress address) {
        final int row = byAddress.find(address.mappedHigh(), address.mappedLow());
        return FlatTable.ABSENT == row ? FlatTable.ABSENT : (int) byAddress.value(row, 0);
    }

    /** The gateway with this address, now with one more route. */
    int acquire(final IpAddress address) {
        final int found = find(address);
        final int gateway = FlatTable.ABSENT == found ? add(address) : found;
        routes[gateway]++;
        return gateway;
    }

    private int add(final IpAddress address) {
        final int gateway = free.isEmpty() ? next++ : free.removeAt(free.size() - 1);
        if (next > addresses.length) {
            final int length = addresses.length * 2;
            addresses = Arrays.copyOf(addresses, length);
            macs = Arrays.copyOf(macs, length);
            routes = Arrays.copyOf(routes, length);
            nextHops = Arrays.copyOf(nextHops, length);
        }
        byAddress.value(byAddress.add(address.mappedHigh(), address.mappedLow()), 0, gateway);
        addresses[gateway] = address;
        macs[gateway] = NeighbourTable.NO_MAC;
        routes[gateway] = 0;
        nextHops[gateway] = NO_NEXT_HOP;
        return gateway;
    }

    /** One route less; without any, the gateway is to be removed at the next publication. */
    void release(final int gateway) {
        routes[gateway]--;
    }

    boolean isUsed(final int gateway) {
        return routes[gateway] > 0;
    }

    void remove(final int gateway) {
        final IpAddress address = addresses[gateway];
        byAddress.remove(byAddress.find(address.mappedHigh(), address.mappedLow()));
        macs[gateway] = NeighbourTable.NO_MAC;
        nextHops[gateway] = NO_NEXT_HOP;
        free.addInt(gateway);
    }

    IpAddress address(final int gateway) {
        return addresses[gateway];
    }

    /** The MAC that the rewrite block was made with, or {@link NeighbourTable#NO_MAC}. */
    long mac(final int gateway) {
        return macs[gateway];
    }

    int nextHop(final int gateway) {
        return nextHops[gateway];
    }

    void resolved(final int gateway, final long mac, final int nextHop) {
        macs[gateway] = mac;
        nextHops[gateway] = nextHop;
    }

    /** Next hop by gateway. */
    int[] nextHops() {
        return nextHops;
    }
}
