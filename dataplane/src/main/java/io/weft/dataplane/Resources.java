/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import java.util.ArrayDeque;
import java.util.Deque;
import org.agrona.CloseHelper;

/** What something has acquired and gives back, the last first. Control thread. */
final class Resources implements AutoCloseable {
    private final Deque<AutoCloseable> acquired = new ArrayDeque<>();

    /** Has a resource closed with the others. */
    <T extends AutoCloseable> T add(final T resource) {
        acquired.push(resource);
        return resource;
    }

    /**
     * Closes all, in a constructor whose later step has failed.
     *
     * @param failure which is to be thrown; what else fails is suppressed by it.
     */
    void closeAfter(final Throwable failure) {
        try {
            close();
        } catch (final RuntimeException | Error further) {
            failure.addSuppressed(further);
        }
    }

    /** Closes all, whatever becomes of one; the first failure is thrown. */
    @Override
    public void close() {
        CloseHelper.closeAll(acquired);
    }
}
