/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import io.weft.address.IpPrefix;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.NavigableSet;
import java.util.Random;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Chooses a free subnet as flannel does (pkg/subnet/etcd/local_manager.go, allocateSubnet): at random among the first
 * hundred free ones, so that nodes which start together seldom want the same.
 */
public final class SubnetAllocator {
    private static final int CANDIDATES_MAX = 100;

    private final NetworkConfig config;
    private final Random random = new SecureRandom();

    /**
     * An allocator.
     *
     * @param config whose allocation tells which subnets there are.
     */
    public SubnetAllocator(final NetworkConfig config) {
        this.config = config;
    }

    /** True when a node of this cluster may have these subnets. */
    public boolean allows(final LeaseKey key) {
        return allows(config.allocation(), key.subnet()) && allows(config.ipv6Allocation(), key.ipv6Subnet());
    }

    private static boolean allows(
            final NetworkConfig.@Nullable Allocation allocation, final @Nullable IpPrefix subnet) {
        return null == allocation ? null == subnet : null != subnet && allocation.allows(subnet);
    }

    /**
     * Free subnets of the families that the network has.
     *
     * @param taken the leases of all nodes.
     * @throws RegistryException when there is none left.
     */
    public LeaseKey choose(final Collection<LeaseKey> taken) {
        return new LeaseKey(
                choose(config.allocation(), taken, LeaseKey::subnet),
                choose(config.ipv6Allocation(), taken, LeaseKey::ipv6Subnet));
    }

    private @Nullable IpPrefix choose(
            final NetworkConfig.@Nullable Allocation allocation,
            final Collection<LeaseKey> taken,
            final Function<LeaseKey, @Nullable IpPrefix> family) {
        if (null == allocation) {
            return null;
        }
        final NavigableSet<IpPrefix> used = widest(taken.stream().map(family));
        final List<IpPrefix> free = new ArrayList<>();
        IpPrefix candidate = allocation.first();
        while (free.size() < CANDIDATES_MAX && allocation.allows(candidate)) {
            if (!overlaps(used, candidate)) {
                free.add(candidate);
            }
            if (candidate.equals(allocation.last())) {
                break;
            }
            candidate = candidate.next();
        }
        if (free.isEmpty()) {
            throw new RegistryException("no subnet is left from " + allocation.first() + " to " + allocation.last()
                    + ": remove leases of nodes that are gone, or widen the network");
        }
        return free.get(random.nextInt(free.size()));
    }

    /** Those that lie in no other: of another SubnetLen before, or written by hand, some may. */
    private static NavigableSet<IpPrefix> widest(final Stream<@Nullable IpPrefix> subnets) {
        final NavigableSet<IpPrefix> widest = new TreeSet<>();
        subnets.flatMap(Stream::ofNullable)
                .sorted() // a wider one comes before what lies in it
                .filter(subnet -> widest.isEmpty() || !widest.last().contains(subnet))
                .forEach(widest::add);
        return widest;
    }

    /** What was taken does not overlap, so only the neighbours in its order can overlap a candidate. */
    private static boolean overlaps(final NavigableSet<IpPrefix> used, final IpPrefix candidate) {
        final IpPrefix below = used.floor(candidate);
        final IpPrefix above = used.ceiling(candidate);
        return (null != below && below.overlaps(candidate)) || (null != above && above.overlaps(candidate));
    }
}
