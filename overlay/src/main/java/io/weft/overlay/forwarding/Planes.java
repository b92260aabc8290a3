/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import io.weft.linux.IpPrefix;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.host.Blackholes;
import io.weft.overlay.host.HostNetwork;
import io.weft.overlay.host.HostRoutes;
import io.weft.overlay.host.HostWatch;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lease.Subnet;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.lifecycle.TakeDown;
import io.weft.overlay.options.WeftOptions;
import io.weft.overlay.options.WeftdOptions;
import io.weft.routing.RoutingTables;
import java.net.InetAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The forwarding planes of a node, one for each family that its underlay has, and what the host needs to lead packets into
 * them. A family of pods goes to the plane of the same family where there is one, and else to the other. A backend without a
 * tunnel has no plane: the kernel's routes do it all. Made, fed and closed by the control thread.
 */
public final class Planes implements AutoCloseable {
    /** RFC 791 and RFC 8200, 5: what every link must carry. */
    private static final int MTU_MIN_IPV4 = 576;

    private static final int MTU_MIN_IPV6 = 1280;

    private final WeftdOptions options;
    private final NetworkConfig config;
    private final Lease own;
    private Underlay underlay;
    private final Rtnetlink rtnetlink;
    private final Map<UnderlayFamily, ForwardingPlane> planes = new EnumMap<>(UnderlayFamily.class);
    private final Map<UnderlayFamily, HostNetwork> hosts = new EnumMap<>(UnderlayFamily.class);
    private final Blackholes blackholes;
    private final HostRoutes routes;
    private long offloadRepairs;
    /** Not before are the routes that an earlier daemon left compared with what should be: until then they do their work. */
    private boolean isPublished;

    private final Deque<AutoCloseable> undo = new ArrayDeque<>();

    private Planes(
            final WeftdOptions options,
            final NetworkConfig config,
            final Lease own,
            final Underlay underlay,
            final Rtnetlink rtnetlink) {
        this.options = options;
        this.config = config;
        this.own = own;
        this.underlay = underlay;
        this.rtnetlink = rtnetlink;
        // flanneld's --ip-blackhole-route: what no pod of this node has is not sent on.
        blackholes = new Blackholes(
                rtnetlink,
                options.flanneld().ipBlackholeRoute
                        ? prefixes(own.key().subnet(), own.key().ipv6Subnet())
                        : List.of());
        routes = new HostRoutes(
                rtnetlink,
                prefixes(config.network(), config.ipv6Network()),
                config.backend().type().isTunnel() ? "Packets take the tunnel" : "Its pods are out of reach");
    }

    /** The families that a node has planes of. */
    private static Set<UnderlayFamily> families(final BackendConfig backend, final Underlay underlay) {
        final Set<UnderlayFamily> families = EnumSet.allOf(UnderlayFamily.class);
        families.removeIf(
                family -> null == family.local(underlay) || !backend.type().isTunnel());
        return families;
    }

    private Set<UnderlayFamily> families() {
        return families(config.backend(), underlay);
    }

    /** The devices that pods' packets leave by: those of the planes, or the underlay's own. */
    public static List<String> deviceNames(
            final WeftOptions options, final BackendConfig backend, final Underlay underlay) {
        return backend.type().isTunnel()
                ? families(backend, underlay).stream()
                        .map(family -> family.deviceName(options, backend.vni()))
                        .toList()
                : List.of(underlay.name());
    }

    /** Makes the devices and starts to forward, with empty tables; leaves nothing behind when it fails. */
    public static Planes open(
            final WeftdOptions options,
            final NetworkConfig config,
            final Lease own,
            final Underlay underlay,
            final Rtnetlink rtnetlink) {
        final Planes planes = new Planes(options, config, own, underlay, rtnetlink);
        boolean isOpen = false;
        try {
            planes.requireMtu();
            planes.families().forEach(planes::open);
            if (config.backend().type().isTunnel()) {
                planes.undo.push(planes.routes); // without a tunnel, pods stay connected as under flanneld
            }
            planes.undo.push(planes.blackholes);
            isOpen = true;
            return planes;
        } finally {
            if (!isOpen) {
                planes.close();
            }
        }
    }

