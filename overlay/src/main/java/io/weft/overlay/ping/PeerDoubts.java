/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

import io.weft.address.IpAddress;
import io.weft.dataplane.counters.PathState;
import io.weft.overlay.record.PeerPath;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * When those are asked again that were not well: at first soon, since a fault that has just begun may be a node that starts, or be mended by
 * whoever made it, and then ever later, until the next check of all is as near. Owned by one thread.
 */
final class PeerDoubts {
    private static final long FIRST_PAUSE_NS = TimeUnit.SECONDS.toNanos(5);

    /** The host's own routes are asked without a packet, so often. */
    private static final long LOOK_PAUSE_NS = TimeUnit.SECONDS.toNanos(2);

    /** One of them that is mended stands for all. */
    private static final int LOOKED_AT_MAX = 32;

    private final PeerLog log;
    private final long maxPauseNs;
    private long pauseNs = FIRST_PAUSE_NS;
    private long dueNs;
    private long lookNs;

    /** @param maxPauseNs between two checks of all. */
    PeerDoubts(final PeerLog log, final long maxPauseNs) {
        this.log = log;
        this.maxPauseNs = maxPauseNs;
    }

    /** A check has ended. */
    void checked() {
        final long nowNs = System.nanoTime();
        pauseNs = log.takeNews() ? FIRST_PAUSE_NS : Math.min(2 * pauseNs, maxPauseNs);
        dueNs = nowNs + pauseNs;
        lookNs = nowNs + LOOK_PAUSE_NS;
    }

    /** When they are to be asked, or looked at; not before there was a check. */
    long nextNs(final long allNs) {
        if (!log.hasFaults()) {
            return allNs;
        }
        final long doubtNs = log.has(PathState.ROUTE) && lookNs - dueNs < 0 ? lookNs : dueNs;
        return doubtNs - allNs < 0 ? doubtNs : allNs;
    }

    /**
     * Whether it is time to ask.
     *
     * @param devices of the peers, each with the ways to them.
     */
    boolean areDue(final Map<String, List<PeerPath>> devices, final ProbedTunnel tunnel) {
        final long nowNs = System.nanoTime();
        if (nowNs - dueNs >= 0) {
            return true;
        }
        lookNs = nowNs + LOOK_PAUSE_NS;
        return isRouteMended(devices, tunnel);
    }

    private boolean isRouteMended(final Map<String, List<PeerPath>> devices, final ProbedTunnel tunnel) {
        try (HostRoutes routes = HostRoutes.open(tunnel.networks(), tunnel.subnets())) {
            return devices.entrySet().stream()
                    .flatMap(device -> of(device.getKey(), device.getValue(), Set.of(PathState.ROUTE)).stream())
                    .limit(LOOKED_AT_MAX)
                    .anyMatch(path -> HostWay.Kind.TUNNEL == routes.of(path).kind());
        }
    }

    /** The ways to those that an answer says more of: who loses some may answer one question well. */
    List<PeerPath> of(final String device, final List<PeerPath> paths) {
        return of(
                device,
                paths,
                log.faults(device).values().stream()
                        .filter(state -> PathState.LOSS != state)
                        .collect(Collectors.toSet()));
    }

    private List<PeerPath> of(final String device, final List<PeerPath> paths, final Set<PathState> states) {
        final Map<IpAddress, PathState> faults = log.faults(device);
        return paths.stream()
                .filter(path -> {
                    final PathState state = faults.get(path.peer());
                    return null != state && states.contains(state);
                })
                .toList();
    }
}
