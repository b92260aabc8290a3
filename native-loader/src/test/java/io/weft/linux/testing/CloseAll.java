/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.testing;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Closes everything that was added, last first, also when closing one of them fails; the first failure is thrown at the
 * end with the others suppressed.
 */
public final class CloseAll implements AutoCloseable {
    private final Deque<AutoCloseable> closeables = new ArrayDeque<>();

    /**
     * Adds what is to be closed.
     *
     * @param closeable to close at {@link #close()}.
     * @param <T> its type.
     * @return the same object.
     */
    public <T extends AutoCloseable> T add(final T closeable) {
        closeables.push(closeable);
        return closeable;
    }

    @Override
    public void close() {
        final IllegalStateException failure = new IllegalStateException("not everything could be closed");
        while (!closeables.isEmpty()) {
            try {
                closeables.pop().close();
            } catch (final Exception e) {
                failure.addSuppressed(e);
            }
        }
        if (failure.getSuppressed().length > 0) {
            throw failure;
        }
    }
}