    private void open(final UnderlayFamily family) {
        final ForwardingPlane plane = ForwardingPlane.open(
                new ForwardingPlane.Settings(options.weft(), family, mtu(family), config.backend(), own, underlay));
        undo.push(plane);
        planes.put(family, plane);
        final Subnet subnet = isLedInto(family, UnderlayFamily.IPV4) ? own.key().subnet() : null;
        final Subnet ipv6Subnet =
                isLedInto(family, UnderlayFamily.IPV6) ? own.key().ipv6Subnet() : null;
        final HostNetwork host = new HostNetwork(
                rtnetlink,
                deviceName(family),
                mtu(family),
                prefixes(subnet, ipv6Subnet).stream()
                        .map(prefix -> IpPrefix.host(prefix.address()))
                        .toList(),
                prefixes(null == subnet ? null : config.network(), null == ipv6Subnet ? null : config.ipv6Network()));
        hosts.put(family, host);
    }

    /** Calls back, on threads of its own, when somebody changes what devices and routes need. After the first {@link #repair}. */
    public void watch(final Runnable onChange) {
        final List<IpPrefix> routed = new ArrayList<>(prefixes(config.network(), config.ipv6Network()));
        routed.addAll(prefixes(own.key().subnet(), own.key().ipv6Subnet())); // their blackholes
        hosts.forEach(
                (family, host) -> undo.push(HostWatch.start(deviceName(family), host.deviceIndex(), routed, onChange)));
        if (hosts.isEmpty()) {
            undo.push(HostWatch.start(underlay.name(), underlay.linkIndex(), routed, onChange));
        }
    }

    private String deviceName(final UnderlayFamily family) {
        return family.deviceName(options.weft(), config.backend().vni());
    }

    /** The interface below, as it is carried over. */
    public Underlay underlay() {
        return underlay;
    }

    /** Calls with each device's name and tables. */
    public void each(final BiConsumer<String, RoutingTables> consumer) {
        planes.forEach((family, plane) -> consumer.accept(deviceName(family), plane.tables()));
    }

    /** The counters of all workers of all planes; from any thread. */
    public List<CounterSample> counters() {
        final List<CounterSample> samples = new ArrayList<>();
        planes.forEach((family, plane) -> plane.read(reader -> {
            reader.forEach((id, typeId, key, label) -> samples.add(
                    new CounterSample(deviceName(family), key.getInt(0), label, reader.getCounterValue(id))));
            return samples;
        }));
        return samples;
    }

    /** True when the cluster network of the pods' family is routed to the plane of this family. */
    private boolean isLedInto(final UnderlayFamily family, final UnderlayFamily pods) {
        return family == pods || !families().contains(pods);
    }

    private static List<IpPrefix> prefixes(final @Nullable Subnet subnet, final @Nullable Subnet ipv6Subnet) {
        return Stream.of(subnet, ipv6Subnet)
                .filter(Objects::nonNull)
                .map(Subnet::toPrefix)
                .toList();
    }

    private int mtu(final UnderlayFamily family) {
        return outerMtu() - family.overhead(config.backend().type());
    }

    private int outerMtu() {
        return 0 == config.backend().mtu() ? underlay.mtu() : config.backend().mtu();
    }

    /** What a packet of either family may have on its way through any plane, in bytes. */
    public int podMtu() {
        return families().stream().mapToInt(this::mtu).min().orElse(outerMtu());
    }

