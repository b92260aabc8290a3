/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.dataplane.counters.PathCheck;
import io.weft.dataplane.counters.PathState;
import io.weft.dataplane.counters.PeerRecord;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.record.CountersRecord;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DeviceRecord;
import io.weft.overlay.record.PeerPath;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** How the ways to the peers of a daemon are, by its last checks: a line of {@code weft status}. */
final class PeersFinding {
    static final String PART = "peers";

    /** Of peers that are wrong. */
    private static final int NAMED_MAX = 3;

    private final DaemonRecord daemon;
    private final PathWords words;
    /** Of as many as are named, by what is at fault with them. */
    private final Map<String, List<String>> named = new LinkedHashMap<>();

    /** How many peers each device has: a node of two families is one of both. */
    private final Map<String, Long> byDevice = new LinkedHashMap<>();

    private final long nowMs;
    private long silent;
    private long all;
    private long checked;
    private long oldestMs = Long.MAX_VALUE;
    private long oldestSilentMs = Long.MAX_VALUE;

    /** @param counters of the daemon's devices that have some to read. */
    PeersFinding(final DaemonRecord daemon, final Map<DeviceRecord, CountersRecord> counters) {
        this.daemon = daemon;
        words = new PathWords(daemon);
        // By the daemon's clock, also where it stands still: its last sign of life, and how old that is.
        nowMs = daemon.ageMs()
                + counters.values().stream()
                        .mapToLong(CountersRecord::heartbeatMs)
                        .max()
                        .orElse(0);
        counters.forEach((device, counted) -> counted.peers().stream()
                .filter(peer -> 0 == peer.goneMs())
                .forEach(peer -> look(device, counted, peer)));
    }

    private void look(final DeviceRecord device, final CountersRecord counters, final PeerRecord peer) {
        final PathCheck check = peer.check();
        all++;
        byDevice.merge(device.name(), 1L, Long::sum);
        if (null == check) {
            return;
        }
        checked++;
        oldestMs = Math.min(oldestMs, check.timeMs());
        if (PathState.OK != check.state()) {
            oldestSilentMs = Math.min(oldestSilentMs, check.timeMs());
            if (silent < NAMED_MAX) {
                named.computeIfAbsent(
                                check.state().label() + cause(device, counters, peer, check),
                                cause -> new ArrayList<>())
                        .add(peer.address().toString());
            }
            silent++;
        }
    }

    /** Cause and remedy; empty where the tables do not say any more where the peer is. */
    private String cause(
            final DeviceRecord device, final CountersRecord counters, final PeerRecord peer, final PathCheck check) {
        try {
            final List<PeerPath> paths = PeerPath.of(device);
            return paths.stream()
                    .filter(path -> path.peer().equals(peer.address()))
                    .findFirst()
                    .map(path -> ": " + words.of(PathEvidence.onRecord(daemon, paths, path, peer, check, counters)))
                    .orElse("");
        } catch (final IllegalStateException notWrittenYet) {
            return "";
        }
    }

    Finding finding() {
        return Finding.of(
                PART,
                0 == silent ? "" : silent + " of " + all + " do not answer as they should: " + trouble(),
                count()
                        + (0 == checked
                                ? ", not checked" + whyUnchecked()
                                : (checked == all ? ", all answer" : ", " + checked + " checked and answer")
                                        + ", checked " + ago(oldestMs)));
    }

    private String count() {
        return byDevice.size() < 2
                ? Words.count(all, "node")
                : byDevice.entrySet().stream()
                        .map(device -> Words.count(device.getValue(), "node") + " by " + device.getKey())
                        .collect(Collectors.joining(", "));
    }

    private String ago(final long timeMs) {
        return Words.duration(nowMs - timeMs) + " ago";
    }

    private String trouble() {
        return named.entrySet().stream()
                        .map(fault -> String.join(", ", fault.getValue()) + " " + fault.getKey())
                        .collect(Collectors.joining("; "))
                + (silent > NAMED_MAX ? "; and " + (silent - NAMED_MAX) + " more" : "")
                + ". weft ping "
                + (1 == silent
                        ? named.values().iterator().next().get(0) + " asks anew"
                        : "all asks anew, and tells it of each")
                + ": this was found " + ago(oldestSilentMs);
    }

    private String whyUnchecked() {
        final JsonValue seconds = daemon.status().member("peerCheckSeconds");
        return null != seconds && 0 == seconds.integer(0, Integer.MAX_VALUE) ? ": --peer-check-interval=0" : " yet";
    }
}
