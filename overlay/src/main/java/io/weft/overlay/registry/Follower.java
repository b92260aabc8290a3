/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.ERROR;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.json.JsonException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Follows the leases of a registry that is reached over the network, on a thread of its own: a list, then the changes after it,
 * then a list again. The stream of changes is cut on purpose once a minute, so that whatever it may have lost (a compaction, a
 * connection that died without a word) is healed by the next list, which tells all of every lease.
 */
public final class Follower implements AutoCloseable {
    /** How long a stream of changes is read before the next list, in seconds. */
    public static final int RELIST_S = 60;

    private static final System.Logger LOG = System.getLogger(Follower.class.getName());
    private static final long BACKOFF_MIN_MS = 100;
    private static final long BACKOFF_MAX_MS = 5_000;

    private final String name;
    private final Source source;
    private final RegistryStatus status;
    private final CountDownLatch closed = new CountDownLatch(1);
    private final Timer timer = new Timer("weft-relist", true);
    private volatile @Nullable InputStream stream;

    /** What is followed. Called on the follower's thread. */
    public interface Source {
        /**
         * Reads all leases and tells the listener.
         *
         * @return the version that they were read at.
         */
        String list() throws UnavailableException, InterruptedException;

        /** Opens the stream of the changes after a version, one JSON text a line. */
        InputStream changes(String version) throws UnavailableException, InterruptedException;

        /**
         * Takes over one line of the stream.
         *
         * @return false when the stream is of no more use, and all leases are to be listed anew.
         * @throws JsonException for a line that is none of the registry's.
         */
        boolean take(byte[] line) throws UnavailableException, InterruptedException;
    }

    private Follower(final String name, final Source source, final RegistryStatus status) {
        this.name = name;
        this.source = source;
        this.status = status;
    }

    /**
     * Starts to follow.
     *
     * @param name of the registry, for the log.
     * @param source what is followed.
     * @param status hears of each contact and failure.
     */
    public static Follower start(final String name, final Source source, final RegistryStatus status) {
        final Follower follower = new Follower(name, source, status);
        final Thread thread = new Thread(follower::run, "weft-registry");
        thread.setDaemon(true);
        thread.start();
        return follower;
    }

    private void run() {
        long backoffMs = BACKOFF_MIN_MS;
        try {
            while (0 != closed.getCount()) {
                final long startNs = System.nanoTime();
                listAndFollow();
                if (System.nanoTime() - startNs > TimeUnit.MILLISECONDS.toNanos(BACKOFF_MAX_MS)) {
                    backoffMs = BACKOFF_MIN_MS;
                }
                // Also after a stream that ended at once: a registry that refuses it would be asked without a pause.
                closed.await(backoffMs, TimeUnit.MILLISECONDS);
                backoffMs = Math.min(2 * backoffMs, BACKOFF_MAX_MS);
            }
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }

    private void listAndFollow() throws InterruptedException {
        try {
            final boolean isBack = null != status.trouble();
            final String version = source.list();
            status.contact();
            if (isBack) {
                LOG.log(INFO, "{0} is followed again", name);
            }
            follow(version);
        } catch (final UnavailableException | JsonException failure) {
            if (status.failure(String.valueOf(failure.getMessage()))) {
                LOG.log(WARNING, "{0}. Forwarding goes on with the leases as they are", failure.getMessage());
            }
        } catch (final RuntimeException defect) {
            // The thread must not end of it: nobody would follow the leases any more, and nobody would notice.
            if (status.failure(String.valueOf(defect))) {
                LOG.log(ERROR, name + " cannot be followed. Forwarding goes on with the leases as they are", defect);
            }
        }
    }

    private void follow(final String version) throws UnavailableException, InterruptedException {
        final TimerTask relist = new TimerTask() {
            @Override
            public void run() {
                cut();
            }
        };
        try (InputStream opened = source.changes(version);
                BufferedReader lines = new BufferedReader(new InputStreamReader(opened, StandardCharsets.UTF_8))) {
            stream = opened;
            boolean isOfUse = schedule(relist);
            while (isOfUse) {
                final String line = lines.readLine();
                isOfUse = null != line && source.take(line.getBytes(StandardCharsets.UTF_8));
                if (isOfUse) {
                    status.contact();
                }
            }
        } catch (final IOException cutOrLost) {
            // Either way the next list tells what was missed; when the registry is gone, it is the list that says so.
            LOG.log(DEBUG, "the changes of {0} ended: {1}", name, cutOrLost.getMessage());
        } finally {
            relist.cancel();
            stream = null;
        }
    }

    /** False if the follower was closed meanwhile, and its timer with it. */
    private boolean schedule(final TimerTask relist) {
        try {
            timer.schedule(relist, TimeUnit.SECONDS.toMillis(RELIST_S));
            return 0 != closed.getCount();
        } catch (final IllegalStateException cancelled) {
            if (0 == closed.getCount()) {
                return false;
            }
            throw cancelled;
        }
    }

    private void cut() {
        final InputStream open = stream;
        if (null != open) {
            try {
                open.close();
            } catch (final IOException failure) {
                LOG.log(WARNING, "cut the changes of {0}: {1}", name, failure.getMessage());
            }
        }
    }

    @Override
    public void close() {
        closed.countDown();
        timer.cancel();
        cut();
    }
}
