/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.IpAddress;
import io.weft.linux.LinuxException;
import io.weft.overlay.forwarding.Forwarders;
import io.weft.overlay.forwarding.OffloadTrial;
import io.weft.overlay.forwarding.PodMtu;
import io.weft.overlay.forwarding.PodRoutes;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.host.UnderlayCheck;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lifecycle.ControlLoop;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.ops.Condition;
import io.weft.overlay.ops.Conditions;
import io.weft.overlay.ping.ProbedTunnel;
import java.util.stream.Stream;

/**
 * What a node does when its underlay changes: another MTU is followed while packets flow, another address or interface is a
 * reason to set the node up anew (docs/decisions/0053-follow-the-underlay.md). Control thread alone.
 */
final class UnderlayChanges {
    private static final System.Logger LOG = System.getLogger(UnderlayChanges.class.getName());

    /** Nothing beside what a stream lasts, and fifty looks a second for ten seconds after a start at the most. */
    private static final long WATCH_LOOK_MS = 20;

    private final UnderlayCheck check;
    private final Forwarders forwarders;
    private final PodRoutes routes;
    private final NetworkConfig config;
    private final Conditions conditions;
    private final ControlLoop loop;
    private volatile Underlay underlay;
    private boolean isLookAwaited;
    private int linkIndex;

    /**
     * Begins with what the node was set up on.
     *
     * @param check looks at the interface.
     * @param underlay as it was then.
     * @param loop that runs this; it ends when the node has to be set up anew.
     */
    UnderlayChanges(
            final UnderlayCheck check,
            final Underlay underlay,
            final NetworkConfig config,
            final Forwarders forwarders,
            final PodRoutes routes,
            final Conditions conditions,
            final ControlLoop loop) {
        this.check = check;
        this.underlay = underlay;
        linkIndex = underlay.linkIndex();
        this.config = config;
        this.forwarders = forwarders;
        this.routes = routes;
        this.conditions = conditions;
        this.loop = loop;
    }

    /** One look; whenever something may have changed, and once a second. */
    void follow() {
        final Underlay now = check.compare();
        linkIndex = now.linkIndex();
        conditions.set(Condition.UNDERLAY, check.trouble());
        for (final OffloadTrial offload : forwarders.offloads()) {
            offload.run(now, check.trouble().isEmpty());
        }
        awaitSuperframes();
        forwarders.packetUnderlays().forEach(packets -> packets.follow(now));
        if (!now.name().equals(underlay.name()) || !now.localAddresses().equals(underlay.localAddresses())) {
            loop.end("the underlay is " + now + " now, was " + underlay);
        } else if (now.mtu() != underlay.mtu()) {
            followMtu(underlay.withMtu(now.mtu()));
        } else {
            conditions.holds(Condition.MTU);
        }
    }

    /** One look at who of the peers answers on the underlay's link. */
    void lookAtNeighbours() {
        forwarders.lookAtNeighbours(linkIndex);
    }

    /** Until then superframes are cut, or what leaves costs more; so they are looked for more often than once a second. */
    private void awaitSuperframes() {
        if (!isLookAwaited && forwarders.offloads().stream().anyMatch(OffloadTrial::isWatching)) {
            isLookAwaited = true;
            loop.after(WATCH_LOOK_MS, () -> {
                isLookAwaited = false;
                forwarders.offloads().stream().filter(OffloadTrial::isWatching).forEach(OffloadTrial::look);
                awaitSuperframes();
            });
        }
    }

    private void followMtu(final Underlay now) {
        try {
            final PodMtu mtu = PodMtu.of(config, now);
            mtu.require();
            if (forwarders.mtu(mtu)) { // else a data thread is busy: at the next look
                routes.mtu(mtu);
                underlay = now;
                conditions.holds(Condition.MTU);
            }
        } catch (final StartupException | LinuxException failure) {
            final String trouble = String.valueOf(failure.getMessage());
            if (!trouble.equals(conditions.trouble(Condition.MTU))) {
                LOG.log(
                        WARNING,
                        "follow MTU {0} of the underlay: {1}. Tried again every second{2}",
                        String.valueOf(now.mtu()),
                        trouble,
                        now.logFields());
            }
            conditions.set(Condition.MTU, trouble);
        }
    }

    /** The underlay that is followed at present. */
    Underlay underlay() {
        return underlay;
    }

    /** What is between this node and its peers. */
    ProbedTunnel tunnel(final LeaseKey own) {
        return new ProbedTunnel(
                config.backend().type(),
                config.backend().vni(),
                config.backend().port(),
                underlay.localAddresses().stream().map(IpAddress::of).toList(),
                config.networks(),
                Stream.of(own.subnet(), own.ipv6Subnet())
                        .flatMap(Stream::ofNullable)
                        .toList());
    }

    /** What the underlay leaves for packets of pods at present. */
    PodMtu podMtu() {
        return PodMtu.of(config, underlay);
    }
}
