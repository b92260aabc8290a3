/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.address.IpPrefix;
import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.DatagramPath;
import io.weft.linux.netlink.InterfaceAddress;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Route;
import io.weft.linux.netlink.RouteType;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.host.HostTools;
import io.weft.overlay.host.PodBridge;
import io.weft.overlay.record.PeerPath;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
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
    private final List<IpPrefix> subnets;

    /** Asked once for each, however many peers are behind it. */
    private final Map<String, Optional<Link>> devices = new HashMap<>();

    private final Map<IpPrefix, String> bridges = new HashMap<>();

    private HostRoutes(
            final @Nullable Rtnetlink rtnetlink, final List<IpPrefix> networks, final List<IpPrefix> subnets) {
        this.rtnetlink = rtnetlink;
        this.networks = networks;
        this.subnets = subnets;
    }

    /**
     * Opens those of the calling thread's network namespace.
     *
     * @param networks of the cluster, for each of which the tunnel may have one route.
     * @param subnets of this node's pods.
     */
    public static HostRoutes open(final List<IpPrefix> networks, final List<IpPrefix> subnets) {
        Rtnetlink rtnetlink = null;
        try {
            rtnetlink = Rtnetlink.open();
        } catch (final LinuxException unknown) {
            // nothing is known of the host's routes then
        }
        return new HostRoutes(rtnetlink, networks, subnets);
    }

    /** Where they lead packets for the peer itself, of this host and of its pods. */
    public HostWay of(final PeerPath path) {
        final HostWay way = of(path, path.overlayAddress());
        final String refusal = HostWay.Kind.TUNNEL == way.kind() ? refusalOfPods(path, path.overlayAddress()) : "";
        return refusal.isEmpty() ? way : HostWay.notForPods(refusal);
    }

    /**
     * As {@link #refusal}, of a pod that this node may have, in each of its subnets: the last address, since a pod that is there may have a
     * rule of its own.
     */
    public String refusalOfPods(final PeerPath path, final IpAddress destination) {
        final Rtnetlink opened = rtnetlink;
        if (null == opened) {
            return "";
        }
        return subnets.stream()
                .filter(subnet -> subnet.family() == path.subnet().family())
                .filter(subnet -> subnet.length() < subnet.family().addressBits() - 1)
                .map(subnet -> refusal(
                        path,
                        destination,
                        subnet.last(subnet.family().addressBits() - 1).base(),
                        bridges.computeIfAbsent(subnet, own -> bridge(opened, own))))
                .filter(refusal -> !refusal.isEmpty())
                .findFirst()
                .orElse("");
    }

    private static String bridge(final Rtnetlink opened, final IpPrefix subnet) {
        try {
            return PodBridge.name(opened, subnet);
        } catch (final LinuxException unknown) {
            return "";
        }
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
            final Optional<Link> in =
                    bridge.isEmpty() ? Optional.empty() : devices.computeIfAbsent(bridge, opened::link);
            if (in.isEmpty() || !in.get().up()) {
                return "";
            }
            final Optional<Link> device = devices.computeIfAbsent(path.device(), opened::link);
            final boolean isPod = RouteType.LOCAL
                    != opened.matchingRoute(source.toInetAddress()).type();
            return device.isEmpty() || !isPod ? "" : refusal(opened, path, destination, source, in.get(), device.get());
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
        final String command = ": ip route get " + destination + " from " + source + " iif " + in.name() + " says so; "
                + HostTools.ip(destination) + " rule show has the rules of routing by source";
        try {
            final Route route = opened.forwardedRoute(destination.toInetAddress(), source.toInetAddress(), in.index());
            return route.linkIndex() == device.index() || isDirect(route, path)
                    ? ""
                    : "this host's routes lead packets from " + source + " elsewhere than others, and not to "
                            + device.name() + command;
        } catch (final LinuxException refused) {
            return Errno.EHOSTUNREACH == refused.errno() && isForwardingOff(in, source.family())
                    ? "" // of all packets, which is told as what it is
                    : "this host does not forward packets from " + source + " (" + reason(refused.errno()) + ")"
                            + command;
        }
    }

    /** That of IPv6 counts for the whole host alone. */
    private static boolean isForwardingOff(final Link in, final IpFamily family) {
        final Path setting = IpFamily.IPV4 == family
                ? Path.of("/proc/sys/net/ipv4/conf", in.name(), "forwarding")
                : Path.of("/proc/sys/net/ipv6/conf/all/forwarding");
        try {
            return Files.readString(setting).startsWith("0");
        } catch (final IOException unknown) {
            return false;
        }
    }

    /**
     * Whether this host sends what goes to a peer's underlay address by another device than that whose address it sends from.
     *
     * @param locals addresses that are sent from, of each family one.
     * @param port of the tunnel.
     * @return in words, with what to do; empty if that is not so, or not known.
     */
    public String underlayElsewhere(final IpAddress peer, final List<IpAddress> locals, final int port) {
        final Rtnetlink opened = rtnetlink;
        if (null == opened) {
            return "";
        }
        try {
            final @Nullable IpAddress own = locals.stream()
                    .filter(local -> local.family() == peer.family())
                    .findFirst()
                    .orElse(null);
            if (null == own) {
                return "";
            }
            final int leads = opened.pathTo(peer.toInetAddress(), own.toInetAddress(), port)
                    .map(DatagramPath::linkIndex)
                    .orElse(0);
            final List<Integer> owners = opened.addresses().stream()
                    .filter(address -> own.equals(IpAddress.of(address.address())))
                    .map(InterfaceAddress::linkIndex)
                    .toList();
            return 0 == leads || 1 != owners.size() || owners.contains(leads) || isVirtual(opened, owners.get(0))
                    ? ""
                    : "this host's routes lead " + peer + " to " + name(opened, leads) + ", and not to "
                            + name(opened, owners.get(0)) + ", which has " + own
                            + " that weft sends from: ip route get " + peer
                            + " says where; take away the address or the route of this host that leads there";
        } catch (final LinuxException unknown) {
            return "";
        }
    }

    /** An address on such a device is a host's own, whichever way its packets leave. */
    private static boolean isVirtual(final Rtnetlink opened, final int linkIndex) {
        return opened.link(linkIndex)
                .filter(link -> !"lo".equals(link.name()) && !"dummy".equals(link.kind()))
                .isEmpty();
    }

    private static String name(final Rtnetlink opened, final int linkIndex) {
        return opened.link(linkIndex).map(Link::name).orElse("device " + linkIndex);
    }

    /** As the kernel says it by an error (net/ipv4/fib_semantics.c, {@code fib_props}). */
    private static String reason(final int errno) {
        return switch (errno) {
            case Errno.EINVAL -> "a blackhole route or rule, or the source is refused";
            case Errno.EACCES -> "a route or rule that prohibits it";
            case Errno.EHOSTUNREACH -> "an unreachable route";
            case Errno.ENETUNREACH -> "no route, or a rule that says so";
            default -> Errno.text(errno);
        };
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
