/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import io.weft.address.IpAddress;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The underlay addresses that packets are sent to, and which of them have come or gone lately. Control thread only. */
final class PeerSet {
    /** How many next hops each has. */
    private final FlatTable nextHops = new FlatTable(1);

    private final Set<IpAddress> touched = new HashSet<>();

    int size() {
        return nextHops.size();
    }

    long memoryLength() {
        return nextHops.memoryLength();
    }

    /** One next hop more, if it is resolved. */
    void add(final @Nullable IpAddress peer) {
        if (null != peer) {
            final int found = nextHops.find(peer.mappedHigh(), peer.mappedLow());
            final int row = FlatTable.ABSENT == found ? nextHops.add(peer.mappedHigh(), peer.mappedLow()) : found;
            nextHops.value(row, 0, nextHops.value(row, 0) + 1);
            touched.add(peer);
        }
    }

    /** One less. */
    void remove(final @Nullable IpAddress peer) {
        if (null != peer) {
            final int row = nextHops.find(peer.mappedHigh(), peer.mappedLow());
            nextHops.value(row, 0, nextHops.value(row, 0) - 1);
            if (0 == nextHops.value(row, 0)) {
                nextHops.remove(row);
            }
            touched.add(peer);
        }
    }

    /** Calls with each that may have come or gone since the last call, and whether it is there. */
    void takeChanges(final RoutingTables.PeerConsumer consumer) {
        for (final IpAddress peer : touched) {
            consumer.accept(peer, FlatTable.ABSENT != nextHops.find(peer.mappedHigh(), peer.mappedLow()));
        }
        touched.clear();
    }
}
