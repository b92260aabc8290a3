/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.ERROR;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.registry.http.AnswerTooLongException;
import io.weft.overlay.registry.http.ChangeStream;
import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Follows the leases of a registry that is reached over the network, on a thread of its own: a list, then the changes after it. A
 * stream of changes that has been silent for long, as one is whose other end is gone without a word, is opened anew from where it
 * was. Twice an hour all leases are listed and compared, whatever a stream has said. All times are those of the monotonic clock.
 */
public final class Follower implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Follower.class.getName());
    private static final long BACKOFF_MIN_MS = 100;
    private static final long BACKOFF_MAX_MS = 5_000;
    private static final long TICK_NS = TimeUnit.SECONDS.toNanos(1);
    private static final long LIST_AGAIN_NS = TimeUnit.MINUTES.toNanos(30);

    private final String name;
    private final Source source;
    private final RegistryStatus status;
    private final CountDownLatch closed = new CountDownLatch(1);
    private final Outage outage = new Outage();
    private boolean isListed;
    private long listAgainNs;
    private volatile @Nullable ChangeStream stream;

    /** What is followed. Called on the follower's thread. */
    public interface Source {
        /** Reads all leases and tells the listener. */
        void list() throws UnavailableException, InterruptedException;

        /** Opens a stream of what has changed since what was read last. */
        ChangeStream changes() throws UnavailableException, InterruptedException;

        /**
         * Takes over one line of the stream.
         *
         * @return false when the stream is of no more use, and all leases are to be listed anew.
         * @throws JsonException for a line that is none of the registry's.
         */
        boolean take(byte[] line) throws UnavailableException, InterruptedException;

        /** Called about once a second while changes are followed, for what is due by time. */
        default void tick() throws InterruptedException {}

        /** How long a stream may be silent before it is opened anew, in nanoseconds. */
        long silenceMaxNs();

        /** Whether a stream that has ended may be opened anew without a list: the registry would tell if it had lost its history. */
        boolean resumes();
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
        final Backoff backoff = new Backoff(BACKOFF_MIN_MS, BACKOFF_MAX_MS);
        try {
            while (!isClosed()) {
                final long startNs = System.nanoTime();
                listAndFollow();
                if (System.nanoTime() - startNs > TimeUnit.MILLISECONDS.toNanos(BACKOFF_MAX_MS)) {
                    backoff.reset();
                }
                // Also after a stream that ended at once: a registry that refuses it would be asked without a pause.
                closed.await(backoff.nextNs(), TimeUnit.NANOSECONDS);
            }
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean isClosed() {
        return 0 == closed.getCount();
    }

    private void listAndFollow() throws InterruptedException {
        final boolean isToBeListed = !isListed;
        isListed = false; // until the stream has come to an end that allows for another
        try {
            if (isToBeListed) {
                list();
            }
            isListed = follow();
        } catch (final UnavailableException | JsonException failure) {
            if (isNews(String.valueOf(failure.getMessage()))) {
                LOG.log(
                        WARNING,
                        "{0}. Forwarding goes on with the leases as they are{1}",
                        failure.getMessage(),
                        LogFields.of("registry", name));
            }
        } catch (final RuntimeException | Error defect) {
            // The thread must not end of it, as for want of a number for another: the process would end with it.
            if (isNews(String.valueOf(defect))) {
                LOG.log(
                        ERROR,
                        name + " cannot be followed. Forwarding goes on with the leases as they are"
                                + LogFields.of("registry", name),
                        defect);
            }
        }
    }

    private boolean isNews(final String cause) {
        status.failure(cause);
        return outage.isNews(cause, System.nanoTime());
    }

    private void list() throws UnavailableException, InterruptedException {
        final boolean isBack = status.isLost();
        source.list();
        status.contact();
        outage.end();
        if (isBack) {
            LOG.log(INFO, "{0} is followed again{1}", name, LogFields.of("registry", name));
        }
        // Nodes that have started together do not list together for ever.
        listAgainNs =
                System.nanoTime() + LIST_AGAIN_NS - ThreadLocalRandom.current().nextLong(LIST_AGAIN_NS / 4);
    }

    /** Follows one stream to its end; returns whether another can be opened where it was. */
    private boolean follow() throws UnavailableException, InterruptedException {
        try (ChangeStream opened = source.changes()) {
            stream = opened;
            long nowNs = System.nanoTime();
            long heardNs = nowNs;
            while (!isClosed() && nowNs - listAgainNs < 0 && nowNs - heardNs < source.silenceMaxNs()) {
                final byte[] line = opened.next(TICK_NS);
                nowNs = System.nanoTime();
                if (null != line) {
                    heardNs = nowNs;
                    if (!source.take(line)) {
                        return false;
                    }
                    status.contact();
                }
                source.tick();
            }
            return nowNs - listAgainNs < 0;
        } catch (final AnswerTooLongException failure) {
            throw new UnavailableException(name + " cannot be followed: " + failure.getMessage(), failure);
        } catch (final IOException lost) {
            LOG.log(DEBUG, "the changes of {0} ended: {1}", name, lost.getMessage());
            return source.resumes();
        } finally {
            stream = null;
        }
    }

    @Override
    public void close() {
        closed.countDown();
        final ChangeStream open = stream;
        if (null != open) {
            open.close();
        }
    }
}
