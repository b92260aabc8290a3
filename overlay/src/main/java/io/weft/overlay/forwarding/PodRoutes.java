/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.dataplane.pod.PodPort;
import io.weft.linux.netlink.InterfaceAddress;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Route;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.host.Blackholes;
import io.weft.overlay.host.GuardRoutes;
import io.weft.overlay.host.HostRoutes;
import io.weft.overlay.host.HostSteps;
import io.weft.overlay.host.HostWatch;
import io.weft.overlay.host.OverlayDevice;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.lifecycle.TakeDown;
import java.net.InetAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * How the host's kernel routes the packets of pods: into the device of a forwarder, or straight to their node. A family of
 * pods goes to the forwarder of the same family where there is one, and else to the other. Control thread alone.
 */
public final class PodRoutes implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(PodRoutes.class.getName());

    private final Rtnetlink rtnetlink;
    private final NetworkConfig config;
    private final LeaseKey own;
    private final Underlay underlay;
    private final Forwarders forwarders;
    private final Map<UnderlayFamily, OverlayDevice> devices = new EnumMap<>(UnderlayFamily.class);
    private final Blackholes blackholes;
    private final HostRoutes routes;
    private final GuardRoutes guards;
    /** What is no pod, and must not be captured, for as long as this runs. */
    private final Set<InetAddress> reachable = new HashSet<>();
    /** Likewise public addresses of peers within the cluster network, each with the number of subnets that are reached by it. */
    private final Map<InetAddress, Integer> coveredPeers = new HashMap<>();
    /** How packets to each peer's subnet go. */
    private final Map<IpPrefix, Way> ways = new HashMap<>();
    /** Whether each subnet has a kernel route of its own, instead of one for all of the cluster network. */
    private boolean isRoutedBySubnet;
    /**
     * Not before are packets routed to a device, where those for a node that is not known yet would be answered that it is out of reach;
     * and routes that an earlier daemon left are compared with what should be: until then they do their work.
     */
    private boolean isPublished;

    private final Deque<AutoCloseable> undo = new ArrayDeque<>();

    /** Over which underlay, and to which node. */
    private record Way(UnderlayFamily family, InetAddress publicAddress) {}

    /**
     * Without a route yet.
     *
     * @param rtnetlink of the node's namespace.
     * @param own this node's subnets.
     * @param forwarders whose devices packets are routed to.
     * @param guards of the cluster network; routes of single subnets that earlier daemons left are looked for where those of guards are.
     * @param isBlackholed flanneld's --ip-blackhole-route: what no pod of this node has is not sent on.
     */
    public PodRoutes(
            final Rtnetlink rtnetlink,
            final NetworkConfig config,
            final LeaseKey own,
            final Underlay underlay,
            final Forwarders forwarders,
            final GuardRoutes guards,
            final boolean isBlackholed) {
        this.rtnetlink = rtnetlink;
        this.config = config;
        this.own = own;
        this.underlay = underlay;
        this.forwarders = forwarders;
        final boolean isTunnel = config.backend().type().isTunnel();
        this.guards = guards;
        routes = new HostRoutes(
                rtnetlink, guards.networks(), isTunnel ? "Packets take the tunnel" : "Its pods are out of reach");
        if (isTunnel) {
            undo.push(routes); // without a tunnel, pods stay connected as under flanneld
        }
        blackholes = new Blackholes(
                rtnetlink, guards.networks(), isBlackholed ? prefixes(own.subnet(), own.ipv6Subnet()) : List.of());
        undo.push(blackholes);
        final PodMtu mtu = PodMtu.of(config, underlay);
        forwarders.families().forEach(family -> devices.put(family, device(family, mtu)));
    }

    private OverlayDevice device(final UnderlayFamily family, final PodMtu mtu) {
        final IpPrefix subnet = isCarriedBy(family, UnderlayFamily.IPV4) ? own.subnet() : null;
        final IpPrefix ipv6Subnet = isCarriedBy(family, UnderlayFamily.IPV6) ? own.ipv6Subnet() : null;
        return new OverlayDevice(
                rtnetlink,
                forwarders.deviceName(family),
                mtu.of(family),
                prefixes(subnet, ipv6Subnet).stream()
                        .map(prefix -> IpPrefix.host(prefix.base()))
                        .toList(),
                prefixes(null == subnet ? null : config.network(), null == ipv6Subnet ? null : config.ipv6Network()));
    }

    /** Calls back, on threads of its own, when somebody changes what devices and routes need. After the first {@link #repairDevices}. */
    public void watch(final Runnable onChange) {
        final List<IpPrefix> routed = new ArrayList<>(prefixes(config.network(), config.ipv6Network()));
        routed.addAll(prefixes(own.subnet(), own.ipv6Subnet())); // their blackholes
        devices.forEach((family, device) ->
                undo.push(HostWatch.start(forwarders.deviceName(family), device.deviceIndex(), routed, onChange)));
        if (devices.isEmpty()) {
            undo.push(HostWatch.start(underlay.name(), underlay.linkIndex(), routed, onChange));
        }
    }

    /** True when the cluster network of the pods' family is routed to the forwarder of this family. */
    private boolean isCarriedBy(final UnderlayFamily family, final UnderlayFamily pods) {
        return family == pods || !forwarders.families().contains(pods);
    }

    private static List<IpPrefix> prefixes(final @Nullable IpPrefix subnet, final @Nullable IpPrefix ipv6Subnet) {
        return Stream.of(subnet, ipv6Subnet).filter(Objects::nonNull).toList();
    }

    /** Routes a subnet to a family's forwarder, or straight to its node where DirectRouting allows it. */
    public void add(final IpPrefix subnet, final UnderlayFamily family, final InetAddress publicAddress) {
        final Way way = new Way(family, publicAddress);
        final Way before = ways.put(subnet, way);
        if (isCovered(publicAddress)) {
            coveredPeers.merge(publicAddress, 1, Integer::sum);
        }
        if (null != before) {
            forgetPeer(before.publicAddress);
        }
        leaveUncaptured(Set.of(publicAddress));
        route(subnet, way);
    }

    /** A subnet is not reached by an address any more; subnets that had no guard on its account get theirs. */
    private void forgetPeer(final InetAddress publicAddress) {
        final boolean wasCovered = coveredPeers.containsKey(publicAddress);
        final boolean isCovered = null
                != coveredPeers.computeIfPresent(
                        publicAddress, (address, ofSubnets) -> 1 == ofSubnets ? null : ofSubnets - 1);
        if (wasCovered && !isCovered) {
            ways.keySet().stream()
                    .filter(subnet -> subnet.contains(publicAddress))
                    .forEach(this::guard);
        }
    }

    /** What is for a subnet goes nowhere while no weftd runs, unless the host needs an address in it. */
    private void guard(final IpPrefix subnet) {
        if (isRoutedBySubnet
                && Stream.concat(reachable.stream(), coveredPeers.keySet().stream())
                        .noneMatch(subnet::contains)) {
            guards.add(subnet);
        }
    }

    private void route(final IpPrefix subnet, final Way way) {
        guard(subnet);
        final UnderlayFamily pods = UnderlayFamily.of(subnet);
        final boolean needsRoute = isRoutedBySubnet || !isCarriedBy(way.family, pods);
        final int deviceIndex =
                needsRoute ? Objects.requireNonNull(devices.get(way.family)).deviceIndex() : HostRoutes.NO_DEVICE;
        final boolean isDirect = config.backend().directRouting()
                && way.family == pods
                && routes.direct(subnet, way.publicAddress, deviceIndex);
        if (!isDirect && needsRoute) {
            routes.dev(subnet, deviceIndex);
        }
    }

    /**
     * Sees to it that the overlay does not capture what the host needs to reach by its old way: its own underlay addresses, a
     * gateway, the registry, a peer. Where the cluster network covers one of them, each subnet of a lease gets a route of its
     * own, as with flannel, and all else of the network is left alone (docs/decisions/0051-one-route-one-tun.md).
     */
    public void keepReachable(final Set<InetAddress> addresses) {
        addresses.stream().filter(this::isCovered).forEach(reachable::add);
        leaveUncaptured(addresses);
    }

    private void leaveUncaptured(final Set<InetAddress> addresses) {
        if (isRoutedBySubnet) {
            return;
        }
        for (final InetAddress address : addresses) {
            for (final IpPrefix network : prefixes(config.network(), config.ipv6Network())) {
                if (network.contains(address)) {
                    routeBySubnet(network, "covers " + IpAddress.of(address) + ", which is no pod");
                    return;
                }
            }
        }
    }

    /**
     * Sees to it that the overlay does not capture what a bridge of this host leads to its pods by a route that is no more specific than the
     * cluster network's: where the node's subnet is all of the network, or a bridge has the network's mask. flannel sets no route but those of
     * other nodes, and such a node has its pods.
     *
     * @param addresses of the host's devices.
     */
    public void keepBridges(final List<InterfaceAddress> addresses) {
        if (devices.isEmpty() || isRoutedBySubnet) {
            return;
        }
        keepBridges(config.network(), own.subnet(), addresses);
        keepBridges(config.ipv6Network(), own.ipv6Subnet(), addresses);
        if (isRoutedBySubnet && isPublished) {
            publish();
        }
    }

    private void keepBridges(
            final @Nullable IpPrefix network, final @Nullable IpPrefix subnet, final List<InterfaceAddress> addresses) {
        if (null == network || null == subnet || isRoutedBySubnet) {
            return;
        }
        if (subnet.equals(network)) {
            routeBySubnet(network, "is this node's own subnet");
            return;
        }
        addresses.stream()
                .filter(address -> network.contains(address.address())
                        && address.network().contains(subnet)
                        && !address.network().equals(subnet)
                        && devices.values().stream().noneMatch(own -> own.deviceIndex() == address.linkIndex()))
                .findFirst()
                .ifPresent(address -> routeBySubnet(
                        network,
                        "has " + named(address.toString(), address.linkIndex())
                                + " in it, a device of this host whose network is wider than the node's " + subnet));
    }

    /**
     * Sees to it that a route of all of the cluster network that was on the host before weft is not taken away without a word: flannel sets
     * none that would. One that comes later in the place of weft's is damage, and put right. One into a device that a killed weftd left,
     * under another name than this one's, goes with it.
     */
    private void keepOthersRoutes() {
        final List<Route> others = devices.values().stream()
                .flatMap(device -> device.othersRoutes().stream())
                .toList();
        for (final Route route : others) {
            final String words = words(route);
            if (0 != route.linkIndex() && PodPort.removeLeft(rtnetlink, route.linkIndex())) {
                LOG.log(
                        INFO,
                        "the route {0} went into a device that a weftd left which was killed: both are deleted{1}",
                        words,
                        LogFields.of("route", words));
                continue;
            }
            LOG.log(
                    WARNING,
                    "the host has a route of all of the cluster network that is not weft''s, {0}: it stays, and what is for no"
                            + " node''s subnet goes by it. If nobody needs it: ip route delete {0}, and start weftd again{1}",
                    words,
                    LogFields.of("route", words));
            if (!isRoutedBySubnet) {
                routeBySubnet(route.destination(), "is routed by " + words);
            }
        }
    }

    /** As ip(8) takes it. */
    private String words(final Route route) {
        return named(route.toString(), route.linkIndex());
    }

    /** With the device's name in the place of its number. */
    private String named(final String text, final int linkIndex) {
        final Optional<Link> device = 0 == linkIndex ? Optional.empty() : rtnetlink.link(linkIndex);
        return device.map(link -> text.replace("on link " + linkIndex, "dev " + link.name()))
                .orElse(text);
    }

    private boolean isCovered(final InetAddress address) {
        return prefixes(config.network(), config.ipv6Network()).stream().anyMatch(network -> network.contains(address));
    }

    private void routeBySubnet(final IpPrefix network, final String why) {
        LOG.log(
                INFO,
                "the cluster network {0} {1}: each node''s subnet gets a route of its own{2}",
                network,
                why,
                LogFields.of("network", network));
        isRoutedBySubnet = true;
        prefixes(config.network(), config.ipv6Network()).forEach(guards::remove);
        devices.values().forEach(OverlayDevice::leaveNetworkUnrouted);
        ways.forEach(this::route);
    }

    /** Routes a subnet via its node's own address, without a forwarder. */
    public void addVia(final IpPrefix subnet, final InetAddress gateway) {
        routes.via(subnet, gateway);
    }

    /** Takes {@link #add} or {@link #addVia} back. */
    public void remove(final IpPrefix subnet) {
        final Way before = ways.remove(subnet);
        if (null != before) {
            forgetPeer(before.publicAddress);
        }
        routes.remove(subnet);
        if (isRoutedBySubnet) {
            guards.remove(subnet);
        }
    }

    /** Lets the kernel use what was added and removed; the data threads know of it already. */
    public void publish() {
        final HostSteps steps = new HostSteps();
        if (!isPublished) {
            steps.attempt(this::keepOthersRoutes);
        }
        steps.attempt(routes::publish);
        steps.attempt(guards::publish);
        if (!isPublished || isRoutedBySubnet) { // takes the one route away, when all others are there
            devices.values().forEach(device -> steps.attempt(device::repairRoutes));
        }
        isPublished = true;
        steps.requireAll();
    }

    /** Gives the devices the MTU that the underlay leaves them now. */
    public void mtu(final PodMtu mtu) {
        devices.forEach((family, device) -> device.mtu(mtu.of(family)));
    }

    /** Looks for the devices, without changing anything: routes can be wanted from then on. */
    public void findDevices() {
        devices.values().forEach(OverlayDevice::find);
    }

    /**
     * Compares the devices with what they should be, and puts them right.
     *
     * @return false when a device is gone.
     */
    public boolean repairDevices() {
        final HostSteps steps = new HostSteps();
        final boolean[] isThere = {true};
        devices.values().forEach(device -> steps.attempt(() -> isThere[0] &= device.repair()));
        steps.requireAll();
        return isThere[0];
    }

    /** The same of the routes. It takes the kernel time where it has many of others; the devices come first. */
    public void repairRoutes() {
        final HostSteps steps = new HostSteps();
        steps.attempt(blackholes::repair);
        if (isPublished) {
            devices.values().forEach(device -> steps.attempt(device::repairRoutes));
            steps.attempt(routes::repair);
            steps.attempt(guards::repair);
        } else {
            steps.attempt(guards::begin);
        }
        steps.requireAll();
    }

    /** Whether a route could not be set and should be tried again soon. */
    public boolean hasTrouble() {
        return routes.hasTrouble();
    }

    /** Differences of devices, their addresses and routes that were put right, by the devices' names. */
    public Map<String, Long> repairsOfDevices() {
        final Map<String, Long> repairs = new TreeMap<>();
        devices.values().forEach(device -> repairs.put(device.deviceName(), device.repairs()));
        return repairs;
    }

    /** The same of blackhole routes and guards. */
    public long otherRepairs() {
        return blackholes.repairs() + guards.repairs();
    }

    /** The same of routes to single subnets. */
    public long routeRepairs() {
        return routes.repairs();
    }

    /** Lets the guards outlive this node, which has been ready once. */
    public void leaveGuards() {
        guards.leave();
    }

    /** Takes the routes of single subnets back, but for the guards; those of the devices go with the devices. */
    @Override
    public void close() {
        TakeDown.all(undo);
    }
}
