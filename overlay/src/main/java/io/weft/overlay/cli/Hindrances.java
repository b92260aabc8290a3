/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.dataplane.counters.PathCheck;
import io.weft.dataplane.counters.PathState;
import io.weft.dataplane.counters.PeerRecord;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DeviceRecord;
import io.weft.overlay.record.PeerPath;
import java.util.ArrayList;
import java.util.List;

/** What may keep a packet from its destination though the tables have a way for it, or why they have none: by what is on record. */
final class Hindrances {
    private static final String PEERS = "peers";

    private final DaemonRecord daemon;
    private final IpAddress destination;

    Hindrances(final DaemonRecord daemon, final IpAddress destination) {
        this.daemon = daemon;
        this.destination = destination;
    }

    /** @param hasNoRoute whether the tables have no way. */
    List<String> lines(final boolean hasNoRoute) {
        final List<String> lines = new ArrayList<>();
        if (hasNoRoute) {
            lines.add(line(
                    "lease",
                    "none has " + destination
                            + ": start weftd or flanneld on its node; or it is ignored here: weft status"));
        }
        try {
            daemon.devices().forEach(device -> check(device, lines));
            status(lines);
        } catch (final IllegalStateException unreadable) { // the disk may be full: the daemon has answered all the same
            lines.add(line("status", "unknown: " + unreadable.getMessage()));
        }
        return lines;
    }

    private void status(final List<String> lines) {
        for (final Finding finding : Diagnosis.of(daemon)) {
            if (!finding.isOk() && !PEERS.equals(finding.part())) { // of the peer that matters, see above
                lines.add(line("status", finding.part() + " " + finding.text()));
            }
        }
    }

    /** What the last check of the way to the destination's node has found. */
    private void check(final DeviceRecord device, final List<String> lines) {
        final IpPrefix wanted = IpPrefix.host(destination);
        for (final PeerPath path : PeerPath.of(device)) {
            if (path.subnet().contains(wanted)) {
                device.counters().peers().stream()
                        .filter(peer -> peer.address().equals(path.peer()))
                        .forEach(peer -> check(peer, lines));
            }
        }
    }

    private static void check(final PeerRecord peer, final List<String> lines) {
        final PathCheck check = peer.check();
        if (null != check && PathState.OK != check.state()) {
            lines.add(line(
                    "check",
                    peer.address() + " was found " + check.state().label() + " " + CounterViews.time(check.timeMs())
                            + ": weft ping " + peer.address() + " says what is at fault"));
        }
    }

    private static String line(final String name, final String words) {
        return String.format("  %-10s %s", name, words);
    }
}
