/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.registry.Registry;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The leases of all nodes, those included that etcd has lost with its data. flanneld notices the loss of its lease when it renews
 * it, up to a day later, and its node forwards all the while; a lost lease is kept as long as that, unless its node comes back with
 * another or its subnet gets another owner. Used by the registry's thread alone.
 */
final class LeaseMemory {
    private final Map<LeaseKey, Lease> known = new HashMap<>();
    private final Map<LeaseKey, Lease> lost = new HashMap<>();
    private long keptUntilNs;

    /** True when a lease is new, and there are as many as there may be. */
    boolean isFullFor(final Lease lease) {
        return known.size() >= Registry.LEASES_MAX && !known.containsKey(lease.key());
    }

    /** Takes over a lease that was written. */
    void put(final Lease lease) {
        known.put(lease.key(), lease);
        lost.remove(lease.key());
    }

    /** Takes over that a lease was deleted, or has expired in etcd. */
    void remove(final LeaseKey key) {
        known.remove(key);
        lost.remove(key);
    }

    /**
     * Takes over all leases that etcd has.
     *
     * @param listed what etcd has now.
     * @param isLoss true when it has lost its data since the last time.
     * @param nowNs by {@link System#nanoTime}.
     * @return these, and those that are kept though etcd has lost them.
     */
    List<Lease> replace(final Collection<Lease> listed, final boolean isLoss, final long nowNs) {
        if (isLoss) {
            lost.putAll(known);
            keptUntilNs = nowNs + TimeUnit.SECONDS.toNanos(EtcdRegistry.LEASE_TTL_S);
        } else if (keptUntilNs - nowNs <= 0) {
            lost.clear();
        }
        known.clear();
        final Set<List<@Nullable InetAddress>> present = new HashSet<>();
        for (final Lease lease : listed) {
            put(lease);
            present.add(node(lease));
        }
        lost.values().removeIf(lease -> present.contains(node(lease)));
        known.putAll(lost);
        return new ArrayList<>(known.values());
    }

    /** What a node is known by. */
    private static List<@Nullable InetAddress> node(final Lease lease) {
        return Arrays.asList(lease.attributes().publicIp(), lease.attributes().publicIpv6());
    }

    /** How many leases are kept though etcd has lost them. */
    int lostCount() {
        return lost.size();
    }
}
