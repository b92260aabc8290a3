/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import static java.lang.System.Logger.Level.ERROR;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.registry.NodeRequest;
import io.weft.overlay.registry.PutBack;
import io.weft.overlay.registry.RegistryStatus;
import io.weft.overlay.registry.Rival;
import io.weft.overlay.registry.SubnetAllocator;
import io.weft.overlay.registry.UnavailableException;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * This node's lease: taken, renewed, and taken again when it is lost. Every write is a transaction on what was read, so
 * that no two nodes ever have one subnet, whoever else writes; after one whose answer is lost, etcd is asked what it has. Used by
 * one thread at a time.
 */
final class EtcdOwnLease {
    /** What is wrong with another lease that names this node's address: what is sent there would come back here. */
    static final String RIVAL =
            "it has the PublicIP of this node: delete it, if it is an old one of this node; if another node has"
                    + " the address too, give one of the two another by --public-ip";

    private static final System.Logger LOG = System.getLogger(EtcdOwnLease.class.getName());
    /** Of nodes that start together, each loses at most once per other node; flannel tries ten times. */
    private static final int ATTEMPTS_MAX = 100;

    private final EtcdStore store;
    private final NodeRequest request;
    private final SubnetAllocator allocator;
    private final RegistryStatus status;
    private final long renewMarginNs;
    private final EtcdLeaseReader leaseReader;
    private final EtcdTerm term;
    private final PutBack putBack = new PutBack();
    private final Rival rival = new Rival();
    private @Nullable Lease lease;
    private @Nullable Snapshot snapshot;
    /** What this node's write has replaced, where that was not its own: whoever puts this back again is alive. */
    private @Nullable LeaseAttributes replaced;

    private boolean isPutBackDue;
    private boolean isYielding;

    /**
     * All leases when the own one was taken.
     *
     * @param leases the own one among them, as it was written.
     * @param revision of etcd before that.
     */
    record Snapshot(List<Lease> leases, long revision) {}

    /** @param renewMarginS seconds before its end that the lease is renewed. */
    EtcdOwnLease(
            final EtcdStore store,
            final NodeRequest request,
            final SubnetAllocator allocator,
            final RegistryStatus status,
            final long renewMarginS) {
        this.store = store;
        this.request = request;
        this.allocator = allocator;
        this.status = status;
        renewMarginNs = TimeUnit.SECONDS.toNanos(renewMarginS);
        leaseReader = new EtcdLeaseReader(status);
        term = new EtcdTerm(store);
    }

    /** The lease that was acquired. */
    Lease lease() {
        return Objects.requireNonNull(lease, "acquire() comes first");
    }

    /** True for the lease of another subnet that names this node's address. */
    boolean isRival(final Lease other) {
        return !other.key().equals(lease().key()) && request.owns(other);
    }

    EtcdLeaseReader leaseReader() {
        return leaseReader;
    }

