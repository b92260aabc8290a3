/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Route;
import io.weft.linux.netlink.RouteType;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.record.PeerPath;
import java.net.InetAddress;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Whether the host leads packets for peers to the tunnel's device: as {@code ip route get fibmatch} asks. What goes another
 * way says nothing of the overlay, answered or not; whatever keeps that from being known keeps nobody from asking peers. Owned by one thread.
 */
public final class HostRoutes implements AutoCloseable {
    private final @Nullable Rtnetlink rtnetlink;
    private final List<IpPrefix> networks;

    /** Asked once for each, however many peers are behind it. */
    private final Map<String, Optional<Link>> devices = new HashMap<>();

    private HostRoutes(final @Nullable Rtnetlink rtnetlink, final List<IpPrefix> networks) {
        this.rtnetlink = rtnetlink;
        this.networks = networks;
    }

    /**
     * Opens those of the calling thread's network namespace.
     *
     * @param networks of the cluster, for each of which the tunnel may have one route.
     */
    public static HostRoutes open(final List<IpPrefix> networks) {
        Rtnetlink rtnetlink = null;
        try {
            rtnetlink = Rtnetlink.open();
        } catch (final LinuxException unknown) {
            // nothing is known of the host's routes then
        }
        return new HostRoutes(rtnetlink, networks);
    }

    /** Where they lead packets for the peer itself. */
    HostWay of(final PeerPath path) {
        return of(path, path.overlayAddress());
    }

    /**
     * Where they lead. Without any the send tells, and without the device weftd itself.
     *
     * @param destination the peer's, or of a pod behind it.
     */
    public HostWay of(final PeerPath path, final IpAddress destination) {
        final Rtnetlink opened = rtnetlink;
        if (null == opened) {
            return HostWay.TUNNEL;
        }
        try {
            final Optional<Link> device = devices.computeIfAbsent(path.device(), opened::link);
            if (device.isEmpty()) {
                return HostWay.TUNNEL;
            }
            final Route route = opened.matchingRoute(destination.toInetAddress());
            final boolean isTheTunnels = device.get().index() == route.linkIndex() || isDirect(route, path);
            return isTheTunnels
                    ? HostWay.TUNNEL
                    : new HostWay(
                            isInFront(route, path) ? HostWay.Kind.ELSEWHERE : HostWay.Kind.ROUTELESS,
                            0 == route.linkIndex() // that of several devices tells none
                                    ? ""
                                    : opened.link(route.linkIndex())
                                            .map(Link::name)
                                            .orElse(""));
        } catch (final LinuxException unknown) {
            return HostWay.TUNNEL;
        }
    }

    /**
     * What keeps a packet of one pod from the tunnel, though that is where the host leads packets for its destination: policy routing by
     * its source, as {@code ip route get ... from ... iif} asks.
     *
     * @param bridge that the pod is at.
     * @return in words, with what to do; empty if nothing does, or that is not known.
     */
    public String refusal(
            final PeerPath path, final IpAddress destination, final IpAddress source, final String bridge) {
        final Rtnetlink opened = rtnetlink;
        if (null == opened) {
            return "";
        }
        try {
            final Optional<Link> in = devices.computeIfAbsent(bridge, opened::link);
            final Optional<Link> device = devices.computeIfAbsent(path.device(), opened::link);
            final boolean isPod = RouteType.LOCAL
                    != opened.matchingRoute(source.toInetAddress()).type();
            return in.isEmpty() || device.isEmpty() || !isPod
                    ? ""
                    : refusal(opened, path, destination, source, in.get(), device.get());
        } catch (final LinuxException unknown) {
            return "";
        }
    }

    private static String refusal(
            final Rtnetlink opened,
            final PeerPath path,
            final IpAddress destination,
            final IpAddress source,
            final Link in,
            final Link device) {
        final String command = ": ip route get " + destination + " from " + source + " iif " + in.name()
                + " says so; ip rule show has the rules of routing by source";
        try {
            final Route route = opened.forwardedRoute(destination.toInetAddress(), source.toInetAddress(), in.index());
            return route.linkIndex() == device.index() || isDirect(route, path)
                    ? ""
                    : "this host's routes lead packets from " + source + " elsewhere than others, and not to "
                            + device.name() + command;
        } catch (final LinuxException refused) {
            return "this host does not forward packets from " + source + " (" + Errno.text(refused.errno()) + ")"
                    + command;
        }
    }

    /** The address that this host sends from; null where that is not known. */
    @Nullable
    IpAddress source(final IpAddress destination) {
        final Rtnetlink opened = rtnetlink;
        try {
            final InetAddress source = null == opened
                    ? null
                    : opened.routeTo(destination.toInetAddress()).source();
            return null == source ? null : IpAddress.of(source);
        } catch (final LinuxException unknown) {
            return null;
        }
    }

    /** As the network's configuration may allow where nodes are on one link. */
    private static boolean isDirect(final Route route, final PeerPath path) {
        final InetAddress gateway = route.gateway();
        return null != gateway && IpAddress.of(gateway).equals(path.peer());
    }

    /** Whether it would be taken though the tunnel's were there: not a wider one of the same table. */
    private boolean isInFront(final Route route, final PeerPath path) {
        final int tunnels = networks.stream()
                .filter(network -> network.contains(path.subnet()))
                .mapToInt(IpPrefix::length)
                .findFirst()
                .orElse(path.subnet().length());
        return RouteType.UNICAST != route.type()
                || Route.TABLE_MAIN != route.table()
                || route.destination().length() >= tunnels;
    }

    @Override
    public void close() {
        final Rtnetlink opened = rtnetlink;
        if (null != opened) {
            opened.close();
        }
    }
}
