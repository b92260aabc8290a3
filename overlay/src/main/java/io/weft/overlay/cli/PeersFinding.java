/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.address.IpAddress;
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
import java.util.function.Function;
import java.util.function.Supplier;
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

    private final List<String> mended = new ArrayList<>();
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
        try (OwnRoutes routes = new OwnRoutes(daemon)) {
            counters.forEach((device, counted) -> look(device, counted, routes));
        }
    }

    private void look(final DeviceRecord device, final CountersRecord counters, final OwnRoutes routes) {
        final List<PeerPath> paths = paths(device);
        final Map<IpAddress, List<PeerPath>> byPeer = paths.stream().collect(Collectors.groupingBy(PeerPath::peer));
        counters.peers().stream().filter(peer -> 0 == peer.goneMs()).forEach(peer -> {
            final List<PeerPath> own = byPeer.getOrDefault(peer.address(), List.of());
            all++;
            byDevice.merge(device.name(), 1L, Long::sum);
            look(peer, own, routes, check -> cause(paths, own, counters, peer, check));
        });
    }

    private static List<PeerPath> paths(final DeviceRecord device) {
        try {
            return PeerPath.of(device);
        } catch (final IllegalStateException notWrittenYet) {
            return List.of();
        }
    }

    /**
     * What the routes of this host do now counts more than what a check has found of them.
     *
     * @param paths to that peer.
     */
    private void look(
            final PeerRecord peer,
            final List<PeerPath> paths,
            final OwnRoutes routes,
            final Function<PathCheck, String> cause) {
        final PathCheck check = peer.check();
        if (null != check) {
            checked++;
            oldestMs = Math.min(oldestMs, check.timeMs());
        }
        if (null == check || PathState.OK == check.state()) {
            routes.elsewhere(paths).ifPresent(elsewhere -> name(peer, nowMs, elsewhere::words));
        } else if (PathState.ROUTE == check.state() && routes.areTheTunnels(paths)) {
            mended.add(peer.address().toString());
        } else {
            name(peer, check.timeMs(), () -> check.state().label() + cause.apply(check));
        }
    }

    private void name(final PeerRecord peer, final long timeMs, final Supplier<String> fault) {
        oldestSilentMs = Math.min(oldestSilentMs, timeMs);
        if (silent < NAMED_MAX) {
            named.computeIfAbsent(fault.get(), cause -> new ArrayList<>())
                    .add(peer.address().toString());
        }
        silent++;
    }

    /** Cause and remedy; empty where the tables do not say any more where the peer is. */
    private String cause(
            final List<PeerPath> paths,
            final List<PeerPath> own,
            final CountersRecord counters,
            final PeerRecord peer,
            final PathCheck check) {
        return own.isEmpty()
                ? ""
                : ": " + words.of(PathEvidence.onRecord(daemon, paths, own.get(0), peer, check, counters));
    }

    Finding finding() {
        return Finding.of(
                PART,
                0 == silent ? "" : silent + " of " + all + " do not answer as they should: " + trouble(),
                count()
                        + (0 == checked
                                ? ", not checked" + whyUnchecked()
                                : answering() + ", checked " + ago(oldestMs)));
    }

    /** Nobody is said to answer of whom that is not known. */
    private String answering() {
        final long unchecked = all - checked;
        return (0 == unchecked && mended.isEmpty()
                        ? ", all answer"
                        : ", " + (checked - mended.size()) + " checked and answer")
                + (0 == unchecked
                        ? ""
                        : ", " + unchecked + " not checked yet (new, or another way than before: asked in a moment)")
                + (mended.isEmpty()
                        ? ""
                        : ", " + mended.stream().limit(NAMED_MAX).collect(Collectors.joining(" and "))
                                + (mended.size() > NAMED_MAX ? " and " + (mended.size() - NAMED_MAX) + " more" : "")
                                + " led elsewhere by this host's routes when that was checked, and not any more (asked in a"
                                + " moment)");
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
