/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.linux.MacAddress;
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
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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
    private final Planes planes;
    private final Map<LeaseKey, Lease> leases = new HashMap<>();
    /** Which lease an FDB entry is of: a stale lease may name the MAC that a newer one has. */
    private final Map<UnderlayFamily, Map<MacAddress, LeaseKey>> fdbOwners = new EnumMap<>(UnderlayFamily.class);
    /** Leases that were refused, with the reason, so that the log hears of each once. */
    private final Map<LeaseKey, String> refused = new HashMap<>();

    private boolean isChanged;
    private long refusals;

    LeaseTable(final NetworkConfig config, final LeaseKey own, final Planes planes) {
        this.config = config;
        this.own = own;
        this.planes = planes;
        for (final UnderlayFamily family : UnderlayFamily.values()) {
            fdbOwners.put(family, new HashMap<>());
        }
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
            planes.publish();
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
        final String fault = null == ipv4Fault ? outside(lease.key().ipv6Subnet(), config.ipv6Network()) : ipv4Fault;
        return null == fault && paths(lease).isEmpty()
                ? "it has no public address and VtepMAC of an underlay that this node has"
                : fault;
    }

    /** A node without the other family ignores that part of a lease, as flannel does. */
    private static @Nullable String outside(final @Nullable Subnet subnet, final @Nullable Subnet network) {
        return null == subnet || null == network || network.contains(subnet)
                ? null
                : subnet + " is not in this cluster's network " + network;
    }

    private void install(final Lease lease) {
        for (final Path path : paths(lease)) {
            final RoutingTables tables = path.tables();
            tables.replaceRoute(path.prefix(), path.gateway());
            tables.replaceNeighbour(path.gateway(), path.vtepMac().value());
            putFdb(path);
            owners(path).put(path.vtepMac(), lease.key());
            planes.lead(path.subnet(), path.family(), path.underlayAddress());
        }
    }

    private static void putFdb(final Path path) {
        path.tables()
                .replaceFdb(
                        path.vtepMac().value(),
                        path.underlayAddress(),
                        RoutingTables.DEFAULT_PORT,
                        RoutingTables.DEFAULT_VNI);
    }

    private Map<MacAddress, LeaseKey> owners(final Path path) {
        return Objects.requireNonNull(fdbOwners.get(path.family()));
    }

    private void withdraw(final Lease lease) {
        for (final Path path : paths(lease)) {
            planes.unlead(path.subnet());
            path.tables().removeRoute(path.prefix());
            path.tables().removeNeighbour(path.gateway());
            if (owners(path).remove(path.vtepMac(), lease.key())) {
                path.tables().removeFdb(path.vtepMac().value());
                restoreFdb(path, lease.key());
            }
        }
    }

    /** A MAC that another lease names as well goes back to that one. */
    private void restoreFdb(final Path removed, final LeaseKey withdrawn) {
        for (final Lease other : leases.values()) {
            for (final Path path : paths(other)) {
                if (path.family() == removed.family()
                        && path.vtepMac().equals(removed.vtepMac())
                        && !other.key().equals(withdrawn)) {
                    putFdb(path);
                    owners(path).put(path.vtepMac(), other.key());
                    return;
                }
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
    private void addPath(final List<Path> paths, final @Nullable Subnet subnet, final LeaseAttributes attributes) {
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

    private @Nullable Path path(final Subnet subnet, final UnderlayFamily family, final LeaseAttributes attributes) {
        final RoutingTables tables = planes.tables(family);
        final VtepData vtep = family.vtep(attributes);
        final InetAddress underlayAddress = family.publicAddress(attributes);
        return null == tables || null == vtep || null == underlayAddress
                ? null
                : new Path(subnet, family, tables, vtep.mac(), underlayAddress);
    }

    /** The way to one subnet: over which underlay, by which tables. */
    private record Path(
            Subnet subnet,
            UnderlayFamily family,
            RoutingTables tables,
            MacAddress vtepMac,
            InetAddress underlayAddress) {
        IpPrefix prefix() {
            return IpPrefix.of(subnet.base(), subnet.prefixLength());
        }

        InetAddress gateway() {
            return subnet.base();
        }
    }
}
