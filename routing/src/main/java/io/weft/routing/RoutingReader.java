/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * One data thread's door to the routing tables; made by {@link RoutingTables#newReader()} and used by that thread alone.
 *
 * <p>Between {@link #acquire()} and {@link #release()} the snapshot's memory stays. Outside, the thread is quiescent: it
 * may block in {@code poll} for as long as it likes without holding up the control thread.
 */
public final class RoutingReader extends RoutingReaderEpoch {
    /** The active epoch of a reader that holds no snapshot. */
    static final long OFFLINE = Long.MAX_VALUE;

    private static final VarHandle ACTIVE_EPOCH;

    static {
        try {
            ACTIVE_EPOCH = MethodHandles.lookup().findVarHandle(RoutingReaderEpoch.class, "activeEpoch", long.class);
        } catch (final ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final RoutingTables tables;
    long padding72;
    long padding80;
    long padding88;
    long padding96;
    long padding104;
    long padding112;
    long padding120;

    RoutingReader(final RoutingTables tables) {
        this.tables = tables;
    }

    /**
     * The snapshot published last, valid until {@link #release()}. Once per batch: a volatile store and a volatile load.
     * A second call without a release between gives up the first snapshot.
     */
    public RoutingSnapshot acquire() {
        // The store must be visible before the snapshot is loaded, or the control thread could free what is loaded:
        // hence volatile, which on x86-64 is the only fence of the read side.
        ACTIVE_EPOCH.setVolatile(this, tables.epoch());
        return tables.current();
    }

    /** Declares that nothing of the snapshot is in use any more. */
    public void release() {
        ACTIVE_EPOCH.setRelease(this, OFFLINE);
    }

    /** Control thread: the epoch this reader may still see, or {@link #OFFLINE}. */
    long activeEpoch() {
        return (long) ACTIVE_EPOCH.getAcquire(this);
    }
}

/** Keeps {@code activeEpoch}, written twice per batch, off the cache lines of neighbours on the heap. */
abstract class RoutingReaderPadding {
    long padding0;
    long padding8;
    long padding16;
    long padding24;
    long padding32;
    long padding40;
    long padding48;
    long padding56;
}

abstract class RoutingReaderEpoch extends RoutingReaderPadding {
    volatile long activeEpoch = RoutingReader.OFFLINE;
}
