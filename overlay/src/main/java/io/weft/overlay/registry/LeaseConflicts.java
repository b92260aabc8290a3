/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.overlay.json.JsonException;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.VtepData;
import io.weft.overlay.registry.RegistryFile.Placed;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * That no two leases of a file have an address, a MAC or a part of a subnet in common. It costs what has changed, not what there is. Owned by
 * who has the {@link RegistryFile}.
 */
final class LeaseConflicts {
    private final NavigableMap<IpAddress, LeaseKey> bySubnet = new TreeMap<>();
    private final NavigableMap<IpAddress, LeaseKey> byIpv6Subnet = new TreeMap<>();
    private final Map<InetAddress, LeaseKey> byAddress = new HashMap<>();
    private final Map<MacAddress, LeaseKey> byMac = new HashMap<>();

    /**
     * Puts leases in the place of others.
     *
     * @param gone leases that are here.
     * @param come leases in the order of the file.
     * @throws JsonException at the place of the first that has something in common with one that stays, or came before it; then all is as it was.
     */
    void replace(final List<Placed> gone, final List<Placed> come) {
        gone.forEach(this::remove);
        final List<Placed> added = new ArrayList<>(come.size());
        boolean isDone = false;
        try {
            for (final Placed placed : come) {
                require(placed);
                add(placed);
                added.add(placed);
            }
            isDone = true;
        } finally {
            if (!isDone) {
                added.forEach(this::remove);
                gone.forEach(this::add);
            }
        }
    }

    private void require(final Placed placed) {
        final LeaseKey key = placed.lease().key();
        final LeaseAttributes attributes = placed.lease().attributes();
        requireApart(placed, key.subnet(), bySubnet);
        requireApart(placed, key.ipv6Subnet(), byIpv6Subnet);
        final @Nullable LeaseKey sameAddress =
                null == attributes.publicIp() ? null : byAddress.get(attributes.publicIp());
        if (null != sameAddress) {
            throw placed.text().error("has the PublicIP of lease " + sameAddress + ": each node needs its own");
        }
        vteps(attributes).forEach(vtep -> {
            final @Nullable LeaseKey sameMac = byMac.get(vtep.mac());
            if (null != sameMac) {
                throw placed.text().error("has the VtepMAC of lease " + sameMac);
            }
        });
    }

    /** Of those that are apart, the one that begins before a prefix and the one behind its beginning are all that it may overlap. */
    private static void requireApart(
            final Placed placed, final @Nullable IpPrefix subnet, final NavigableMap<IpAddress, LeaseKey> subnets) {
        if (null != subnet) {
            Stream.of(subnets.floorEntry(subnet.base()), subnets.higherEntry(subnet.base()))
                    .filter(entry -> null != entry
                            && entry.getValue().overlaps(placed.lease().key()))
                    .findFirst()
                    .ifPresent(entry -> {
                        throw placed.text().error("overlaps lease " + entry.getValue());
                    });
        }
    }

    private void add(final Placed placed) {
        final LeaseKey key = placed.lease().key();
        final LeaseAttributes attributes = placed.lease().attributes();
        put(bySubnet, key.subnet(), key);
        put(byIpv6Subnet, key.ipv6Subnet(), key);
        if (null != attributes.publicIp()) {
            byAddress.put(attributes.publicIp(), key);
        }
        vteps(attributes).forEach(vtep -> byMac.put(vtep.mac(), key));
    }

    private static void put(
            final Map<IpAddress, LeaseKey> subnets, final @Nullable IpPrefix subnet, final LeaseKey key) {
        if (null != subnet) {
            subnets.put(subnet.base(), key);
        }
    }

    private void remove(final Placed placed) {
        final LeaseKey key = placed.lease().key();
        final LeaseAttributes attributes = placed.lease().attributes();
        if (null != key.subnet()) {
            bySubnet.remove(key.subnet().base());
        }
        if (null != key.ipv6Subnet()) {
            byIpv6Subnet.remove(key.ipv6Subnet().base());
        }
        if (null != attributes.publicIp()) {
            byAddress.remove(attributes.publicIp());
        }
        vteps(attributes).forEach(vtep -> byMac.remove(vtep.mac()));
    }

    private static Stream<VtepData> vteps(final LeaseAttributes attributes) {
        return Stream.of(attributes.vtep(), attributes.vtepV6()).flatMap(Stream::ofNullable);
    }
}
