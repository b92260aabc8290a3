/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import io.weft.address.MacAddress;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.VtepData;
import io.weft.overlay.registry.NodeRequest;
import io.weft.overlay.registry.Registry;
import io.weft.overlay.registry.SubnetAllocator;
import io.weft.overlay.registry.UnavailableException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What a node that looks for its lease finds in etcd: the own one, those of others, and which subnets are taken. */
final class EtcdSurvey implements EtcdStore.Reader {
    private final NodeRequest request;
    private final SubnetAllocator allocator;
    private final EtcdLeaseReader leaseReader;
    private final List<Lease> others = new ArrayList<>();
    private final List<LeaseKey> taken = new ArrayList<>();
    private final List<EtcdStore.Entry> unfit = new ArrayList<>();
    private EtcdStore.@Nullable Entry ownEntry;
    private @Nullable Lease own;

    EtcdSurvey(final NodeRequest request, final SubnetAllocator allocator, final EtcdLeaseReader leaseReader) {
        this.request = request;
        this.allocator = allocator;
        this.leaseReader = leaseReader;
    }

    @Override
    public void entry(final EtcdStore.Entry entry) throws UnavailableException {
        final Lease lease = leaseReader.lease(entry);
        if (null == lease) {
            take(EtcdLeaseReader.takenBy(entry.name()));
        } else if (!request.owns(lease)) {
            other(lease);
        } else if (!allocator.allows(lease.key())) {
            unfit.add(entry);
        } else if (null == own || request.prefers(lease)) {
            if (null != own) {
                other(own);
            }
            ownEntry = entry;
            own = lease;
        } else {
            other(lease);
        }
    }

    @Override
    public void tooLong(final String name) {
        leaseReader.refuse(name, "its value is too long to be read");
        take(EtcdLeaseReader.takenBy(name));
    }

    private void other(final Lease lease) throws UnavailableException {
        take(lease.key());
        if (request.owns(lease)) {
            leaseReader.refuse(lease.key().toString(), EtcdOwnLease.RIVAL);
            return;
        }
        if (others.size() == Registry.LEASES_MAX) {
            throw new UnavailableException("etcd has more than " + Registry.LEASES_MAX
                    + " leases, for which this node has no memory: is --etcd-prefix that of the network?");
        }
        others.add(lease);
    }

    private void take(final @Nullable LeaseKey key) {
        if (null != key && taken.size() < 2 * Registry.LEASES_MAX) {
            taken.add(key);
        }
    }

    /** Leases that are this node's, and do not fit the network any more. */
    List<EtcdStore.Entry> unfit() {
        return unfit;
    }

    /** The entry of the own lease; null without one. */
    EtcdStore.@Nullable Entry ownEntry() {
        return ownEntry;
    }

    /** The own lease; null without one. */
    @Nullable
    Lease own() {
        return own;
    }

    /** The leases of all other nodes; the caller's from now on. */
    List<Lease> others() {
        return others;
    }

    /** The own lease's subnet, else the one that the node had, if it is free, else another free one. */
    LeaseKey key() {
        if (null != own) {
            return own.key();
        }
        final LeaseKey previous = request.previous();
        return null != previous && allocator.allows(previous) && taken.stream().noneMatch(previous::overlaps)
                ? previous
                : allocator.choose(taken);
    }

    /** VTEP addresses of other nodes; those of leases that this node itself has left behind are not among them. */
    Set<MacAddress> macs() {
        final Set<MacAddress> macs = new HashSet<>();
        for (final Lease lease : others) {
            if (!request.prefers(lease)) {
                for (final VtepData vtep : new @Nullable VtepData[] {
                    lease.attributes().vtep(), lease.attributes().vtepV6()
                }) {
                    if (null != vtep) {
                        macs.add(vtep.mac());
                    }
                }
            }
        }
        return macs;
    }
}
