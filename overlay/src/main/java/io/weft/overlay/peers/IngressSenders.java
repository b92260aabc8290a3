/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.peers;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.dataplane.ingress.Claim;
import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.overlay.host.OwnAddresses;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import java.net.InetAddress;
import java.util.ArrayList;
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
    private final IngressPolicy.Builder policy;
    private final Map<LeaseKey, Claim.Node> nodes = new HashMap<>();
    private OwnAddresses ownAddresses = OwnAddresses.NONE;

    /** @param admitted senders that no lease has to name. */
    IngressSenders(final IngressPolicy.Sources sources, final List<IpPrefix> admitted, final LeaseKey own) {
        policy = new IngressPolicy.Builder(sources);
        admitted.forEach(policy::admit);
        subnets(own).forEach(policy::ownSubnet);
    }

    /** Packets are sent by this lease from now on. */
    void take(final Lease lease) {
        put(lease, subnets(lease.key()));
    }

    /** This lease fits this node not; its node may send all the same. */
    void takeRefused(final Lease lease) {
        put(lease, List.of());
    }

    private void put(final Lease lease, final List<IpPrefix> subnets) {
        forget(lease.key());
        nodes.put(lease.key(), policy.add(addresses(lease), subnets));
    }

    /** And by this one no more. */
    void forget(final LeaseKey key) {
        final Claim.Node node = nodes.remove(key);
        if (null != node) {
            policy.remove(node);
        }
    }

    /**
     * This host has these addresses now.
     *
     * @return false if it had them before.
     */
    boolean own(final OwnAddresses addresses) {
        if (addresses.equals(ownAddresses)) {
            return false;
        }
        ownAddresses = addresses;
        policy.forgetOwnAddresses();
        addresses.local().forEach(policy::ownAddress);
        addresses.broadcasts().forEach(policy::broadcast);
        return true;
    }

    /** The policy as of now. */
    IngressPolicy policy() {
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
