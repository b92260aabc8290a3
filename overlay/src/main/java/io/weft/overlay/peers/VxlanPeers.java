/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.peers;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.overlay.forwarding.Forwarders;
import io.weft.overlay.forwarding.PodRoutes;
import io.weft.overlay.forwarding.UnderlayFamily;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lease.VtepData;
import io.weft.routing.RoutingTables;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What flannel's vxlan backend programs into the kernel, in weft's tables: per subnet a route to the subnet's base address, a
 * neighbour entry that gives this address its VTEP MAC, and an FDB entry that gives the MAC its underlay address.
 */
final class VxlanPeers implements Peers {
    private final NetworkConfig config;
    private final Forwarders forwarders;
    private final PodRoutes routes;
    private final Map<LeaseKey, Lease> installed;
    /** The next hop of each subnet, which a neighbour entry is of, so that no two have one. */
    private final Map<IpPrefix, IpAddress> gateways = new HashMap<>();

    private final Set<IpAddress> takenGateways = new HashSet<>();
    /** Which lease an FDB entry is of: a stale lease may name the MAC that a newer one has. */
    private final Map<UnderlayFamily, Map<MacAddress, LeaseKey>> fdbOwners = new EnumMap<>(UnderlayFamily.class);
    /** Of a MAC that more than one lease names, the others, the oldest first. */
    private final Map<UnderlayFamily, Map<MacAddress, List<LeaseKey>>> fdbClaimants =
            new EnumMap<>(UnderlayFamily.class);

    VxlanPeers(
            final NetworkConfig config,
            final Forwarders forwarders,
            final PodRoutes routes,
            final Map<LeaseKey, Lease> installed) {
        this.config = config;
        this.forwarders = forwarders;
        this.routes = routes;
        this.installed = installed;
        for (final UnderlayFamily family : UnderlayFamily.values()) {
            fdbOwners.put(family, new HashMap<>());
            fdbClaimants.put(family, new HashMap<>());
        }
    }

    @Override
    public @Nullable String fault(final Lease lease) {
        return paths(lease).isEmpty() ? "it has no public address and VtepMAC of an underlay that this node has" : null;
    }

    @Override
    public void install(final Lease lease) {
        for (final Path path : paths(lease)) {
            final RoutingTables tables = path.tables();
            final InetAddress gateway = takeGateway(path.subnet());
            tables.replaceRoute(path.subnet(), gateway);
            tables.replaceNeighbour(gateway, path.vtepMac());
            // One that another has taken the MAC from is installed again, for its subnet has come back to it.
            if (!isClaimant(path, lease.key())) {
                putFdb(path);
                own(path, lease.key());
            }
            routes.add(path.subnet(), path.family(), path.underlayAddress());
        }
    }

    /** The subnet's base address as flannel has it, or one behind it where a subnet of another length begins there too. */
    private InetAddress takeGateway(final IpPrefix subnet) {
        return gateways.computeIfAbsent(subnet, taker -> {
                    IpAddress gateway = taker.base();
                    while (!takenGateways.add(gateway)) {
                        gateway = gateway.plus(1);
                    }
                    return gateway;
                })
                .toInetAddress();
    }

    private void own(final Path path, final LeaseKey key) {
        final LeaseKey before = owners(path).put(path.vtepMac(), key);
        if (null != before && !before.equals(key)) {
            claimants(path)
                    .computeIfAbsent(path.vtepMac(), mac -> new ArrayList<>(1))
                    .add(before);
        }
    }

    private static void putFdb(final Path path) {
        path.tables()
                .replaceFdb(
                        path.vtepMac(), path.underlayAddress(), RoutingTables.DEFAULT_PORT, RoutingTables.DEFAULT_VNI);
    }

    private Map<MacAddress, LeaseKey> owners(final Path path) {
        return Objects.requireNonNull(fdbOwners.get(path.family()));
    }

    private Map<MacAddress, List<LeaseKey>> claimants(final Path path) {
        return Objects.requireNonNull(fdbClaimants.get(path.family()));
    }

    @Override
    public void withdraw(final Lease lease) {
        for (final Path path : paths(lease)) {
            routes.remove(path.subnet());
            path.tables().removeRoute(path.subnet());
            final IpAddress gateway = gateways.remove(path.subnet());
            if (null != gateway) {
                takenGateways.remove(gateway);
                path.tables().removeNeighbour(gateway.toInetAddress());
            }
            if (owners(path).remove(path.vtepMac(), lease.key())) {
                path.tables().removeFdb(path.vtepMac());
                restoreFdb(path);
            } else {
                forgetClaimant(path, lease.key());
            }
        }
    }

