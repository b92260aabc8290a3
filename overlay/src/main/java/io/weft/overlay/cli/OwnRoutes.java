/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.overlay.ping.HostRoutes;
import io.weft.overlay.ping.HostWay;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.Liveness;
import io.weft.overlay.record.PeerPath;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Where this host's routes and rules lead packets for peers now, whatever a check has found: no packet is needed to ask for that. */
final class OwnRoutes implements AutoCloseable {
    /** Ways that are looked at: what is wrong with the routes is seldom so for one peer among thousands alone. */
    private static final int LOOKS_MAX = 64;

    private final @Nullable HostRoutes routes;
    private int looks;

    /** @param daemon whose tunnel it is; of one that is not here, or not running, nothing is known. */
    OwnRoutes(final DaemonRecord daemon) {
        routes = daemon.isHere() && Liveness.LIVE == daemon.liveness()
                ? HostRoutes.open(daemon.networks(), daemon.subnets())
                : null;
    }

    /**
     * The first way that is not the tunnel's, with where it leads instead; empty where all lead there, or that is not known.
     *
     * @param paths to one peer.
     */
    Optional<Elsewhere> elsewhere(final List<PeerPath> paths) {
        for (final PeerPath path : paths) {
            final Optional<HostWay> way = of(path);
            if (way.isPresent() && HostWay.Kind.TUNNEL != way.get().kind()) {
                return Optional.of(new Elsewhere(path, way.get()));
            }
        }
        return Optional.empty();
    }

    /** Whether all ways to one peer are known to lead to the tunnel. */
    boolean areTheTunnels(final List<PeerPath> paths) {
        return !paths.isEmpty()
                && paths.stream()
                        .allMatch(path -> of(path).filter(way -> HostWay.Kind.TUNNEL == way.kind())
                                .isPresent());
    }

    private Optional<HostWay> of(final PeerPath path) {
        if (null == routes || looks >= LOOKS_MAX) {
            return Optional.empty();
        }
        looks++;
        return Optional.of(routes.of(path));
    }

    /** A way that is led elsewhere. */
    record Elsewhere(PeerPath path, HostWay way) {
        String words() {
            return (HostWay.Kind.ROUTELESS == way.kind() ? "local: " : "route: ")
                    + PathWords.hostWay(way, path, path.overlayAddress());
        }
    }

    @Override
    public void close() {
        if (null != routes) {
            routes.close();
        }
    }
}
