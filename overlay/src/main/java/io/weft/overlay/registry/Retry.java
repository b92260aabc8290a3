/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.json.JsonException;
import io.weft.overlay.lifecycle.LogFields;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Asks a registry again, with pauses that grow, until it answers. One thread asks; any thread may {@link #close}. */
public final class Retry implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Retry.class.getName());
    private static final long PAUSE_MIN_MS = 1_000;
    /** A registry that comes back is noticed within seconds. */
    private static final long READ_PAUSE_MAX_MS = 5_000;
    /** One that refuses what is written has to be changed by somebody first. */
    private static final long WRITE_PAUSE_MAX_MS = 30_000;

    private final RegistryStatus status;
    private final CountDownLatch closed = new CountDownLatch(1);

    /**
     * A question.
     *
     * @param <T> of the answer.
     */
    @FunctionalInterface
    public interface Attempt<T> {
        /** Asks once. */
        T run() throws UnavailableException, InterruptedException;
    }

    /**
     * For one registry.
     *
     * @param status hears of each failure and of the answer.
     */
    public Retry(final RegistryStatus status) {
        this.status = status;
    }

    /**
     * Reads until there is an answer; the log hears of each new cause once.
     *
     * @throws InterruptedException when closed, or interrupted, before.
     */
    public <T> T untilRead(final Attempt<T> attempt) throws InterruptedException {
        return untilAnswered(attempt, READ_PAUSE_MAX_MS);
    }

    /**
     * The same for what writes.
     *
     * @throws InterruptedException when closed, or interrupted, before.
     */
    public <T> T untilWritten(final Attempt<T> attempt) throws InterruptedException {
        return untilAnswered(attempt, WRITE_PAUSE_MAX_MS);
    }

    private <T> T untilAnswered(final Attempt<T> attempt, final long pauseMaxMs) throws InterruptedException {
        final Backoff backoff = new Backoff(PAUSE_MIN_MS, pauseMaxMs);
        String said = "";
        long pauseNs = 0;
        while (true) {
            try {
                final T answer = attempt.run();
                status.contact();
                return answer;
            } catch (final UnavailableException | JsonException failure) {
                final String cause = String.valueOf(failure.getMessage());
                if (!cause.equals(said)) {
                    LOG.log(
                            WARNING,
                            "{0}. Tried again at least every {1} s{2}",
                            cause,
                            pauseMaxMs / 1_000,
                            LogFields.of("retryMs", pauseMaxMs));
                    said = cause;
                    backoff.reset();
                }
                if (failure instanceof NoLeaseException) {
                    status.leaseGone();
                }
                status.failure(cause);
                pauseNs = failure instanceof final UnavailableException unavailable ? unavailable.pauseNs() : 0;
            }
            if (closed.await(Math.max(pauseNs, backoff.nextNs()), TimeUnit.NANOSECONDS)) {
                throw new InterruptedException("closed");
            }
        }
    }

    @Override
    public void close() {
        closed.countDown();
    }
}
