/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.handover;

import java.io.IOException;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Runs what goes on while something else is done, each on a thread of its own. */
final class Aside implements AutoCloseable {
    private final ExecutorService threads = Executors.newCachedThreadPool(task -> {
        final Thread thread = new Thread(task, "aside");
        thread.setDaemon(true);
        return thread;
    });

    <T> Future<T> run(final Callable<T> task) {
        return threads.submit(task);
    }

    /** Waits for its end. */
    static <T> T result(final Future<T> task) throws IOException {
        try {
            return task.get();
        } catch (final ExecutionException failure) {
            throw new IOException(failure.getCause());
        } catch (final InterruptedException ex) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", ex);
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }
}