    /**
     * Follows a change of the underlay's MTU: devices, routes and connections stay.
     *
     * @param now the underlay, of which nothing else has changed.
     * @return false when a data thread is busy: to be tried again.
     * @throws StartupException when it leaves too little for pods; nothing has changed then.
     */
    public boolean follow(final Underlay now) {
        final Underlay before = underlay;
        underlay = now;
        boolean isTaken = false;
        try {
            requireMtu();
            isTaken = planes.entrySet().stream()
                    .allMatch(plane -> plane.getValue().mtu(mtu(plane.getKey())));
        } finally {
            underlay = isTaken ? now : before;
        }
        if (isTaken) {
            hosts.forEach((family, host) -> host.mtu(mtu(family)));
        }
        return isTaken;
    }

    private void requireMtu() {
        final boolean ipv6 = null != config.ipv6Network();
        final int least = ipv6 ? MTU_MIN_IPV6 : MTU_MIN_IPV4;
        if (podMtu() < least) {
            throw new StartupException("the underlay's MTU " + outerMtu() + " leaves " + podMtu() + " bytes for pods, "
                    + (ipv6 ? "IPv6" : "IPv4") + " needs " + least + ": raise the MTU of " + underlay.name());
        }
    }

    /** The tables of a family's plane; null when the node has none. */
    @Nullable
    public RoutingTables tables(final UnderlayFamily family) {
        final ForwardingPlane plane = planes.get(family);
        return null == plane ? null : plane.tables();
    }

    /** Has the kernel lead a subnet into a family's plane, or straight to its node where DirectRouting allows it. */
    public void lead(final Subnet subnet, final UnderlayFamily family, final InetAddress publicAddress) {
        final UnderlayFamily pods = UnderlayFamily.of(subnet);
        if (!isLedInto(family, pods)) {
            routes.through(subnet.toPrefix(), deviceName(family));
        } else if (config.backend().directRouting() && family == pods) {
            routes.direct(subnet.toPrefix(), publicAddress);
        }
    }

    /** Has the kernel lead a subnet to its node by the node's own address, without a plane. */
    public void leadBy(final Subnet subnet, final InetAddress publicAddress) {
        routes.by(subnet.toPrefix(), publicAddress);
    }

    /** Takes {@link #lead} or {@link #leadBy} back. */
    public void unlead(final Subnet subnet) {
        routes.remove(subnet.toPrefix());
    }

    /** Lets the data threads, and then the kernel, use what has changed in the tables. */
    public void publish() {
        planes.values().forEach(plane -> plane.tables().publish());
        isPublished = true;
        routes.repair();
    }

    /**
     * Compares the host with what should be, and puts it right.
     *
     * @return false when a device is gone.
     */
    public boolean repair() {
        for (final HostNetwork host : hosts.values()) {
            if (!host.repair()) {
                return false;
            }
        }
        offloads().forEach(offload -> offloadRepairs += offload.repair(rtnetlink));
        blackholes.repair();
        if (isPublished) {
            routes.repair();
        }
        return true;
    }

    /** Differences of devices, addresses, their routes and blackhole routes that were put right. */
    public long deviceRepairs() {
        return offloadRepairs
                + blackholes.repairs()
                + hosts.values().stream().mapToLong(HostNetwork::repairs).sum();
    }

    /** The same of routes to single subnets. */
    public long routeRepairs() {
        return routes.repairs();
    }

    /** The ways of superframes that leave whole; none where that is not possible. */
    public List<TunnelOffloadSwitch> offloads() {
        return planes.values().stream()
                .map(ForwardingPlane::tunnelOffload)
                .filter(Objects::nonNull)
                .toList();
    }

    /** Lets the counters files outlive the planes: for a node that was ready once. */
    public void keepCounters() {
        planes.values().forEach(ForwardingPlane::keepCounters);
    }

    /** Shows readers of the counters that the control thread lives. */
    public void heartbeat() {
        planes.values().forEach(ForwardingPlane::heartbeat);
    }

    /** Stops forwarding. */
    @Override
    public void close() {
        TakeDown.all(undo);
    }
}
