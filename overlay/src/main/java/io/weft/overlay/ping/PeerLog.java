/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.IpAddress;
import io.weft.dataplane.counters.PathState;
import io.weft.overlay.lifecycle.LogFields;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** Writes to the log when a check finds another fault of the way to a peer than the one before, or none any more. Owned by one thread. */
final class PeerLog {
    private static final System.Logger LOG = System.getLogger(PeerLog.class.getName());

    /** Of each device, by the peers whose ways are not well. */
    private final Map<String, Map<IpAddress, PathState>> faults = new HashMap<>();

    /** Whether a fault was found that was not there before. */
    private boolean isNews;

    /**
     * A check of peers of a device has ended.
     *
     * @param present all of its peers.
     * @param states that were found.
     */
    void checked(final String device, final Set<IpAddress> present, final Map<IpAddress, PathState> states) {
        final Map<IpAddress, PathState> before = faults.computeIfAbsent(device, name -> new HashMap<>());
        before.keySet().retainAll(present); // who is no peer any more is not well, and not wrong
        states.forEach((peer, state) -> {
            final PathState last = PathState.OK == state ? before.remove(peer) : before.put(peer, state);
            if (PathState.OK == state && null != last) {
                LOG.log(INFO, "the way to {0} is well again{1}", peer, fields(device, peer, state));
            } else if (PathState.OK != state && last != state) {
                isNews = true;
                LOG.log(
                        WARNING,
                        "a check finds the way to {0} not well ({1}): weft ping {0} says what it is, and what to do{2}",
                        peer,
                        state.label(),
                        fields(device, peer, state));
            }
        });
    }

    /** Those of a device that are not well. */
    Map<IpAddress, PathState> faults(final String device) {
        return Collections.unmodifiableMap(faults.getOrDefault(device, Map.of()));
    }

    /** Whether any is not well. */
    boolean hasFaults() {
        return faults.values().stream().anyMatch(states -> !states.isEmpty());
    }

    /** Whether any is in that state. */
    boolean has(final PathState state) {
        return faults.values().stream().anyMatch(states -> states.containsValue(state));
    }

    /** Whether there is another fault than when this was asked last. */
    boolean takeNews() {
        final boolean were = isNews;
        isNews = false;
        return were;
    }

    private static String fields(final String device, final IpAddress peer, final PathState state) {
        return LogFields.of("device", device, "peer", peer, "state", state.label());
    }
}
