/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import java.util.concurrent.TimeUnit;

/**
 * Somebody else who may claim what is this node's in the registry. What this node has replaced there may come back once by a backup that is
 * restored, and is put back. If it comes again soon, somebody alive writes it, who was there first: two that write against each other would
 * help neither. After a while it is tried once more. Times are those of {@link System#nanoTime}. One thread.
 */
public final class Rival {
    /** More than the pauses of {@link PutBack}, by which a rival answers. */
    private static final long QUIET_NS = TimeUnit.MINUTES.toNanos(10);

    private boolean isOvercome;
    private long overcomeNs;

    /** What this node had replaced has come back, and this node's own was put back over it. */
    public void overcome(final long nowNs) {
        isOvercome = true;
        overcomeNs = nowNs;
    }

    /** Whether what comes back now is somebody's who is alive. */
    public boolean isAlive(final long nowNs) {
        return isOvercome && nowNs - overcomeNs < QUIET_NS;
    }
}
