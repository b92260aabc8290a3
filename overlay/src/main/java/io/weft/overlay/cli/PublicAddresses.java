/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.address.IpPrefix;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.record.DaemonRecord;
import io.weft.overlay.record.DeviceRecord;
import io.weft.overlay.record.PeerPath;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What leases say of nodes' public addresses that cannot be true of all of them, by the tables on record. */
final class PublicAddresses {
    /** Of peers with something wrong. */
    private static final int TOLD_MAX = 3;

    private final Set<IpAddress> own = new HashSet<>();
    private final Map<IpAddress, List<IpPrefix>> subnets = new TreeMap<>();

    PublicAddresses(final DaemonRecord daemon) {
        own.addAll(daemon.underlayAddresses());
        final Set<IpPrefix> contested = contested(daemon);
        paths(daemon).stream()
                .filter(path -> !contested.contains(path.subnet()))
                .forEach(path -> subnets.computeIfAbsent(path.peer(), peer -> new ArrayList<>())
                        .add(path.subnet()));
    }

    /** What is led to another node's address, since the two have one VTEP MAC, has an address of its own all the same. */
    private static Set<IpPrefix> contested(final DaemonRecord daemon) {
        final JsonValue contested = daemon.status().member("contested");
        final Map<String, JsonValue> named = null == contested ? Map.of() : contested.members();
        return named.keySet().stream()
                .map(LeaseKey::parse)
                .flatMap(key -> Stream.of(key.subnet(), key.ipv6Subnet()))
                .flatMap(Stream::ofNullable)
                .collect(Collectors.toSet());
    }

    /** To all peers. */
    static List<PeerPath> paths(final DaemonRecord daemon) {
        return daemon.devices().stream().flatMap(PublicAddresses::paths).toList();
    }

    private static Stream<PeerPath> paths(final DeviceRecord device) {
        try {
            return PeerPath.of(device).stream();
        } catch (final IllegalStateException notWrittenYet) {
            return Stream.of();
        }
    }

    /** Whether it is this node's. */
    boolean isOwn(final IpAddress address) {
        return own.contains(address);
    }

    /** What is wrong with a peer's address, and what to do; empty when nothing is. */
    String trouble(final IpAddress peer) {
        final List<IpPrefix> behind = Objects.requireNonNullElse(subnets.get(peer), List.of());
        if (behind.isEmpty()) {
            return "";
        }
        final String names = behind.stream().map(IpPrefix::toString).collect(Collectors.joining(" and "));
        if (isOwn(peer)) {
            return "the lease of " + names + " has this node's own public address " + peer
                    + ": two nodes have one address; give each its own (" + option(peer) + "), and restart both";
        }
        final boolean areSeveral = behind.stream()
                .anyMatch(subnet -> subnet.family() == behind.get(0).family() && !subnet.equals(behind.get(0)));
        return areSeveral
                ? "the leases of " + names + " have one public address, " + peer
                        + ": two nodes have it, then give each its own (" + option(peer)
                        + "); or one node has two leases, then"
                        + " delete the one that it does not use"
                : "";
    }

    private static String option(final IpAddress address) {
        return IpFamily.IPV4 == address.family() ? "--public-ip" : "--public-ipv6";
    }

    /** What is wrong with the address that a lease names, whose pods' packets come from another one, and what to do. */
    static String wrong(final PeerPath path, final IpAddress sender) {
        return "the lease of " + path.subnet() + " names " + path.peer() + ", and packets of its pods come from "
                + sender
                + ": its " + (IpFamily.IPV4 == path.peer().family() ? "PublicIP" : "PublicIPv6") + " is wrong ("
                + option(path.peer()) + " there); or that node sends by another address by right, as"
                + " behind a NAT, then --ingress-allow=" + sender + " admits it";
    }

    /** That of the first peers that have any, and how many others have. */
    String troubles() {
        final List<String> all = subnets.keySet().stream()
                .map(this::trouble)
                .filter(trouble -> !trouble.isEmpty())
                .toList();
        return all.stream().limit(TOLD_MAX).collect(Collectors.joining("; "))
                + (all.size() > TOLD_MAX ? "; and " + (all.size() - TOLD_MAX) + " more" : "");
    }
}
