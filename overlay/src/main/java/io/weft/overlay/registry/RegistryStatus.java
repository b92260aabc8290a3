/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** What a registry tells of itself: written by its thread, read by the metrics endpoint and the command line. */
public final class RegistryStatus {
    private final AtomicLong events = new AtomicLong();
    private final AtomicLong refusals = new AtomicLong();
    private final AtomicLong failures = new AtomicLong();
    private final List<Refusals> refusing = new CopyOnWriteArrayList<>();
    private volatile @Nullable String trouble = "it has not answered yet";
    private volatile @Nullable String ownTrouble;
    private volatile boolean isLeaseGone;
    private volatile String revision = "";
    private volatile @Nullable Long ownEndNs;
    private volatile long lastContactNs = System.nanoTime();

    /** The registry answered, and what it holds is usable. */
    public void contact() {
        lastContactNs = System.nanoTime();
        isLeaseGone = false;
        trouble = null;
    }

    /** The registry said that this node has no lease now: what it had before may be another's. */
    public void leaseGone() {
        isLeaseGone = true;
    }

    /** True from {@link #leaseGone} until it has answered otherwise. */
    public boolean isLeaseGone() {
        return isLeaseGone;
    }

    /** How far its changes have been taken over, in the registry's own words. */
    public void revision(final String reached) {
        revision = reached;
    }

    /** The last of {@link #revision(String)}; empty for a registry without. */
    public String revision() {
        return revision;
    }

    /** Why the registry cannot be followed now, or has not been yet; null when it is. */
    public @Nullable String loss() {
        return trouble;
    }

    /** What is wrong with what this node has in the registry; null when nothing is. */
    public @Nullable String ownTrouble() {
        return ownTrouble;
    }

    /**
     * What this node has in the registry was written or renewed, and ends by itself.
     *
     * @param remainingNs nanoseconds until then.
     */
    public void ownEndsIn(final long remainingNs) {
        ownEndNs = System.nanoTime() + remainingNs;
    }

    /** What this node has in the registry does not end by itself. */
    public void ownStays() {
        ownEndNs = null;
    }

    /** When what this node has in the registry ends, unless it is renewed; in milliseconds since 1970, null when it does not end. */
    public @Nullable Long ownUntilMs() {
        final Long endNs = ownEndNs;
        return null == endNs
                ? null
                : Long.valueOf(System.currentTimeMillis() + TimeUnit.NANOSECONDS.toMillis(endNs - System.nanoTime()));
    }

    /** A change was taken over. */
    public void event() {
        events.incrementAndGet();
    }

    /** A value was refused because it is wrong. */
    public void refusal() {
        refusals.incrementAndGet();
    }

    /** The registry cannot be followed for now. */
    public void failure(final String cause) {
        failures.incrementAndGet();
        trouble = cause;
    }

    /**
     * What this node has in the registry is not as it should be, though the registry can be followed.
     *
     * @param cause what is wrong; null when nothing is any more.
     * @return true when that is another cause than before, so that the log hears of it once.
     */
    public boolean ownTrouble(final @Nullable String cause) {
        final boolean isNews = !Objects.equals(cause, ownTrouble);
        ownTrouble = cause;
        return isNews;
    }

    /** Why the registry cannot be followed now, or what is wrong with what this node has there; null when all is well. */
    public @Nullable String trouble() {
        final String lost = trouble;
        return null == lost ? ownTrouble : lost;
    }

    /** True while what this node has in the registry is not as it should be. */
    public boolean isOwnTroubled() {
        return null != ownTrouble;
    }

    /** True while the registry cannot be followed. */
    public boolean isLost() {
        return null != trouble;
    }

    /** Nanoseconds since the registry was last known to be followed without a gap. */
    public long lagNs() {
        return isLost() ? System.nanoTime() - lastContactNs : 0;
    }

    /** Changes taken over since start. */
    public long events() {
        return events.get();
    }

    /** Who refuses values, which {@link #refused} is to tell. */
    void add(final Refusals refuser) {
        refusing.add(refuser);
    }

    /** What is refused at present, by what it is and its name, and what is wrong with it; of very many the first. */
    public Map<String, String> refused() {
        final Map<String, String> all = new HashMap<>();
        refusing.forEach(refuser ->
                refuser.present().forEach((name, fault) -> all.merge(name, fault, (one, other) -> one + "; " + other)));
        return all;
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
