/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

import io.weft.address.IpAddress;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** Whose ways have changed, and are to be asked before their turn: told by one thread, and asked for by another. */
final class PeerAgenda {
    /** By device and peer: as of which of the device's changes. */
    private final Map<String, Map<IpAddress, Long>> changed = new HashMap<>();

    private final Map<String, Long> changes = new HashMap<>();
    private long dueNs;

    /**
     * The tables of a device are on record with this.
     *
     * @param peers whose ways have changed; none where that is for all others to know.
     * @param count of the device's changes until now.
     * @param pauseNs until they are to be asked, where none waits already.
     */
    synchronized void changed(final String device, final Set<IpAddress> peers, final long count, final long pauseNs) {
        changes.put(device, count);
        if (peers.isEmpty()) {
            return;
        }
        if (changed.isEmpty()) {
            dueNs = System.nanoTime() + pauseNs;
        }
        final Map<IpAddress, Long> ofDevice = changed.computeIfAbsent(device, name -> new HashMap<>());
        peers.forEach(peer -> ofDevice.put(peer, count));
        notifyAll();
    }

    /** How many changes the device's tables on record have in them at least. */
    synchronized long changes(final String device) {
        return changes.getOrDefault(device, 0L);
    }

    /** Whether the way to a peer has changed since there were so many. */
    synchronized boolean isChangedSince(final String device, final IpAddress peer, final long count) {
        return changed.getOrDefault(device, Map.of()).getOrDefault(peer, 0L) > count;
    }

    /**
     * Waits until there are peers to ask, or for nothing.
     *
     * @param untilNs by {@link System#nanoTime}, when it waits no longer.
     * @return those of each device, once; empty where the time has come first.
     */
    synchronized Map<String, Set<IpAddress>> await(final long untilNs) throws InterruptedException {
        while (!Thread.interrupted()) {
            final long nowNs = System.nanoTime();
            if (!changed.isEmpty() && nowNs - dueNs >= 0) {
                final Map<String, Set<IpAddress>> due = new HashMap<>();
                changed.forEach((device, peers) -> due.put(device, Set.copyOf(peers.keySet())));
                changed.clear();
                return due;
            }
            if (nowNs - untilNs >= 0) {
                return Map.of();
            }
            final long restNs = changed.isEmpty() ? untilNs - nowNs : Math.min(untilNs - nowNs, dueNs - nowNs);
            TimeUnit.NANOSECONDS.timedWait(this, Math.max(TimeUnit.MILLISECONDS.toNanos(1), restNs));
        }
        throw new InterruptedException();
    }
}