    /** Takes the node's lease: its own by PublicIP, else its previous subnet, else a free one. */
    Lease acquire() throws UnavailableException, InterruptedException {
        try {
            for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
                final Lease taken = tryAcquire();
                if (null != taken) {
                    lease = taken;
                    return taken;
                }
            }
            throw new UnavailableException("other nodes were faster " + ATTEMPTS_MAX + " times to take a subnet");
        } catch (final UnavailableException | InterruptedException | RuntimeException failure) {
            term.giveBack();
            throw failure;
        }
    }

    private @Nullable Lease tryAcquire() throws UnavailableException, InterruptedException {
        leaseReader.beginList();
        final EtcdSurvey survey = new EtcdSurvey(request, allocator, leaseReader);
        final long revision = store.list(survey);
        for (final EtcdStore.Entry unfit : survey.unfit()) {
            LOG.log(
                    WARNING,
                    "the own lease {0} does not fit the network any more and is given up{1}",
                    unfit.name(),
                    LogFields.of("registry", "etcd", "lease", unfit.name()));
            store.delete(unfit);
        }
        final EtcdStore.Entry ownEntry = survey.ownEntry();
        if (null == ownEntry) {
            term.deleted();
        } else {
            term.found(ownEntry.leaseId());
        }
        final Lease known = survey.own();
        final LeaseKey key = survey.key();
        final LeaseAttributes wanted =
                request.attributes(null == known ? null : known.attributes(), null != key.ipv6Subnet(), survey.macs());
        final boolean isWritten = null == ownEntry
                ? put(key, wanted, 0, 0)
                : put(key, wanted, ownEntry.modRevision(), ownEntry.leaseId());
        if (!isWritten) {
            return null;
        }
        if (null != known && !known.attributes().equals(wanted)) {
            LOG.log(
                    INFO,
                    "the own lease was {0} in etcd, and is {1} now{2}",
                    known,
                    wanted.json(),
                    LogFields.of("registry", "etcd", "lease", key));
            replaced = known.attributes();
        }
        final Lease taken = new Lease(key, wanted);
        final List<Lease> leases = survey.others();
        leases.add(taken);
        snapshot = new Snapshot(leases, revision);
        return taken;
    }

    private boolean put(
            final LeaseKey key, final LeaseAttributes attributes, final long seenRevision, final long seenLeaseId)
            throws UnavailableException, InterruptedException {
        final long leaseId = term.take(seenLeaseId);
        boolean isWritten;
        try {
            isWritten = store.put(key, attributes, seenRevision, leaseId);
        } catch (final UnavailableException | JsonException lost) {
            if (!isInEtcd(key, attributes, leaseId)) {
                throw lost;
            }
            isWritten = true;
        } catch (final InterruptedException stop) {
            findOut(key, attributes, leaseId);
            throw stop;
        }
        if (isWritten) {
            term.used();
            tellEnd();
        }
        return isWritten;
    }

    private void tellEnd() {
        if (term.isReservation()) {
            status.ownStays();
        } else {
            status.ownEndsIn(term.remainingNs());
        }
    }

    /** This process is told to stop while it writes: whether the key has the etcd lease decides what becomes of that. */
    private void findOut(final LeaseKey key, final LeaseAttributes attributes, final long leaseId)
            throws InterruptedException {
        try {
            if (isInEtcd(key, attributes, leaseId)) {
                term.used();
            }
        } catch (final UnavailableException | JsonException unknown) {
            LOG.log(
                    WARNING,
                    "whether the own lease {0} was written is not known: {1}{2}",
                    key,
                    unknown.getMessage(),
                    LogFields.of("registry", "etcd", "lease", key));
        }
    }

    private boolean isInEtcd(final LeaseKey key, final LeaseAttributes attributes, final long leaseId)
            throws UnavailableException, InterruptedException {
        try {
            final EtcdStore.Entry present = store.get(key);
            return null != present
                    && present.leaseId() == leaseId
                    && attributes.json().equals(present.value());
        } catch (final UnavailableException | JsonException | InterruptedException failure) {
            term.uncertain();
            throw failure;
        }
    }

    /** Whether {@link #keep} has something to do though nothing has changed in etcd. */
    boolean isDue(final long nowNs) {
        return (isYielding ? !rival.isAlive(nowNs) : isPutBackDue || term.remainingNs() <= renewMarginNs)
                && putBack.isDue(nowNs);
    }

    /**
     * Writes the lease anew if it is not there as it should be, or is to be renewed.
     *
     * @param present this node's key as it is in etcd now; null when it is gone.
     * @return false when another node has the subnet now: this one has to take another.
     */
    boolean keep(final EtcdStore.@Nullable Entry present) throws InterruptedException {
        final Lease found = null == present ? null : leaseReader.lease(present);
        if (null != found && !request.owns(found.attributes())) {
            return false;
        }
        final boolean isRight = null != found && found.attributes().equals(lease().attributes());
        if (null != present) {
            findTerm(present);
        }
        final boolean isReplaced =
                null != found && !isRight && found.attributes().equals(replaced);
        isYielding = isReplaced && rival.isAlive(System.nanoTime());
        if (isRight && term.remainingNs() > renewMarginNs) {
            isPutBackDue = false;
            status.ownTrouble(null);
        } else if (null != found && isYielding) {
            yieldTo(found);
        } else {
            isPutBackDue = !putBack.isAllowed(System.nanoTime()) || !isPut(present, isRight, isReplaced);
        }
        return true;
    }

    /** An operator may make a reservation of a lease, or a lease of it, by writing the key without an etcd lease or with one. */
    private void findTerm(final EtcdStore.Entry present) {
        final boolean wasReservation = term.isReservation();
        term.found(present.leaseId());
        if (wasReservation != term.isReservation()) {
            LOG.log(
                    INFO,
                    wasReservation
                            ? "the own lease {0} is no reservation any more: it is renewed, and expires without its node{1}"
                            : "the own lease {0} is a reservation now: it stays, and is not renewed{1}",
                    present.name(),
                    LogFields.of("registry", "etcd", "lease", present.name()));
            tellEnd();
        }
    }

    /** Somebody has deleted the own key: {@link #keep} writes an ordinary lease. */
    void deleted() {
        term.deleted();
    }

    /** Two that write against each other would help neither: the one that was there first has the lease. */
    private void yieldTo(final Lease found) {
        isPutBackDue = false;
        final String cause =
                "the lease " + found + " is another node's, which is alive and has the PublicIP of this node:"
                        + " give one of the two another by --public-ip, or name the interface by --iface. Until then this"
                        + " node is not in the overlay";
        if (status.ownTrouble(cause)) {
            LOG.log(ERROR, cause);
        }
    }

    /** Writes the own lease; false when that has failed. */
    private boolean isPut(final EtcdStore.@Nullable Entry present, final boolean isRight, final boolean isReplaced)
            throws InterruptedException {
        final Lease own = lease();
        final String fields = LogFields.of("registry", "etcd", "lease", own.key());
        if (null == present) {
            LOG.log(WARNING, "the own lease {0} is gone from etcd and is put back{1}", own.key(), fields);
        } else if (isRight) {
            LOG.log(INFO, "the own lease {0} is renewed{1}", own.key(), fields);
        } else {
            LOG.log(
                    WARNING,
                    "somebody has written {0} into the own lease {1}, and it is put back: if that is another node, give"
                            + " one of the two another PublicIP{2}",
                    present.value(),
                    own.key(),
                    fields);
        }
        try {
            // Who was faster meanwhile is told by the next change.
            if (null == present) {
                put(own.key(), own.attributes(), 0, 0);
            } else if (!isRight || term.take(present.leaseId()) != present.leaseId()) {
                if (put(own.key(), own.attributes(), present.modRevision(), present.leaseId()) && isReplaced) {
                    rival.overcome(System.nanoTime());
                }
            } else {
                tellEnd();
            }
            status.ownTrouble(null);
            return true;
        } catch (final UnavailableException | JsonException failure) {
            final String cause = "the own lease " + own.key() + " cannot be written: " + failure.getMessage();
            if (status.ownTrouble(cause)) {
                LOG.log(WARNING, cause);
            }
            return false;
        } finally {
            term.giveBack();
        }
    }

    /** The own key as it is in etcd now; null when it is gone. */
    EtcdStore.@Nullable Entry read() throws UnavailableException, InterruptedException {
        return store.get(lease().key());
    }

    /** Whether etcd's history has it: one that is missing now was deleted since, or has expired, and not lost with etcd's data. */
    boolean isInHistory(final long revision) throws UnavailableException, InterruptedException {
        try {
            final EtcdStore.Entry then = store.get(lease().key(), revision);
            return null != then && lease().attributes().json().equals(then.value());
        } catch (final EtcdErrorException refused) {
            if (refused.isOfCluster()) {
                return false; // compacted, so that nobody knows
            }
            throw refused;
        }
    }

    /** What {@link #acquire} has read, for the first who asks. */
    Snapshot takeSnapshot() {
        final Snapshot taken = Objects.requireNonNull(snapshot, "acquire() comes first");
        snapshot = null;
        return taken;
    }
}
