/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.registry.Follower;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.RegistryStatus;
import io.weft.overlay.registry.UnavailableException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The leases in etcd, as they are followed; the same rhythm keeps the own lease. */
final class EtcdLeases implements Follower.Source {
    private static final System.Logger LOG = System.getLogger(EtcdLeases.class.getName());
    private static final int LOGGED_LENGTH_MAX = 200;

    private final EtcdStore store;
    private final EtcdOwnLease own;
    private final LeaseListener listener;
    private final RegistryStatus status;
    private final long renewMarginS;
    private final LeaseMemory memory = new LeaseMemory();
    private boolean isFirst = true;
    private long lastRevision;
    private boolean isOwnDeleted;

    /**
     * @param renewMarginS seconds before its end that the own lease is renewed.
     */
    EtcdLeases(
            final EtcdStore store,
            final EtcdOwnLease own,
            final LeaseListener listener,
            final RegistryStatus status,
            final long renewMarginS) {
        this.store = store;
        this.own = own;
        this.listener = listener;
        this.status = status;
        this.renewMarginS = renewMarginS;
    }

    @Override
    public String list() throws UnavailableException, InterruptedException {
        if (isFirst) {
            // All were read when the own lease was taken; whatever has changed since comes as a change.
            isFirst = false;
            final EtcdOwnLease.Snapshot snapshot = own.takeSnapshot();
            listener.onSnapshot(memory.replace(snapshot.leases(), false, System.nanoTime()));
            lastRevision = snapshot.revision();
            return String.valueOf(lastRevision);
        }
        final EtcdStore.Listing listing = store.list();
        final List<Lease> leases = own.leases(listing);
        final EtcdStore.Entry ownEntry =
                listing.entries().stream().filter(this::isOwn).findFirst().orElse(null);
        // etcd was wiped or restored from a copy; by the own lease that is seen also when it has come further than
        // before, unless that one was deleted by hand.
        final boolean isLoss = listing.revision() < lastRevision || (null == ownEntry && !isOwnDeleted);
        listener.onSnapshot(memory.replace(leases, isLoss, System.nanoTime()));
        if (isLoss) {
            LOG.log(
                    WARNING,
                    "etcd has lost data: {0} leases that it lacks are kept for a day, until their nodes come back",
                    String.valueOf(memory.lostCount()));
        }
        lastRevision = listing.revision();
        keep(ownEntry);
        isOwnDeleted = false;
        return String.valueOf(lastRevision);
    }

    private boolean isOwn(final EtcdStore.Entry entry) {
        return entry.name().equals(own.lease().key().toString());
    }

    private void keep(final EtcdStore.@Nullable Entry present) throws UnavailableException, InterruptedException {
        if (!own.keep(present, own.remainingS() <= renewMarginS)) {
            listener.onRestartNeeded(
                    "another node has the subnet " + own.lease().key() + " in etcd now");
        }
    }

    @Override
    public InputStream changes(final String version) throws UnavailableException, InterruptedException {
        return store.watch(Long.parseLong(version) + 1);
    }

    @Override
    public boolean take(final byte[] line) throws UnavailableException, InterruptedException {
        final JsonValue message = JsonReader.read(line, "etcd's watch");
        final JsonValue result = message.member("result");
        if (null == result || null != result.member("canceled")) {
            LOG.log(INFO, "etcd ended the watch ({0}); all leases are compared anew", shortened(line));
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

    private void take(final JsonValue event) throws UnavailableException, InterruptedException {
        final EtcdStore.Entry entry = store.entry(event.required("kv"));
        final JsonValue type = event.member("type"); // the gateway leaves out PUT, which is 0
        final boolean isDelete = null != type && "DELETE".equals(type.string());
        status.event();
        if (isOwn(entry)) {
            isOwnDeleted = isDelete;
            keep(isDelete ? null : entry);
            return;
        }
        if (isDelete) {
            remove(entry.name());
            return;
        }
        final Lease lease = own.lease(entry);
        if (null == lease) {
            remove(entry.name());
        } else {
            memory.put(lease);
            listener.onPut(lease);
        }
    }

    private void remove(final String name) {
        final LeaseKey key = EtcdOwnLease.keyOf(name);
        if (null != key) {
            memory.remove(key);
            listener.onRemove(key);
        }
    }
}
