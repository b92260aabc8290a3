/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.RegistryStatus;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Follows the leases in etcd, on a thread of its own: a list, then the changes after it, then a list again. The stream of
 * changes is cut on purpose once a minute, so that whatever it may have lost (a compaction, a connection that died without a
 * word) is healed by the next list, which tells all of every lease. The same rhythm keeps the own lease.
 */
final class EtcdFollower implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(EtcdFollower.class.getName());
    private static final long RELIST_MS = 60_000;
    private static final long BACKOFF_MIN_MS = 100;
    private static final long BACKOFF_MAX_MS = 5_000;

    private final EtcdStore store;
    private final EtcdOwnLease own;
    private final LeaseListener listener;
    private final RegistryStatus status;
    private final long renewMarginS;
    private final CountDownLatch closed = new CountDownLatch(1);
    private final Timer timer = new Timer("weft-relist", true);
    private long lastRevision;
    private volatile @Nullable InputStream stream;

    EtcdFollower(
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

    void start() {
        final Thread thread = new Thread(this::run, "weft-registry");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() {
        closed.countDown();
        timer.cancel();
        cut();
    }

    private void run() {
        long backoffMs = BACKOFF_MIN_MS;
        try {
            while (0 != closed.getCount()) {
                try {
                    final long revision = list();
                    if (0 != status.failures() && backoffMs > BACKOFF_MIN_MS) {
                        LOG.log(INFO, "etcd is followed again");
                    }
                    backoffMs = BACKOFF_MIN_MS;
                    follow(revision + 1);
                } catch (final EtcdException | JsonException failure) {
                    if (status.failure(String.valueOf(failure.getMessage()))) {
                        LOG.log(WARNING, "{0}. Forwarding goes on with the leases as they are", failure.getMessage());
                    }
                    closed.await(backoffMs, TimeUnit.MILLISECONDS);
                    backoffMs = Math.min(2 * backoffMs, BACKOFF_MAX_MS);
                }
            }
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }

    private long list() throws EtcdException, InterruptedException {
        final EtcdStore.Listing listing = store.list();
        final List<Lease> leases = new ArrayList<>(listing.entries().size());
        EtcdStore.Entry ownEntry = null;
        for (final EtcdStore.Entry entry : listing.entries()) {
            if (isOwn(entry)) {
                ownEntry = entry;
            }
            final Lease lease = own.lease(entry);
            if (null != lease) {
                leases.add(lease);
            }
        }
        if (listing.revision() < lastRevision) {
            // etcd has lost its data or was restored from a copy. Peers put their leases back in a moment; until the
            // next
            // list, what was known of those that have not is the best there is.
            LOG.log(WARNING, "etcd has gone back in time; leases that it lacks are kept for a minute");
            leases.forEach(listener::onPut);
        } else {
            listener.onSnapshot(leases);
        }
        lastRevision = listing.revision();
        keep(ownEntry);
        status.contact();
        return listing.revision();
    }

    private boolean isOwn(final EtcdStore.Entry entry) {
        return entry.name().equals(own.lease().key().toString());
    }

    private void keep(final EtcdStore.@Nullable Entry present) throws EtcdException, InterruptedException {
        if (!own.keep(present, own.remainingS() <= renewMarginS)) {
            listener.onRestartNeeded(
                    "another node has the subnet " + own.lease().key() + " in etcd now");
        }
    }

    private void follow(final long startRevision) throws EtcdException, InterruptedException {
        final TimerTask relist = new TimerTask() {
            @Override
            public void run() {
                cut();
            }
        };
        try (InputStream opened = store.watch(startRevision);
                BufferedReader lines = new BufferedReader(new InputStreamReader(opened, StandardCharsets.UTF_8))) {
            stream = opened;
            if (0 != closed.getCount()) {
                timer.schedule(relist, RELIST_MS);
            }
            String line = lines.readLine();
            while (null != line && take(line)) {
                line = lines.readLine();
            }
        } catch (final IOException cutOrLost) {
            // Either way the next list tells what was missed; when etcd is gone, it is the list that says so.
            LOG.log(System.Logger.Level.DEBUG, "the watch of etcd ended: {0}", cutOrLost.getMessage());
        } catch (final IllegalStateException timerCancelled) {
            LOG.log(System.Logger.Level.DEBUG, "closed while a watch began");
        } finally {
            relist.cancel();
            stream = null;
        }
    }

    private void cut() {
        final InputStream open = stream;
        if (null != open) {
            try {
                open.close();
            } catch (final IOException failure) {
                LOG.log(WARNING, "cut the watch of etcd: {0}", failure.getMessage());
            }
        }
    }

    /** Takes over one message; false when the stream is of no more use. */
    private boolean take(final String line) throws EtcdException, InterruptedException {
        final JsonValue message = JsonReader.read(line.getBytes(StandardCharsets.UTF_8), "etcd's watch");
        final JsonValue result = message.member("result");
        if (null == result || null != result.member("canceled")) {
            LOG.log(INFO, "etcd ended the watch ({0}); all leases are compared anew", shortened(line));
            return false;
        }
        status.contact();
        final JsonValue events = result.member("events");
        if (null != events) {
            for (final JsonValue event : events.elements()) {
                take(event);
            }
        }
        return true;
    }

    private static String shortened(final String line) {
        return line.substring(0, Math.min(200, line.length()));
    }

    private void take(final JsonValue event) throws EtcdException, InterruptedException {
        final EtcdStore.Entry entry = store.entry(event.required("kv"));
        final JsonValue type = event.member("type"); // the gateway leaves out PUT, which is 0
        final boolean isDelete = null != type && "DELETE".equals(type.string());
        status.event();
        if (isOwn(entry)) {
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
            listener.onPut(lease);
        }
    }

    private void remove(final String name) {
        final LeaseKey key = EtcdOwnLease.keyOf(name);
        if (null != key) {
            listener.onRemove(key);
        }
    }
}
