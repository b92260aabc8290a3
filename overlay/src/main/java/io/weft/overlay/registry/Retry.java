/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.overlay.json.JsonException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Asks a registry again, once a second, until it answers. One thread asks; any thread may {@link #close}. */
public final class Retry implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Retry.class.getName());
    private static final long INTERVAL_MS = 1_000;

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
     * Asks until there is an answer; the log hears of each new cause once.
     *
     * @throws InterruptedException when closed, or interrupted, before.
     */
    public <T> T untilAnswered(final Attempt<T> attempt) throws InterruptedException {
        String said = "";
        while (true) {
            try {
                final T answer = attempt.run();
                status.contact();
                return answer;
            } catch (final UnavailableException | JsonException failure) {
                final String cause = String.valueOf(failure.getMessage());
                if (!cause.equals(said)) {
                    LOG.log(WARNING, "{0}. Trying again every second", cause);
                    said = cause;
                }
                status.failure(cause);
            }
            if (closed.await(INTERVAL_MS, TimeUnit.MILLISECONDS)) {
                throw new InterruptedException("closed");
            }
        }
    }

    @Override
    public void close() {
        closed.countDown();
    }
}
