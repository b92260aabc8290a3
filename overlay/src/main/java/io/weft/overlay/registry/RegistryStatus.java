/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** What a registry tells of itself: written by its thread, read by the metrics endpoint and the command line. */
public final class RegistryStatus {
    private final AtomicLong events = new AtomicLong();
    private final AtomicLong refusals = new AtomicLong();
    private final AtomicLong failures = new AtomicLong();
    private volatile @Nullable String trouble = "not read yet";
    private volatile long lastContactNs = System.nanoTime();

    /** The registry answered, and what it holds is usable. */
    public void contact() {
        lastContactNs = System.nanoTime();
        trouble = null;
    }

    /** A change was taken over. */
    public void event() {
        events.incrementAndGet();
    }

    /** A value was refused because it is wrong. */
    public void refusal() {
        refusals.incrementAndGet();
    }

    /**
     * The registry cannot be followed for now.
     *
     * @return true when it could be before, so that the log hears of it once.
     */
    public boolean failure(final String cause) {
        failures.incrementAndGet();
        final boolean first = null == trouble;
        trouble = cause;
        return first;
    }

    /** Why the registry cannot be followed now; null while it can. */
    public @Nullable String trouble() {
        return trouble;
    }

    /** Nanoseconds since the registry was last known to be followed without a gap. */
    public long lagNs() {
        return null == trouble ? 0 : System.nanoTime() - lastContactNs;
    }

    /** Changes taken over since start. */
    public long events() {
        return events.get();
    }

    /** Values refused since start. */
    public long refusals() {
        return refusals.get();
    }

    /** Failed attempts to reach or read the registry since start. */
    public long failures() {
        return failures.get();
    }
}
