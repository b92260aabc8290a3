/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.peers;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.IpPrefix;
import io.weft.overlay.forwarding.Forwarders;
import io.weft.overlay.forwarding.PodRoutes;
import io.weft.overlay.host.OwnAddresses;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lifecycle.LogFields;
import io.weft.overlay.options.WeftOptions;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The leases of the other nodes: which are taken, and which are refused and why. What they make of the tables is up to the
 * network's {@link Peers}. Used by the control thread alone.
 */
public final class LeaseTable {
    private static final System.Logger LOG = System.getLogger(LeaseTable.class.getName());

    private final NetworkConfig config;
    private final LeaseKey own;
    private final Forwarders forwarders;
    private final PodRoutes routes;
    private final Map<LeaseKey, Lease> leases = new HashMap<>();
    private final Peers peers;
    /** Leases that were refused, with the reason, so that the log hears of each once. */
    private final Map<LeaseKey, Refusal> refused = new HashMap<>();

    private final Map<LeaseKey, String> otherVnis = new HashMap<>();
    private Map<LeaseKey, String> contested = Map.of();
    private final Overlaps overlaps = new Overlaps();

    private final IngressSenders senders;

    /** At first too: routes that an earlier daemon left are compared with the first leases, however many there are. */
    private boolean isChanged = true;

    /** Until the leases are here nobody is let in. */
    private boolean hasSnapshot;

    private long refusals;

    private record Refusal(Lease lease, String fault) {}

    /** @param options which of the other nodes' packets are let in. */
    public LeaseTable(
            final NetworkConfig config,
            final LeaseKey own,
            final Forwarders forwarders,
            final PodRoutes routes,
            final WeftOptions options) {
        this.config = config;
        this.own = own;
        this.forwarders = forwarders;
        this.routes = routes;
        senders = new IngressSenders(options.ingressSources, options.ingressAllow(), own);
        peers = Peers.of(config, forwarders, routes, Collections.unmodifiableMap(leases));
    }

    /** Makes the table equal to the snapshot: also attributes that changed while nobody watched. */
    public void snapshot(final List<Lease> snapshot) {
        final Set<LeaseKey> present = new HashSet<>();
        for (final Lease lease : snapshot) {
            present.add(lease.key());
        }
        for (final LeaseKey key : List.copyOf(leases.keySet())) {
            if (!present.contains(key)) {
                remove(key);
            }
        }
        for (final LeaseKey key : List.copyOf(refused.keySet())) {
            if (!present.contains(key)) {
                remove(key);
            }
        }
        snapshot.forEach(this::put);
        isChanged |= !hasSnapshot;
        hasSnapshot = true;
    }

    /** Takes over one lease; the same again changes nothing. */
    public void put(final Lease lease) {
        final Lease known = leases.get(lease.key());
        if (lease.key().equals(own) || (null != known && known.equals(lease))) {
            return;
        }
        final String fault = fault(lease);
        if (null != fault) {
            withdraw(lease.key());
            refuse(lease, fault);
            return;
        }
        withdraw(lease.key());
        isChanged = true;
        try {
            peers.install(lease);
            leases.put(lease.key(), lease);
            overlaps.add(lease);
            senders.take(lease); // in place of one that was refused
            refused.remove(lease.key());
            compareVni(lease);
        } catch (final IllegalArgumentException refusedByTables) {
            takeOut(lease);
            refuse(lease, String.valueOf(refusedByTables.getMessage()));
        }
    }

    /** Packets go there by the network's VNI all the same, as flannel's do; that the node takes them is not to be expected. */
    private void compareVni(final Lease lease) {
        final BackendConfig backend = config.backend();
        if (BackendType.VXLAN != backend.type()) {
            return;
        }
        Stream.of(lease.attributes().vtep(), lease.attributes().vtepV6())
                .flatMap(Stream::ofNullable)
                .filter(vtep -> 0 != vtep.vni() && backend.vni() != vtep.vni())
                .findFirst()
                .ifPresent(vtep -> {
                    final String fault = "has VNI " + vtep.vni() + ", and the network's is " + backend.vni()
                            + ": if its node has that one too, the two drop each other's packets. Give both one network configuration,"
                            + " and restart the daemon of that node, which writes its lease; in a registry file, write the"
                            + " right one";
                    otherVnis.put(lease.key(), fault);
                    LOG.log(WARNING, "lease {0} {1}{2}", lease.key(), fault, LogFields.of("lease", lease.key()));
                });
    }

