/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.registry.NodeRequest;
import io.weft.overlay.registry.RegistryStatus;
import io.weft.overlay.registry.SubnetAllocator;
import io.weft.overlay.registry.UnavailableException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * This node's lease: taken, renewed, and taken again when it is lost. Every write is a transaction on what was read, so
 * that no two nodes ever have one subnet, whoever else writes. Used by one thread at a time.
 */
final class EtcdOwnLease {
    private static final System.Logger LOG = System.getLogger(EtcdOwnLease.class.getName());
    /** Of nodes that start together, each loses at most once per other node; flannel tries ten times. */
    private static final int ATTEMPTS_MAX = 100;

    private final EtcdStore store;
    private final NodeRequest request;
    private final SubnetAllocator allocator;
    private final RegistryStatus status;
    /** Faults that the log has heard of, by key. */
    private final Map<String, String> faults = new HashMap<>();

    private @Nullable Lease lease;
    private @Nullable Snapshot snapshot;
    private long expiryNs;

    /**
     * All leases when the own one was taken.
     *
     * @param leases the own one among them, as it was written.
     * @param revision of etcd before that.
     */
    record Snapshot(List<Lease> leases, long revision) {}

    EtcdOwnLease(
            final EtcdStore store,
            final NodeRequest request,
            final SubnetAllocator allocator,
            final RegistryStatus status) {
        this.store = store;
        this.request = request;
        this.allocator = allocator;
        this.status = status;
    }

    /** The lease that was acquired. */
    Lease lease() {
        return Objects.requireNonNull(lease, "acquire() comes first");
    }

    /** Seconds until etcd lets it expire, as of its last renewal. */
    long remainingS() {
        return Math.max(0, (expiryNs - System.nanoTime()) / 1_000_000_000L);
    }

    /** Takes the node's lease: its own by PublicIP, else its previous subnet, else a free one. */
    Lease acquire() throws UnavailableException, InterruptedException {
        for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
            final Lease taken = tryAcquire();
            if (null != taken) {
                lease = taken;
                return taken;
            }
        }
        throw new UnavailableException("other nodes were faster " + ATTEMPTS_MAX + " times to take a subnet");
    }

    private @Nullable Lease tryAcquire() throws UnavailableException, InterruptedException {
        final EtcdStore.Listing listing = store.list();
        final List<Lease> others = new ArrayList<>(listing.entries().size());
        final List<LeaseKey> taken = new ArrayList<>(listing.entries().size());
        EtcdStore.Entry ownEntry = null;
        Lease known = null;
        for (final EtcdStore.Entry entry : listing.entries()) {
            final Lease lease = lease(entry);
            final LeaseKey key = null == lease ? keyOf(entry.name()) : lease.key();
            if (null != lease && request.owns(lease) && !allocator.allows(lease.key())) {
                LOG.log(WARNING, "the own lease {0} does not fit the network any more and is given up", lease.key());
                store.delete(entry);
            } else if (null != lease && request.owns(lease) && (null == known || request.prefers(lease))) {
                ownEntry = entry;
                known = lease;
            } else if (null != key) {
                taken.add(key);
                if (null != lease) {
                    others.add(lease);
                }
            }
        }
        final Lease written = null == ownEntry || null == known
                ? write(free(taken), null, 0)
                : write(known.key(), known.attributes(), ownEntry.modRevision());
        if (null != written) {
            others.add(written);
            snapshot = new Snapshot(others, listing.revision());
        }
        return written;
    }

    private LeaseKey free(final List<LeaseKey> taken) {
        final LeaseKey previous = request.previous();
        return null != previous && allocator.allows(previous) && taken.stream().noneMatch(previous::overlaps)
                ? previous
                : allocator.choose(taken);
    }

    private @Nullable Lease write(final LeaseKey key, final @Nullable LeaseAttributes known, final long seenRevision)
            throws UnavailableException, InterruptedException {
        final LeaseAttributes attributes = request.attributes(known, null != key.ipv6Subnet());
        return put(key, attributes, seenRevision) ? new Lease(key, attributes) : null;
    }

    private boolean put(final LeaseKey key, final LeaseAttributes attributes, final long seenRevision)
            throws UnavailableException, InterruptedException {
        final long leaseId = store.grant(EtcdRegistry.LEASE_TTL_S);
        final long nowNs = System.nanoTime();
        if (!store.put(key, attributes, seenRevision, leaseId)) {
            store.revoke(leaseId);
            return false;
        }
        expiryNs = nowNs + EtcdRegistry.LEASE_TTL_S * 1_000_000_000L;
        return true;
    }

    /**
     * Writes the lease anew if it is not there as it should be, or is to be renewed.
     *
     * @param present this node's key as it is in etcd now; null when it is gone.
     * @param isDue it is time to renew.
     * @return false when another node has the subnet now: this one has to take another.
     */
    boolean keep(final EtcdStore.@Nullable Entry present, final boolean isDue)
            throws UnavailableException, InterruptedException {
        final Lease own = lease();
        if (null == present) {
            LOG.log(WARNING, "the own lease {0} is gone from etcd and is put back", own.key());
            return put(own.key(), own.attributes(), 0);
        }
        final Lease found = lease(present);
        if (null != found && !request.owns(found)) {
            return false;
        }
        if (isDue || null == found || !found.attributes().equals(own.attributes())) {
            LOG.log(INFO, "the own lease {0} is renewed", own.key());
            return put(own.key(), own.attributes(), present.modRevision());
        }
        return true;
    }

    /** What {@link #acquire} has read, for the first who asks. */
    Snapshot takeSnapshot() {
        final Snapshot taken = Objects.requireNonNull(snapshot, "acquire() comes first");
        snapshot = null;
        return taken;
    }

    /** The leases of all entries that hold one. */
    List<Lease> leases(final EtcdStore.Listing listing) {
        return listing.entries().stream()
                .map(this::lease)
                .filter(Objects::nonNull)
                .toList();
    }

    /** The lease that an entry holds; null, and said once, when it is none. */
    @Nullable
    Lease lease(final EtcdStore.Entry entry) {
        try {
            final Lease read = new Lease(
                    LeaseKey.parse(entry.name()),
                    LeaseAttributes.read(
                            JsonReader.read(
                                    entry.value().getBytes(StandardCharsets.UTF_8), "etcd lease " + entry.name()),
                            false));
            faults.remove(entry.name());
            return read;
        } catch (final JsonException | IllegalArgumentException failure) {
            final String fault = String.valueOf(failure.getMessage());
            if (!fault.equals(faults.put(entry.name(), fault))) {
                status.refusal();
                LOG.log(WARNING, "an etcd lease is ignored: {0}", fault);
            }
            return null;
        }
    }

    /** The subnet that a key names, whatever its value; null for a key that names none. */
    static @Nullable LeaseKey keyOf(final String name) {
        try {
            return LeaseKey.parse(name);
        } catch (final IllegalArgumentException namesNoSubnet) {
            return null;
        }
    }
}
