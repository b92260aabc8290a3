/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.registry.Follower;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.Registry;
import io.weft.overlay.registry.RegistryStatus;
import io.weft.overlay.registry.UnavailableException;
import io.weft.overlay.registry.http.ChangeStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The leases in etcd, as they are followed; the same rhythm keeps the own lease. */
final class EtcdLeases implements Follower.Source {
    private static final System.Logger LOG = System.getLogger(EtcdLeases.class.getName());
    private static final int LOGGED_LENGTH_MAX = 200;
    /** etcd by itself sends a sign of life every ten minutes alone; to open a watch anew costs it little. */
    private static final long SILENCE_MAX_NS = TimeUnit.SECONDS.toNanos(20);

    private final EtcdStore store;
    private final EtcdOwnLease own;
    private final EtcdConfig config;
    private final EtcdLeaseReader leaseReader;
    private final LeaseListener listener;
    private final RegistryStatus status;
    private final LeaseMemory memory = new LeaseMemory();
    private boolean isFirst = true;
    private long lastRevision;
    private boolean isOwnDeleted;

    EtcdLeases(
            final EtcdStore store,
            final EtcdOwnLease own,
            final EtcdConfig config,
            final LeaseListener listener,
            final RegistryStatus status) {
        this.store = store;
        this.own = own;
        this.config = config;
        this.listener = listener;
        this.status = status;
        leaseReader = own.leaseReader();
    }

    @Override
    public void list() throws UnavailableException, InterruptedException {
        if (isFirst) {
            // All were read when the own lease was taken; whatever has changed since comes as a change.
            isFirst = false;
            final EtcdOwnLease.Snapshot snapshot = own.takeSnapshot();
            listener.onSnapshot(memory.replace(snapshot.leases(), false, System.nanoTime()));
            reached(snapshot.revision());
            return;
        }
        leaseReader.beginList();
        final Listing listing = new Listing();
        final long revision = store.list(listing);
        final boolean isOwnMissing = null == listing.ownEntry && !isOwnDeleted;
        // etcd was wiped or restored from a copy; by the own lease that is seen also when it has come further than
        // before, unless that one was deleted by hand, or has expired while this node was cut off.
        final boolean isLoss = revision < lastRevision || (isOwnMissing && !own.isInHistory(lastRevision));
        if (isOwnMissing && !isLoss) {
            own.deleted();
        }
        listener.onSnapshot(memory.replace(listing.leases, isLoss, System.nanoTime()));
        if (isLoss) {
            LOG.log(
                    WARNING,
                    "etcd has lost data: {0} leases that it lacks are kept for a day, until their nodes come back{1}",
                    String.valueOf(memory.lostCount()),
                    LogFields.of("registry", "etcd", "leases", memory.lostCount()));
        }
        reached(revision);
        isOwnDeleted = null == listing.ownEntry && !isLoss; // until it is there again, which may be refused for long
        keep(listing.ownEntry);
    }

    private void reached(final long revision) {
        lastRevision = revision;
        status.revision(Long.toString(revision));
    }

    /** All leases as they are read. */
    private final class Listing implements EtcdStore.Reader {
        private final List<Lease> leases = new ArrayList<>();
        private EtcdStore.@Nullable Entry ownEntry;

        @Override
        public void entry(final EtcdStore.Entry entry) throws UnavailableException {
            final Lease lease = leaseReader.lease(entry);
            if (isOwn(entry)) {
                ownEntry = entry;
            }
            if (null == lease || isRefused(lease)) {
                return;
            }
            if (leases.size() == Registry.LEASES_MAX) {
                throw new UnavailableException(
                        "etcd has more than " + Registry.LEASES_MAX + " leases, for which this node has no memory");
            }
            leases.add(lease);
        }

        @Override
        public void tooLong(final String name) {
            leaseReader.refuse(name, "its value is too long to be read");
        }
    }

    private boolean isRefused(final Lease lease) {
        if (!own.isRival(lease)) {
            return false;
        }
        leaseReader.refuse(lease.key().toString(), EtcdOwnLease.RIVAL);
        return true;
    }

    private boolean isOwn(final EtcdStore.Entry entry) {
        return entry.name().equals(own.lease().key().toString());
    }

    private void keep(final EtcdStore.@Nullable Entry present) throws InterruptedException {
        if (!own.keep(present)) {
            listener.onRestartNeeded(
                    "another node has the subnet " + own.lease().key() + " in etcd now");
        }
    }

    @Override
    public void tick() throws InterruptedException {
        final long nowNs = System.nanoTime();
        config.look(nowNs);
        if (own.isDue(nowNs)) {
            try {
                keep(own.read());
            } catch (final UnavailableException | JsonException failure) {
                LOG.log(DEBUG, "read the own lease: {0}", failure.getMessage());
            }
        }
    }

    @Override
    public long silenceMaxNs() {
        return SILENCE_MAX_NS;
    }

    /** An etcd that has lost its data waits in silence for the revision that is asked for. */
    @Override
    public boolean resumes() {
        return false;
    }

    @Override
    public ChangeStream changes() throws UnavailableException, InterruptedException {
        return store.watch(lastRevision + 1);
    }

    @Override
    public boolean take(final byte[] line) throws UnavailableException, InterruptedException {
        final JsonValue message = JsonReader.read(line, "etcd's watch");
        final JsonValue result = message.member("result");
        if (null == result || null != result.member("canceled")) {
            LOG.log(
                    INFO,
                    "etcd ended the watch ({0}); all leases are compared anew{1}",
                    shortened(line),
                    LogFields.of("registry", "etcd"));
            return false;
        }
        if (EtcdClient.number(result.required("header").member("revision")) < lastRevision) {
            LOG.log(WARNING, "etcd is at an earlier revision than before; all leases are compared anew");
            return false;
        }
        final JsonValue events = result.member("events");
        if (null != events) {
            for (final JsonValue event : events.elements()) {
                take(event);
            }
        }
        return true;
    }

    private static String shortened(final byte[] line) {
        return new String(line, 0, Math.min(LOGGED_LENGTH_MAX, line.length), StandardCharsets.UTF_8);
    }

    private void take(final JsonValue event) throws InterruptedException {
        final EtcdStore.Entry entry = store.entry(event.required("kv"));
        final JsonValue type = event.member("type"); // the gateway leaves out PUT, which is 0
        final boolean isDelete = null != type && "DELETE".equals(type.string());
        status.event();
        reached(Math.max(lastRevision, entry.modRevision()));
        if (isOwn(entry)) {
            isOwnDeleted = isDelete;
            if (isDelete) {
                own.deleted();
            }
            keep(isDelete ? null : entry);
            return;
        }
        final Lease lease = isDelete ? null : leaseReader.lease(entry);
        if (null == lease || isRefused(lease)) {
            remove(entry.name(), isDelete);
        } else if (memory.isFullFor(lease)) {
            leaseReader.refuse(
                    entry.name(), "there are " + Registry.LEASES_MAX + " others, for more there is no memory");
        } else {
            leaseReader.forget(entry.name());
            memory.put(lease);
            listener.onPut(lease);
        }
    }

    private void remove(final String name, final boolean isDelete) {
        if (isDelete) {
            leaseReader.forget(name);
        }
        final LeaseKey key = EtcdLeaseReader.keyOf(name);
        if (null != key) {
            memory.remove(key);
            listener.onRemove(key);
        }
    }
}
