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
    private long expiryNs;

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
    Lease acquire() throws EtcdException, InterruptedException {
        for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
            final Lease taken = tryAcquire();
            if (null != taken) {
                lease = taken;
                return taken;
            }
        }
        throw new EtcdException("other nodes were faster " + ATTEMPTS_MAX + " times to take a subnet");
    }

    private @Nullable Lease tryAcquire() throws EtcdException, InterruptedException {
        final List<LeaseKey> taken = new ArrayList<>();
        for (final EtcdStore.Entry entry : store.list().entries()) {
            final Lease other = lease(entry);
            if (null != other && request.owns(other.attributes())) {
                if (allocator.allows(other.key())) {
                    return write(other.key(), other.attributes(), entry.modRevision());
                }
                LOG.log(WARNING, "the own lease {0} does not fit the network any more and is given up", other.key());
                store.delete(entry);
            } else {
                final LeaseKey key = null == other ? keyOf(entry.name()) : other.key();
                if (null != key) {
                    taken.add(key);
                }
            }
        }
        final LeaseKey previous = request.previous();
        final boolean isPreviousFree =
                null != previous && allocator.allows(previous) && taken.stream().noneMatch(previous::overlaps);
        return write(isPreviousFree ? Objects.requireNonNull(previous) : allocator.choose(taken), null, 0);
    }

    private @Nullable Lease write(final LeaseKey key, final @Nullable LeaseAttributes known, final long seenRevision)
            throws EtcdException, InterruptedException {
        final LeaseAttributes attributes = request.attributes(known, null != key.ipv6Subnet());
        return put(key, attributes, seenRevision) ? new Lease(key, attributes) : null;
    }

    private boolean put(final LeaseKey key, final LeaseAttributes attributes, final long seenRevision)
            throws EtcdException, InterruptedException {
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
            throws EtcdException, InterruptedException {
        final Lease own = lease();
        if (null == present) {
            LOG.log(WARNING, "the own lease {0} is gone from etcd and is put back", own.key());
            return put(own.key(), own.attributes(), 0);
        }
        final Lease found = lease(present);
        if (null != found && !request.owns(found.attributes())) {
            return false;
        }
        if (isDue || null == found || !found.attributes().equals(own.attributes())) {
            LOG.log(INFO, "the own lease {0} is renewed", own.key());
            return put(own.key(), own.attributes(), present.modRevision());
        }
        return true;
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
