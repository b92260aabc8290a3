/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;

/**
 * What is to be closed when the program ends, in reverse order, also when that is by Ctrl-C or SIGTERM. Then children
 * that were running are ended first: they would hold the namespaces.
 */
public final class Teardown implements AutoCloseable {
    private static final long CHILD_LIMIT_NS = TimeUnit.SECONDS.toNanos(5);

    private final Deque<AutoCloseable> resources = new ArrayDeque<>();
    private final Thread hook = new Thread(this::interrupted, "teardown");
    private boolean closed;

    public Teardown() {
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /** Adds a resource and returns it. If all is being taken down already, the resource is closed at once. */
    public synchronized <T extends AutoCloseable> T add(final T resource) {
        if (closed) {
            close(resource);
        } else {
            resources.push(resource);
        }
        return resource;
    }

    /** Whether the program is being ended from outside, so that failures are no news. */
    public synchronized boolean isClosed() {
        return closed;
    }

    @Override
    public synchronized void close() {
        closed = true;
        while (!resources.isEmpty()) {
            close(resources.pop());
        }
    }

    private static void close(final AutoCloseable resource) {
        try {
            resource.close();
            // AutoCloseable may throw anything; the rest is to be taken down all the same.
        } catch (final Exception ex) {
            System.err.println("teardown: " + ex.getMessage());
        }
    }

    private void interrupted() {
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
        }
        final long deadlineNs = System.nanoTime() + CHILD_LIMIT_NS;
        ProcessHandle.current().descendants().forEach(ProcessHandle::destroy);
        while (ProcessHandle.current().descendants().findAny().isPresent() && System.nanoTime() < deadlineNs) {
            Thread.onSpinWait();
        }
        close();
    }
}
