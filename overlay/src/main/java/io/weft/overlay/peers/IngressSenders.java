/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.peers;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.overlay.host.OwnAddresses;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Who may send what to this node, by the leases of the others and by its own addresses (docs/decisions/0023). Control thread alone.
 */
final class IngressSenders {
    private final IngressPolicy.Sources sources;
    private final List<IpPrefix> admitted;
    private final LeaseKey own;
    /** Kept as a policy takes them: one is made for each change of a lease, and of thousands of nodes would leave much to collect. */
    private final Map<LeaseKey, Sender> taken = new HashMap<>();

    private record Sender(List<IpAddress> addresses, List<IpPrefix> subnets) {}

    /** @param admitted senders that no lease has to name. */
    IngressSenders(final IngressPolicy.Sources sources, final List<IpPrefix> admitted, final LeaseKey own) {
        this.sources = sources;
        this.admitted = List.copyOf(admitted);
        this.own = own;
    }

    /** Packets are sent by this lease from now on. */
    void take(final Lease lease) {
        taken.put(lease.key(), new Sender(List.copyOf(addresses(lease)), subnets(lease.key())));
    }

    /** And by this one no more. */
    void forget(final LeaseKey key) {
        taken.remove(key);
    }

    /**
     * The policy as of now.
     *
     * @param refused leases that fit this node not, whose nodes may send all the same.
     * @param ownAddresses of this host.
     */
    IngressPolicy policy(final Collection<Lease> refused, final OwnAddresses ownAddresses) {
        final IngressPolicy.Builder policy = new IngressPolicy.Builder(sources);
        taken.values().forEach(sender -> policy.node(sender.addresses(), sender.subnets()));
        refused.forEach(lease -> policy.node(addresses(lease), List.of()));
        admitted.forEach(policy::admit);
        subnets(own).forEach(policy::ownSubnet);
        ownAddresses.local().forEach(policy::ownAddress);
        ownAddresses.broadcasts().forEach(policy::broadcast);
        return policy.build();
    }

    private static List<IpAddress> addresses(final Lease lease) {
        final List<IpAddress> addresses = new ArrayList<>();
        add(addresses, lease.attributes().publicIp());
        add(addresses, lease.attributes().publicIpv6());
        lease.nodeAddresses().forEach(address -> addresses.add(IpAddress.of(address)));
        return addresses;
    }

    private static void add(final List<IpAddress> addresses, final @Nullable InetAddress address) {
        if (null != address) {
            addresses.add(IpAddress.of(address));
        }
    }

    private static List<IpPrefix> subnets(final LeaseKey key) {
        return Stream.of(key.subnet(), key.ipv6Subnet())
                .filter(Objects::nonNull)
                .toList();
    }
}
