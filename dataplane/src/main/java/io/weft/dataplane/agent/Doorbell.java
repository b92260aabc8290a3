/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.agent;

import io.weft.linux.EventFd;
import java.lang.invoke.VarHandle;

/**
 * Wakes a data thread that waits in poll(2). Ringing costs one volatile read while the thread runs.
 *
 * <p>The order of the two sides, each with a full fence between its steps, is what makes no wake-up go lost: the ringer
 * puts work where it belongs and then looks whether the thread waits; the thread says that it waits and then looks for
 * work.
 */
public final class Doorbell implements AutoCloseable {
    private final EventFd eventFd = new EventFd();
    private volatile boolean waiting;

    /** Any thread: call after work has been put where the waiting thread looks for it. */
    public void ring() {
        VarHandle.fullFence();
        if (waiting) {
            eventFd.signal();
        }
    }

    /** The waiting thread: says that it will wait, before it looks for work a last time. */
    void expect() {
        waiting = true;
        VarHandle.fullFence();
    }

    /** The waiting thread: runs again. */
    void silence(final boolean rung) {
        waiting = false;
        if (rung) {
            eventFd.clear();
        }
    }

    int fd() {
        return eventFd.fd();
    }

    @Override
    public void close() {
        eventFd.close();
    }
}
