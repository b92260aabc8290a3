/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.ERROR;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.registry.Backoff;
import io.weft.overlay.registry.Outage;
import io.weft.overlay.registry.RegistryStatus;
import io.weft.overlay.registry.UnavailableException;
import io.weft.overlay.registry.http.AnswerTooLongException;
import io.weft.overlay.registry.http.ChangeStream;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Follows the nodes, on a thread of its own, as client-go's reflector does (tools/cache/reflector.go): a list from the server's watch
 * cache, then one watch after the other, each from where the one before was. All times are those of the monotonic clock.
 */
final class KubeFollower implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(KubeFollower.class.getName());
    /** The server ends a watch after 5 to 10 minutes, as those of client-go (minWatchTimeout). */
    private static final int WATCH_TIMEOUT_MIN_S = 300;

    /** What a server says that knows streaming lists and has them switched off. */
    private static final int HTTP_UNPROCESSABLE = 422;

    private static final long BACKOFF_MIN_MS = 100;
    private static final long BACKOFF_MAX_MS = 30_000;
    private static final long TICK_NS = TimeUnit.SECONDS.toNanos(1);
    /** A watch that has gone on for so long is a sign of life. */
    private static final long STEADY_NS = TimeUnit.SECONDS.toNanos(5);
    /** Between lists where no watch tells of changes. */
    private static final long LIST_PAUSE_MIN_NS = TimeUnit.SECONDS.toNanos(5);

    /** While a server is away it is asked for a sign of life at most so often. */
    private static final long PROBE_NS = TimeUnit.SECONDS.toNanos(5);

    private final KubeClient client;
    private final KubeLeases leases;
    private final NodeReader reader;
    private final NodeLists lists;
    private final RegistryStatus status;
    private final Timing timing;
    private final Backoff backoff = new Backoff(BACKOFF_MIN_MS, BACKOFF_MAX_MS);
    private final Outage outage = new Outage();
    private final CountDownLatch closed = new CountDownLatch(1);
    private boolean isListed;
    /** Streaming lists are not tried again with a server that has not given one. */
    private boolean streamsLists = true;
    /** The server has shown itself alive since it failed to open the last watch. */
    private boolean isAliveSince;
    /** It is alive and fails to open any watch, as behind a proxy that holds no stream: lists are all that tells of changes. */
    private boolean failsAllWatches;
    /** The server has given a list, and refused the watch that was to go on from there. */
    private boolean isListedAlone;

    private volatile @Nullable ChangeStream stream;

    /**
     * How long things may take.
     *
     * @param silenceMax of a watch, before it is opened anew: the server sends a bookmark about once a minute
     *     (apiserver storage/cacher, bookmarkFrequency).
     * @param proofMax of a streaming list, for its first object, and twice that for the next or the end.
     * @param comparison between two comparisons with a whole list, less a random part of up to a quarter.
     * @param troubleMin what is wrong with this node for a shorter time is not told in the API.
     */
    record Timing(Duration silenceMax, Duration proofMax, Duration comparison, Duration troubleMin) {
        static final Timing USUAL = new Timing(
                Duration.ofSeconds(90), Duration.ofMillis(500), Duration.ofMinutes(30), Duration.ofSeconds(10));
    }

    KubeFollower(
            final KubeClient client,
            final KubeLeases leases,
            final NodeReader reader,
            final RegistryStatus status,
            final Timing timing) {
        this.client = client;
        this.leases = leases;
        this.reader = reader;
        this.status = status;
        this.timing = timing;
        lists = new NodeLists(client, reader, leases, timing.comparison);
    }

    KubeFollower start() {
        final Thread thread = new Thread(this::run, "weft-registry");
        thread.setDaemon(true);
        thread.start();
        return this;
    }

    private void run() {
        try {
            while (!isClosed()) {
                listAndFollow();
            }
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean isClosed() {
        return 0 == closed.getCount();
    }

    private void listAndFollow() throws InterruptedException {
        final long startNs = System.nanoTime();
        UnavailableException cause = null;
        isListedAlone = false;
        try {
            follow(isListed ? watch() : list());
        } catch (final UnavailableException failure) {
            cause = failure;
            tell(String.valueOf(failure.getMessage()), null);
        } catch (final RuntimeException | Error defect) {
            // The thread must not end of it, as for want of a number for another: the process would end with it.
            isListed = false;
            tell(String.valueOf(defect), defect);
        }
        leases.abandonList();
        if (System.nanoTime() - startNs > STEADY_NS && null == cause) {
            backoff.reset();
        }
        pause(cause);
    }

    private void tell(final String cause, final @Nullable Throwable defect) {
        status.failure(cause);
        if (!outage.isNews(cause, System.nanoTime())) {
            return;
        }
        if (null == defect) {
            LOG.log(
                    WARNING,
                    "{0}. Forwarding goes on with the leases as they are{1}",
                    cause,
                    LogFields.of("registry", "kube"));
        } else {
            LOG.log(
                    ERROR,
                    "the Kubernetes API cannot be followed. Forwarding goes on with the leases as they are",
                    defect);
        }
    }

    /** Also after a stream that ended at once: a server that refuses it would be asked without a pause. */
    private void pause(final @Nullable UnavailableException cause) throws InterruptedException {
        final long wantedNs = null == cause ? 0 : cause.pauseNs();
        final long leastNs = failsAllWatches ? LIST_PAUSE_MIN_NS : 0; // a list of all nodes is no small question
        final long endNs = System.nanoTime() + Math.max(Math.max(backoff.nextNs(), leastNs), wantedNs);
        // What answers is alive, and tells no news of itself; one that is overloaded wants to be left alone.
        final boolean isProbed = null != cause
                && 0 == wantedNs
                && !failsAllWatches
                && (!(cause instanceof final KubeClient.RefusedException refused)
                        || refused.statusCode() >= HttpURLConnection.HTTP_INTERNAL_ERROR);
        while (true) {
            if (isListedAlone) {
                tick();
            }
            final long leftNs = endNs - System.nanoTime();
            final long untilProbeNs = PROBE_NS - ThreadLocalRandom.current().nextLong(PROBE_NS / 4);
            final long untilNextNs = isListedAlone ? TICK_NS : isProbed ? untilProbeNs : leftNs;
            if (closed.await(Math.min(leftNs, untilNextNs), TimeUnit.NANOSECONDS) || System.nanoTime() - endNs >= 0) {
                return;
            }
            if (isProbed && client.isAlive()) {
                isAliveSince = true;
                backoff.reset();
                return;
            }
        }
    }

    /** What is due by time, where no watch is open that it could be done beside. */
    private void tick() throws InterruptedException {
        try {
            leases.tick();
        } catch (final RuntimeException | Error defect) { // as where it is followed
            isListedAlone = false;
            tell(String.valueOf(defect), defect);
        }
    }

    private static String watchPath(final String rest) {
        final int timeoutS = WATCH_TIMEOUT_MIN_S + ThreadLocalRandom.current().nextInt(WATCH_TIMEOUT_MIN_S);
        return NodeLists.NODES + "?watch=true&allowWatchBookmarks=true&timeoutSeconds=" + timeoutS + rest;
    }

    private ChangeStream openWatch(final String rest) throws UnavailableException, InterruptedException {
        final boolean isExpectedToFail = failsAllWatches || isAliveSince;
        isAliveSince = false;
        failsAllWatches = false;
        try {
            return client.open(watchPath(rest));
        } catch (final UnavailableException failure) {
            failsAllWatches = isExpectedToFail
                    && (!(failure instanceof final KubeClient.RefusedException refused)
                            || (refused.statusCode() >= HttpURLConnection.HTTP_INTERNAL_ERROR && !refused.isTooNew()));
            throw failure;
        }
    }

    /** Goes on from the last change. */
    private ChangeStream watch() throws UnavailableException, InterruptedException {
        try {
            return openWatch("&resourceVersion=" + leases.version());
        } catch (final UnavailableException failure) {
            // Gone is a version that is forgotten; where watches are forbidden lists are all that tells of changes.
            isListedAlone = isListed
                    && (failsAllWatches
                            || (failure instanceof final KubeClient.RefusedException refused && refused.isLasting()));
            isListed = isListed && !isListedAlone;
            throw failure;
        }
    }

    /** Lists all nodes and opens the watch that goes on from there, or a watch that begins with all nodes. */
    private ChangeStream list() throws UnavailableException, InterruptedException {
        final ChangeStream streamed = streamsLists ? openStreamingList() : null;
        if (null != streamed) {
            leases.beginList();
            return streamed;
        }
        listPlainly();
        isListed = true;
        lists.listed();
        final ChangeStream opened = watch();
        followed(); // not by the list alone: where watches are refused it tells nothing of what comes after it
        return opened;
    }

    private void listPlainly() throws UnavailableException, InterruptedException {
        try {
            lists.list();
        } catch (final UnavailableException failure) {
            failsAllWatches = false; // it is not watches alone
            throw failure;
        }
    }

    /** Null where it is refused, and all nodes are to be listed plainly. */
    private @Nullable ChangeStream openStreamingList() throws UnavailableException, InterruptedException {
        try {
            return openWatch("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan" + "&resourceVersion="
                    + lists.startVersion());
        } catch (final KubeClient.RefusedException refused) {
            if (refused.isTooNew()) {
                lists.behind();
            }
            if (!refused.isLasting() && !failsAllWatches) {
                throw refused;
            }
            if (HttpURLConnection.HTTP_BAD_REQUEST == refused.statusCode()
                    || HTTP_UNPROCESSABLE == refused.statusCode()) {
                noStreamingLists(refused.getMessage());
            }
            return null;
        } catch (final UnavailableException failure) {
            if (!failsAllWatches) {
                throw failure;
            }
            return null;
        }
    }

    private void noStreamingLists(final @Nullable String why) {
        streamsLists = false;
        LOG.log(DEBUG, "no streaming list: {0}", why);
    }

    /** All nodes are known. */
    private void listed() {
        isListed = true;
        lists.listed();
        followed();
    }

    private void followed() {
        status.contact();
        if (outage.end()) {
            LOG.log(INFO, "the Kubernetes API is followed again" + LogFields.of("registry", "kube"));
        }
    }

    /** Follows one watch to its end. */
    private void follow(final ChangeStream given) throws UnavailableException, InterruptedException {
        try (given) {
            stream = given;
            long nowNs = System.nanoTime();
            long heardNs = nowNs;
            final ListProof proof = new ListProof(timing.proofMax, nowNs);
            while (!isClosed() && nowNs - heardNs < timing.silenceMax.toNanos()) {
                if (leases.isListing() && proof.isMissing(nowNs)) {
                    noStreamingLists("it does not come to its end mark");
                    return;
                }
                final byte[] line = given.next(leases.isListing() ? timing.proofMax.toNanos() / 2 : TICK_NS);
                nowNs = System.nanoTime();
                if (null != line) {
                    heardNs = nowNs;
                    if (!take(line, proof)) {
                        return;
                    }
                } else if (isListed && status.isLost()) {
                    followed(); // an error would have been the first to come
                }
                if (isListed) {
                    requireNotBehind(!lists.tick());
                    leases.tick();
                }
            }
            if (isListed && !isClosed()) {
                requireNotBehind(lists.askIsBehind()); // which would be silent just so
            }
        } catch (final AnswerTooLongException failure) {
            isListed = false;
            throw new UnavailableException(
                    "the watch of the Kubernetes API cannot be used: " + failure.getMessage(), failure);
        } catch (final IOException lost) {
            LOG.log(DEBUG, "the watch of the Kubernetes API ended: {0}", lost.getMessage());
            if (leases.isListing()) {
                throw client.unreachable(lost);
            }
        } finally {
            stream = null;
        }
    }

    private void requireNotBehind(final boolean isBehind) throws UnavailableException {
        if (isBehind) {
            isListed = false;
            throw new UnavailableException("the Kubernetes API has an older version of the nodes than this node knows");
        }
    }

    /** @return false when another list is needed. */
    private boolean take(final byte[] line, final ListProof proof) throws UnavailableException, InterruptedException {
        final boolean wasListing = leases.isListing();
        boolean isTaken = false;
        try {
            final KubeEvent event = reader.event(line);
            proof.heard(event, System.nanoTime());
            isTaken = leases.take(event);
            if (KubeClient.isTooNew(event.code(), event.message())) {
                lists.behind();
            }
        } finally {
            isListed &= isTaken; // a version that comes of what cannot be read is of no use
        }
        if (isTaken && wasListing && !leases.isListing()) {
            listed();
        } else if (isTaken && isListed) {
            followed();
        }
        return isTaken;
    }

    @Override
    public void close() {
        closed.countDown();
        lists.close();
        final ChangeStream open = stream;
        if (null != open) {
            open.close();
        }
    }
}
