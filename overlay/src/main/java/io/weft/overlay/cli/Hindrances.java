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
            ofNode(daemon).forEach(trouble -> lines.add(line("status", trouble)));
        } catch (final IllegalStateException unreadable) { // the disk may be full: the daemon has answered all the same
            lines.add(line("status", "unknown: " + unreadable.getMessage()));
        }
        return lines;
    }

    /** What is wrong with the node itself, by its parts, whatever becomes of its peers. */
    static List<String> ofNode(final DaemonRecord daemon) {
        return Diagnosis.of(daemon).stream()
                .filter(finding -> !finding.isOk() && !PeersFinding.PART.equals(finding.part()))
                .map(finding -> finding.part() + " " + finding.text())
                .toList();
    }

    /** The same behind a sentence of an error; empty when nothing is wrong. */
    static String inShort(final DaemonRecord daemon) {
        final List<String> troubles = ofNode(daemon);
        return troubles.isEmpty() ? "" : ". weft status: " + String.join("; ", troubles);
    }

    /** What the last check of the way to the destination's node has found. */
    private void check(final DeviceRecord device, final List<String> lines) {
        final IpPrefix wanted = IpPrefix.host(destination);
        for (final PeerPath path : PeerPath.of(device)) {
            if (path.subnet().contains(wanted)) {
                device.counters().peers().stream()
                        .filter(peer -> peer.address().equals(path.peer()))
                        .forEach(peer -> check(device, path, peer, lines));
            }
        }
    }

    private void check(
            final DeviceRecord device, final PeerPath path, final PeerRecord peer, final List<String> lines) {
        final PathCheck check = peer.check();
        if (null != check && PathState.OK != check.state()) {
            final PathEvidence evidence = PathEvidence.onRecord(daemon, path, peer, check, device.counters());
            lines.add(line(
                    "check",
                    peer.address() + " was found " + check.state().label() + " " + CounterViews.time(check.timeMs())
                            + ": " + new PathWords(daemon).of(evidence) + ". weft ping " + peer.address()
                            + " asks anew"));
        }
    }

    static String line(final String name, final String words) {
        return String.format("  %-10s %s", name, words);
    }
}
