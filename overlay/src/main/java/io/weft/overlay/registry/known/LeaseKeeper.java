/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.known;

import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lifecycle.TakeDown;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.NodeRequest;
import io.weft.overlay.registry.PublicAddresses;
import io.weft.overlay.registry.RegistryStatus;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Hears of leases in front of another listener and has them kept in a file, on a thread of its own, for a disk may be slow: soon
 * after a change, not more often than every few seconds, and now and then without a change, so that the file's age tells how long
 * the registry was away.
 */
final class LeaseKeeper implements LeaseListener, AutoCloseable {
    private static final long PAUSE_NS = TimeUnit.SECONDS.toNanos(5);
    private static final long CONFIRM_NS = TimeUnit.MINUTES.toNanos(10);
    private static final long TICK_MS = 1_000;
    private static final long CLOSE_MS = 1_000;

    private final KnownLeasesFile file;
    private final LeaseListener listener;
    private final RegistryStatus status;
    private final NetworkConfig config;
    private final NodeRequest request;
    private final PublicAddresses written;
    private final Lease own;
    private final Thread thread = new Thread(this::run, "weft-known-leases");
    private final CountDownLatch closed = new CountDownLatch(1);
    private volatile boolean isForgotten;
    // Guarded by this.
    private final Map<LeaseKey, Lease> leases = new HashMap<>();
    private boolean isListed;
    private boolean isChanged;

    LeaseKeeper(
            final KnownLeasesFile file,
            final LeaseListener listener,
            final RegistryStatus status,
            final NetworkConfig config,
            final NodeRequest request,
            final PublicAddresses written,
            final Lease own) {
        this.file = file;
        this.listener = listener;
        this.status = status;
        this.config = config;
        this.request = request;
        this.written = written;
        this.own = own;
    }

    LeaseKeeper start() {
        thread.setDaemon(true);
        thread.start();
        return this;
    }

    @Override
    public void onSnapshot(final List<Lease> snapshot) {
        synchronized (this) {
            leases.clear();
            snapshot.forEach(lease -> leases.put(lease.key(), lease));
            isListed = true;
            changed();
        }
        listener.onSnapshot(snapshot);
    }

    @Override
    public void onPut(final Lease lease) {
        synchronized (this) {
            leases.put(lease.key(), lease);
            changed();
        }
        listener.onPut(lease);
    }

    @Override
    public void onRemove(final LeaseKey key) {
        synchronized (this) {
            leases.remove(key);
            changed();
        }
        listener.onRemove(key);
    }

    private synchronized void changed() {
        isChanged = true;
    }

    /** What was known is wrong: the next node is not to begin with it. */
    @Override
    public void onRestartNeeded(final String why) {
        isForgotten = true;
        closed.countDown();
        listener.onRestartNeeded(why);
    }

    private void run() {
        long writtenNs = System.nanoTime() - PAUSE_NS; // so that the first comes soon
        while (isOpen()) {
            final long quietNs = System.nanoTime() - writtenNs;
            if (quietNs >= PAUSE_NS && writeIf(quietNs >= CONFIRM_NS && !status.isLost())) {
                writtenNs = System.nanoTime();
            }
        }
        if (isForgotten) {
            file.delete();
        } else {
            writeIf(false);
        }
    }

    private boolean isOpen() {
        try {
            return !closed.await(TICK_MS, TimeUnit.MILLISECONDS);
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Writes what has changed; true when it was tried. */
    private boolean writeIf(final boolean isConfirmationDue) {
        final KnownLeases due;
        synchronized (this) {
            if (!isListed || !(isChanged || isConfirmationDue)) {
                return false;
            }
            isChanged = false;
            due = known();
        }
        if (!file.write(due)) {
            changed(); // to be tried again
        }
        return true;
    }

    private KnownLeases known() {
        return new KnownLeases(
                file.daemon(),
                status.revision(),
                System.currentTimeMillis() - TimeUnit.NANOSECONDS.toMillis(status.lagNs()),
                status.ownUntilMs(),
                config,
                request.publicIp(),
                request.publicIpv6(),
                written,
                own,
                List.copyOf(leases.values()));
    }

    /** Has what is not written yet written, and ends. A disk that hangs is not waited for. */
    @Override
    public void close() {
        closed.countDown();
        TakeDown.await(thread, CLOSE_MS);
    }
}
