/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.linux.MacAddress;
import io.weft.overlay.host.DirectRoutes;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lease.Subnet;
import io.weft.overlay.lease.VtepData;
import io.weft.routing.IpPrefix;
import io.weft.routing.RoutingTables;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The leases of the other nodes, and what they make of the data plane's tables: per subnet a route to the subnet's base
 * address, a neighbour entry that gives this address its VTEP MAC, and an FDB entry that gives the MAC its underlay
 * address: what flannel programs into the kernel. Used by the control thread alone.
 */
final class LeaseTable {
    private static final System.Logger LOG = System.getLogger(LeaseTable.class.getName());

    private final NetworkConfig config;
    private final LeaseKey own;
    private final RoutingTables tables;
    private final @Nullable DirectRoutes directRoutes;
    private final Map<LeaseKey, Lease> leases = new HashMap<>();
    /** Which lease an FDB entry is of: a stale lease may name the MAC that a newer one has. */
    private final Map<MacAddress, LeaseKey> fdbOwners = new HashMap<>();
    /** Leases that were refused, with the reason, so that the log hears of each once. */
    private final Map<LeaseKey, String> refused = new HashMap<>();

    private boolean isChanged;
    private long refusals;

    /** @param directRoutes for nodes on the same link; null to tunnel to all. */
    LeaseTable(
            final NetworkConfig config,
            final LeaseKey own,
            final RoutingTables tables,
            final @Nullable DirectRoutes directRoutes) {
        this.config = config;
        this.own = own;
        this.tables = tables;
        this.directRoutes = directRoutes;
    }

    /** Makes the table equal to the snapshot: also attributes that changed while nobody watched. */
    void snapshot(final List<Lease> snapshot) {
        final Set<LeaseKey> present = new HashSet<>();
        for (final Lease lease : snapshot) {
            present.add(lease.key());
        }
        for (final LeaseKey key : List.copyOf(leases.keySet())) {
            if (!present.contains(key)) {
                remove(key);
            }
        }
        refused.keySet().retainAll(present);
        snapshot.forEach(this::put);
    }

    /** Takes over one lease; the same again changes nothing. */
    void put(final Lease lease) {
        if (lease.key().equals(own)) {
            return;
        }
        final String fault = fault(lease);
        if (null != fault) {
            remove(lease.key());
            refuse(lease, fault);
            return;
        }
        if (lease.equals(leases.get(lease.key()))) {
            return;
        }
        remove(lease.key());
        isChanged = true;
        try {
            install(lease);
            leases.put(lease.key(), lease);
            refused.remove(lease.key());
        } catch (final IllegalArgumentException refusedByTables) {
            withdraw(lease);
            refuse(lease, String.valueOf(refusedByTables.getMessage()));
        }
    }

    private void refuse(final Lease lease, final String fault) {
        if (!fault.equals(refused.put(lease.key(), fault))) {
            refusals++;
            LOG.log(WARNING, "lease {0} is ignored: {1}", lease.key(), fault);
        }
    }

    /** Forgets a lease. */
    void remove(final LeaseKey key) {
        final Lease before = leases.remove(key);
        if (null != before) {
            withdraw(before);
            isChanged = true;
        }
    }

    /** Publishes if anything changed since the last time. */
    void publish() {
        if (isChanged) {
            isChanged = false;
            tables.publish();
        }
    }

    /** Leases of other nodes that are in the tables. */
    int size() {
        return leases.size();
    }

    /** Leases refused since start, each counted once per reason. */
    long refusals() {
        return refusals;
    }

    private @Nullable String fault(final Lease lease) {
        final LeaseAttributes attributes = lease.attributes();
        if (!config.backend().type().equals(attributes.backendType())
                && config.backend().isVxlan()) {
            return "its BackendType is \"" + attributes.backendType() + "\", this node's is \""
                    + config.backend().type() + "\"";
        }
        if (lease.key().overlaps(own)) {
            return "it overlaps this node's own subnet " + own;
        }
        final String ipv4Fault = outside(lease.key().subnet(), config.network());
        return null == ipv4Fault ? outside(lease.key().ipv6Subnet(), config.ipv6Network()) : ipv4Fault;
    }

    /** A node without the other family ignores that part of a lease, as flannel does. */
    private static @Nullable String outside(final @Nullable Subnet subnet, final @Nullable Subnet network) {
        return null == subnet || null == network || network.contains(subnet)
                ? null
                : subnet + " is not in this cluster's network " + network;
    }

    private void install(final Lease lease) {
        for (final Path path : paths(lease)) {
            tables.replaceRoute(path.prefix(), path.gateway());
            tables.replaceNeighbour(path.gateway(), path.vtepMac().value());
            putFdb(path);
            fdbOwners.put(path.vtepMac(), lease.key());
            if (null != directRoutes) {
                directRoutes.put(path.subnet().toPrefix(), path.underlayAddress());
            }
        }
    }

    private void putFdb(final Path path) {
        tables.replaceFdb(
                path.vtepMac().value(), path.underlayAddress(), RoutingTables.DEFAULT_PORT, RoutingTables.DEFAULT_VNI);
    }

    private void withdraw(final Lease lease) {
        for (final Path path : paths(lease)) {
            tables.removeRoute(path.prefix());
            if (null != directRoutes) {
                directRoutes.remove(path.subnet().toPrefix());
            }
            tables.removeNeighbour(path.gateway());
            if (fdbOwners.remove(path.vtepMac(), lease.key())) {
                tables.removeFdb(path.vtepMac().value());
                restoreFdb(path.vtepMac(), lease.key());
            }
        }
    }

    /** A MAC that another lease names as well goes back to that one. */
    private void restoreFdb(final MacAddress vtepMac, final LeaseKey withdrawn) {
        for (final Lease other : leases.values()) {
            for (final Path path : paths(other)) {
                if (path.vtepMac().equals(vtepMac) && !other.key().equals(withdrawn)) {
                    putFdb(path);
                    fdbOwners.put(vtepMac, other.key());
                    return;
                }
            }
        }
    }

    private List<Path> paths(final Lease lease) {
        final List<Path> paths = new ArrayList<>(2);
        final LeaseAttributes attributes = lease.attributes();
        if (null != config.network()) {
            addPath(paths, lease.key().subnet(), attributes.vtep(), attributes.publicIp());
        }
        if (null != config.ipv6Network()) {
            // flannel sends IPv6 pods to PublicIPv6; a lease without one still has its IPv4 underlay.
            final InetAddress underlay =
                    null == attributes.publicIpv6() ? attributes.publicIp() : attributes.publicIpv6();
            addPath(paths, lease.key().ipv6Subnet(), attributes.vtepV6(), underlay);
        }
        return paths;
    }

    private static void addPath(
            final List<Path> paths,
            final @Nullable Subnet subnet,
            final @Nullable VtepData vtep,
            final @Nullable InetAddress underlayAddress) {
        if (null != subnet && null != vtep && null != underlayAddress) {
            paths.add(new Path(subnet, subnet.base(), vtep.mac(), underlayAddress));
        }
    }

    /** The way to one subnet. */
    private record Path(Subnet subnet, InetAddress gateway, MacAddress vtepMac, InetAddress underlayAddress) {
        IpPrefix prefix() {
            return IpPrefix.of(subnet.base(), subnet.prefixLength());
        }
    }
}
