/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.address.IpPrefix;
import java.util.function.ObjIntConsumer;
import org.agrona.collections.IntHashSet;
import org.agrona.collections.LongArrayList;
import org.jspecify.annotations.Nullable;

/** The routes of one family: as they are to be, as they are published, and the changes between. Control thread only. */
final class RouteTable {
    private static final int CHANGE_LONGS = 3;

    /** One change costs about as much as this many routes in building anew. */
    private static final int CHANGE_COST = 8;

    private final IpFamily family;
    private final RouteTrie routes;
    private final BlockPool pool;
    private final LookupTable lookupTable;
    private final LongArrayList changes = new LongArrayList();
    private long changesSinceBuild;

    RouteTable(final IpFamily family, final BlockPool pool, final Reclaimer reclaimer) {
        this.family = family;
        this.pool = pool;
        routes = new RouteTrie(family);
        lookupTable = new LookupTable(routes, pool, reclaimer);
    }

    LookupTable lookupTable() {
        return lookupTable;
    }

    int size() {
        return routes.size();
    }

    long memoryLength() {
        return routes.memoryLength() + pool.touchedLength();
    }

    void markPublished() {
        pool.markPublished();
    }

    void close() {
        routes.close();
        pool.close();
    }

    /** The gateway of exactly this prefix, or {@link RouteTrie#NO_VALUE}. */
    int get(final IpPrefix prefix) {
        return routes.get(prefix.base().high(), prefix.base().low(), prefix.length());
    }

    /** Sets the gateway of a prefix; returns the one it had, or {@link RouteTrie#NO_VALUE}. */
    int put(final IpPrefix prefix, final int gateway) {
        addChange(prefix.base().high(), prefix.base().low(), prefix.length());
        return routes.put(prefix.base().high(), prefix.base().low(), prefix.length(), gateway);
    }

    /** Removes a prefix; returns the gateway it had, or {@link RouteTrie#NO_VALUE} if it was not there. */
    int remove(final IpPrefix prefix) {
        final int previous = routes.remove(prefix.base().high(), prefix.base().low(), prefix.length());
        if (RouteTrie.NO_VALUE != previous) {
            addChange(prefix.base().high(), prefix.base().low(), prefix.length());
        }
        return previous;
    }

    /** Calls with each prefix and the number of its gateway; a prefix comes before those that it contains. */
    void each(final ObjIntConsumer<IpPrefix> consumer) {
        each(consumer, routes.root());
    }

    private void each(final ObjIntConsumer<IpPrefix> consumer, final int node) {
        if (RouteTrie.NONE == node) {
            return;
        }
        if (RouteTrie.NO_VALUE != routes.value(node)) {
            final IpAddress base = new IpAddress(family, routes.high(node), routes.low(node));
            consumer.accept(IpPrefix.containing(base, routes.length(node)), routes.value(node));
        }
        each(consumer, routes.left(node));
        each(consumer, routes.right(node));
    }

    @Nullable
    IpPrefix longest(final IpAddress address) {
        final int length = routes.longestMatch(address.high(), address.low());
        return length < 0 ? null : IpPrefix.containing(address, length);
    }

    private void addChange(final long high, final long low, final int length) {
        changes.addLong(high);
        changes.addLong(low);
        changes.addLong(length);
    }

    /**
     * Brings the lookup table up to the routes.
     *
     * @param moved gateways that had a next hop and have another one now.
     */
    void apply(final Gateways gateways, final IntHashSet moved) {
        lookupTable.nextHops(gateways.nextHops());
        if (!moved.isEmpty()) {
            addRoutesBy(moved, routes.root());
        }
        final int count = changes.size() / CHANGE_LONGS;
        if (0 == count) {
            return;
        }
        changesSinceBuild += count;
        if (isBuildDue(count)) {
            lookupTable.rebuild();
            changesSinceBuild = 0;
        } else {
            lookupTable.copyRoot();
            for (int i = 0; i < changes.size(); i += CHANGE_LONGS) {
                lookupTable.change(changes.getLong(i), changes.getLong(i + 1), (int) changes.getLong(i + 2));
            }
        }
        changes.clear();
        changes.trimToSize();
    }

    private boolean isBuildDue(final int count) {
        final boolean many = count > 1 && (long) count * CHANGE_COST > routes.size();
        // Worth it only now and then, so that routes that come one by one do not each build everything.
        final boolean tighter = lookupTable.isLoose() && changesSinceBuild * CHANGE_COST > routes.size();
        return many || tighter || lookupTable.isOutgrown() || pool.isSparse();
    }

    private void addRoutesBy(final IntHashSet moved, final int node) {
        if (RouteTrie.NONE == node) {
            return;
        }
        if (RouteTrie.NO_VALUE != routes.value(node) && moved.contains(routes.value(node))) {
            addChange(routes.high(node), routes.low(node), routes.length(node));
        }
        addRoutesBy(moved, routes.left(node));
        addRoutesBy(moved, routes.right(node));
    }
}