    private void refuse(final Lease lease, final String fault) {
        final Refusal refusal = new Refusal(lease, fault);
        final Refusal before = refused.put(lease.key(), refusal);
        if (!refusal.equals(before)) {
            senders.takeRefused(lease);
            isChanged = true;
        }
        if (null == before || !fault.equals(before.fault)) {
            refusals++;
            LOG.log(WARNING, "lease {0} is ignored: {1}{2}", lease.key(), fault, LogFields.of("lease", lease.key()));
        }
    }

    /** Forgets a lease. */
    public void remove(final LeaseKey key) {
        withdraw(key);
        if (null != refused.remove(key)) {
            senders.forget(key);
            isChanged = true;
        }
    }

    private void withdraw(final LeaseKey key) {
        final Lease before = leases.remove(key);
        if (null != before) {
            overlaps.remove(before);
            takeOut(before);
            senders.forget(key);
            otherVnis.remove(key);
            isChanged = true;
        }
    }

    /** Of the tables; a subnet that another lease has as well goes back to that one. */
    private void takeOut(final Lease lease) {
        peers.withdraw(lease);
        overlaps.holders(lease.key()).forEach(peers::install);
    }

    /** This host has these addresses now. */
    public void ownAddresses(final OwnAddresses addresses) {
        isChanged |= senders.own(addresses);
    }

    /** Publishes what the data threads go by, of a snapshot, and leaves the kernel's routes alone: for a node that is not in charge of them yet. */
    public void publishTables() {
        forwarders.ingressPolicy(senders.policy());
        forwarders.publish();
    }

    /** Publishes if anything changed since the last time, from the first snapshot on; returns whether. */
    public boolean publish() {
        if (!isChanged || !hasSnapshot) {
            return false;
        }
        compareContested();
        publishTables();
        routes.publish();
        isChanged = false; // not if the kernel refused: then it is published again
        return true;
    }

    private void compareContested() {
        final Map<LeaseKey, String> now = new HashMap<>(peers.contested());
        overlaps.faults().forEach((key, fault) -> now.merge(key, fault, (one, other) -> one + "; and it is " + other));
        now.forEach((key, fault) -> {
            if (!fault.equals(contested.get(key))) {
                LOG.log(WARNING, "lease {0} {1}{2}", key, fault, LogFields.of("lease", key));
            }
        });
        contested = now;
    }

    /** Leases of other nodes that are in the tables. */
    public int size() {
        return leases.size();
    }

    /** Leases refused since start, each counted once per reason. */
    public long refusals() {
        return refusals;
    }

    /** Leases that are ignored at present, each with the reason. */
    public Map<LeaseKey, String> refused() {
        final Map<LeaseKey, String> faults = new HashMap<>();
        refused.forEach((key, refusal) -> faults.put(key, refusal.fault()));
        return faults;
    }

    /** Leases in the tables whose node is of another VNI than the network, by what they say, each with what is to be done. */
    public Map<LeaseKey, String> otherVnis() {
        return Collections.unmodifiableMap(otherVnis);
    }

    /** Leases in the tables whose pods are not reached, for another lease has what theirs has; each with what is to be done. */
    public Map<LeaseKey, String> contested() {
        return Collections.unmodifiableMap(contested);
    }

    private @Nullable String fault(final Lease lease) {
        final LeaseAttributes attributes = lease.attributes();
        final String leaseType = config.backend().type().leaseType();
        if (!leaseType.isEmpty() && !leaseType.equals(attributes.backendType())) {
            return "its BackendType is \"" + attributes.backendType() + "\", this node's is \"" + leaseType + "\"";
        }
        if (lease.key().overlaps(own)) {
            return "it overlaps this node's own subnet " + own;
        }
        final String ipv4Fault = outside(lease.key().subnet(), config.network());
        final String fault = null == ipv4Fault ? outside(lease.key().ipv6Subnet(), config.ipv6Network()) : ipv4Fault;
        return null == fault ? peers.fault(lease) : fault;
    }

    /** A node without the other family ignores that part of a lease, as flannel does. */
    private static @Nullable String outside(final @Nullable IpPrefix subnet, final @Nullable IpPrefix network) {
        return null == subnet || null == network || network.contains(subnet)
                ? null
                : subnet + " is not in this cluster's network " + network;
    }
}