    private boolean isClaimant(final Path path, final LeaseKey key) {
        return claimants(path).getOrDefault(path.vtepMac(), List.of()).contains(key);
    }

    private void forgetClaimant(final Path path, final LeaseKey key) {
        claimants(path).computeIfPresent(path.vtepMac(), (mac, keys) -> {
            keys.remove(key);
            return keys.isEmpty() ? null : keys;
        });
    }

    @Override
    public Map<LeaseKey, String> contested() {
        final Map<LeaseKey, String> contested = new HashMap<>();
        fdbClaimants.forEach((family, claimants) -> claimants.forEach((mac, keys) -> {
            final LeaseKey owner = Objects.requireNonNull(
                    Objects.requireNonNull(fdbOwners.get(family)).get(mac), "claimed by the others");
            final InetAddress at = underlayAddress(owner, family, mac);
            keys.stream()
                    .filter(key -> !Objects.equals(at, underlayAddress(key, family, mac)))
                    .forEach(key -> contested.put(
                            key,
                            "has VtepMAC " + mac + ", as " + owner
                                    + " has, which came later: what is sent to its pods goes to"
                                    + " the node of that one, " + IpAddress.of(at)
                                    + ". If both nodes are there, give one of"
                                    + " them another: machines made from one image have one while their /etc/machine-id is the"
                                    + " same; change that, delete flannel.1 there, and restart its daemon. If one is gone,"
                                    + " delete its lease"));
        }));
        return contested;
    }

    private InetAddress underlayAddress(final LeaseKey key, final UnderlayFamily family, final MacAddress mac) {
        return paths(Objects.requireNonNull(installed.get(key), "withdrawn is forgotten")).stream()
                .filter(path -> path.family() == family && path.vtepMac().equals(mac))
                .findFirst()
                .orElseThrow()
                .underlayAddress();
    }

    /** A MAC that another lease names as well goes back to that one. */
    private void restoreFdb(final Path removed) {
        final List<LeaseKey> others = claimants(removed).get(removed.vtepMac());
        if (null == others) {
            return;
        }
        final LeaseKey last = others.get(others.size() - 1);
        forgetClaimant(removed, last);
        for (final Path path : paths(Objects.requireNonNull(installed.get(last), "withdrawn is forgotten"))) {
            if (path.family() == removed.family() && path.vtepMac().equals(removed.vtepMac())) {
                putFdb(path);
                owners(path).put(path.vtepMac(), last);
            }
        }
    }

    private List<Path> paths(final Lease lease) {
        final List<Path> paths = new ArrayList<>(2);
        if (null != config.network()) {
            addPath(paths, lease.key().subnet(), lease.attributes());
        }
        if (null != config.ipv6Network()) {
            addPath(paths, lease.key().ipv6Subnet(), lease.attributes());
        }
        return paths;
    }

    /** flannel sends pods over the underlay of their own family; where one of the two nodes lacks it, weft takes the other. */
    private void addPath(final List<Path> paths, final @Nullable IpPrefix subnet, final LeaseAttributes attributes) {
        if (null == subnet) {
            return;
        }
        final UnderlayFamily family = UnderlayFamily.of(subnet);
        final Path path = path(subnet, family, attributes);
        final Path used = null == path ? path(subnet, family.other(), attributes) : path;
        if (null != used) {
            paths.add(used);
        }
    }

    private @Nullable Path path(final IpPrefix subnet, final UnderlayFamily family, final LeaseAttributes attributes) {
        final RoutingTables tables = forwarders.tables(family);
        final VtepData vtep = family.vtep(attributes);
        final InetAddress underlayAddress = family.publicAddress(attributes);
        return null == tables || null == vtep || null == underlayAddress
                ? null
                : new Path(subnet, family, tables, vtep.mac(), underlayAddress);
    }

    /** The way to one subnet: over which underlay, by which tables. */
    private record Path(
            IpPrefix subnet,
            UnderlayFamily family,
            RoutingTables tables,
            MacAddress vtepMac,
            InetAddress underlayAddress) {}
}
