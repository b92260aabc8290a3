/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.peers;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Leases whose subnets lie within those of others. The narrower one has the packets, in every table that there is, and of two with one
 * subnet, as leases of one and of two IP versions may have, the later one; that two nodes have the same addresses is for somebody to hear
 * of. To find it costs as much as the prefix lengths that there are, which is one as a rule. Used by the control thread alone.
 */
final class Overlaps {
    /** Of those within one, that are named. */
    private static final int NAMED_MAX = 3;

    /** Of one subnet as a rule one; the last has the packets. */
    private final TreeMap<IpPrefix, List<Lease>> bySubnet = new TreeMap<>();
    /** How many subnets there are of a length, in IPv4 and beside that in IPv6. */
    private final int[] lengths = new int[Integer.SIZE + 1];

    private final int[] ipv6Lengths = new int[4 * Integer.SIZE + 1];
    /** Subnets that others were found in. */
    private final Set<IpPrefix> wide = new HashSet<>();

    private static Stream<IpPrefix> subnets(final Lease lease) {
        return subnets(lease.key());
    }

    private static Stream<IpPrefix> subnets(final LeaseKey key) {
        return Stream.of(key.subnet(), key.ipv6Subnet()).flatMap(Stream::ofNullable);
    }

    private int[] lengths(final IpPrefix subnet) {
        return subnet.isIpv4() ? lengths : ipv6Lengths;
    }

    /** Takes a lease in. */
    void add(final Lease lease) {
        subnets(lease).forEach(subnet -> {
            final int[] present = lengths(subnet);
            final List<Lease> leases = bySubnet.computeIfAbsent(subnet, first -> new ArrayList<>(1));
            leases.add(lease);
            if (1 == leases.size()) {
                present[subnet.length()]++;
            } else {
                wide.add(subnet);
            }
            for (int length = 0; length < subnet.length(); length++) {
                final IpPrefix wider = 0 == present[length] ? null : IpPrefix.containing(subnet.base(), length);
                if (null != wider && bySubnet.containsKey(wider)) {
                    wide.add(wider);
                }
            }
            final IpPrefix next = bySubnet.higherKey(subnet);
            if (null != next && subnet.contains(next)) {
                wide.add(subnet);
            }
        });
    }

    /** Forgets a lease. */
    void remove(final Lease lease) {
        subnets(lease).forEach(subnet -> {
            final List<Lease> leases = bySubnet.get(subnet);
            if (null != leases && leases.remove(lease) && leases.isEmpty()) {
                bySubnet.remove(subnet);
                lengths(subnet)[subnet.length()]--;
                wide.remove(subnet);
            }
        });
    }

    /** Those that have the packets for a lease's subnets. */
    List<Lease> holders(final LeaseKey key) {
        return subnets(key)
                .map(bySubnet::get)
                .flatMap(Stream::ofNullable)
                .map(Overlaps::last)
                .distinct()
                .toList();
    }

    private static Lease last(final List<Lease> leases) {
        return leases.get(leases.size() - 1);
    }

    /** Leases within which another node's lies, or whose subnet is another's as well, each with what is to be done. */
    Map<LeaseKey, String> faults() {
        final Map<LeaseKey, String> faults = new HashMap<>();
        for (final IpPrefix subnet : List.copyOf(wide)) {
            final List<Lease> leases = Objects.requireNonNull(bySubnet.get(subnet), "removed is forgotten");
            final Lease holder = last(leases);
            final List<Lease> within = within(subnet);
            if (within.isEmpty() && 1 == leases.size()) {
                wide.remove(subnet);
            }
            leases.stream()
                    .filter(lease -> !node(lease).equals(node(holder)))
                    .forEach(lease -> faults.put(lease.key(), taken(lease, holder, subnet)));
            final List<Lease> ofOthers = within.stream()
                    .filter(other -> !node(other).equals(node(holder)))
                    .toList();
            if (!ofOthers.isEmpty()) {
                faults.merge(holder.key(), fault(holder, ofOthers), (one, other) -> one + "; and it is " + other);
            }
        }
        return faults;
    }

    private static String taken(final Lease lease, final Lease holder, final IpPrefix subnet) {
        return "of the node " + address(lease) + " has " + subnet + ", as " + holder.key() + " of the node "
                + address(holder)
                + " has, which came later: what is sent there goes to the node of that one. Delete the lease of a node that is gone, or"
                + " give one of the two another subnet";
    }

    private List<Lease> within(final IpPrefix subnet) {
        final List<Lease> within = new ArrayList<>();
        for (final Map.Entry<IpPrefix, List<Lease>> next :
                bySubnet.tailMap(subnet, false).entrySet()) {
            if (!subnet.contains(next.getKey())) {
                break;
            }
            within.addAll(next.getValue());
        }
        return within;
    }

    private static String fault(final Lease lease, final List<Lease> within) {
        final String named = within.stream()
                .limit(NAMED_MAX)
                .map(other -> other.key() + " of the node " + address(other))
                .collect(Collectors.joining(", "));
        final int more = within.size() - NAMED_MAX;
        return "of the node " + address(lease) + " overlaps " + named + (more > 0 ? " and " + more + " more" : "")
                + ": what is for the narrower subnet goes to the node of that one, and pods of the other with its addresses are not"
                + " reached. Delete the lease of a node that is gone, or give one of the two another subnet";
    }

    private static List<@Nullable InetAddress> node(final Lease lease) {
        return Arrays.asList(lease.attributes().publicIp(), lease.attributes().publicIpv6());
    }

    private static String address(final Lease lease) {
        final LeaseAttributes attributes = lease.attributes();
        final InetAddress address = null == attributes.publicIp() ? attributes.publicIpv6() : attributes.publicIp();
        return String.valueOf(IpAddress.of(Objects.requireNonNull(address, "a lease has one of the two")));
    }
}
