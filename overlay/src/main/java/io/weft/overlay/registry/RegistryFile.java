/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.address.MacAddress;
import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonText;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lease.NetworkConfigReader;
import io.weft.overlay.lease.VtepData;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What a registry file says: {@code {"config": …, "leases": {"10.244.0.0-24": …}}}, in flannel's own JSON. People write
 * it, so whatever does not fit together is an error with its place, and nothing of such a file is used.
 *
 * @param config the network configuration.
 * @param placed all leases, in the order of the file, by the name that they have there.
 */
record RegistryFile(NetworkConfig config, Map<String, Placed> placed) {
    /** A lease with its place in the text. */
    record Placed(Lease lease, JsonText text) {}

    /**
     * Reads and checks a file's text.
     *
     * @param before what the file said before: leases that have not changed are taken from there; null for nothing.
     * @throws JsonException with line, column and cause.
     */
    static RegistryFile read(final byte[] text, final String source, final @Nullable RegistryFile before) {
        final JsonText whole = JsonText.of(text, source);
        final Map<String, JsonText> parts = whole.members();
        parts.forEach((key, part) -> {
            if (!"config".equals(key) && !"leases".equals(key)) {
                throw part.error("is an unknown key, known here: config, leases");
            }
        });
        final NetworkConfig config =
                NetworkConfigReader.read(required(parts, "config", whole).read(), true, false);
        final Map<String, Placed> known = null == before || !config.equals(before.config) ? Map.of() : before.placed;
        final Map<String, Placed> placed = new LinkedHashMap<>();
        final Map<String, JsonText> leases = required(parts, "leases", whole).members();
        if (leases.size() > Registry.LEASES_MAX) {
            throw required(parts, "leases", whole)
                    .error("has " + leases.size() + " leases, there is memory for " + Registry.LEASES_MAX);
        }
        leases.forEach((name, part) -> {
            final Placed same = known.get(name);
            placed.put(
                    name,
                    null != same && part.hasTextOf(same.text)
                            ? new Placed(same.lease, part)
                            : new Placed(lease(name, part.read(), config), part));
        });
        requireApart(placed.values(), key -> key.subnet());
        requireApart(placed.values(), key -> key.ipv6Subnet());
        requireDifferent(placed.values());
        return new RegistryFile(config, Collections.unmodifiableMap(placed));
    }

    private static JsonText required(final Map<String, JsonText> parts, final String key, final JsonText whole) {
        final JsonText part = parts.get(key);
        if (null == part) {
            throw whole.error("has no \"" + key + "\"");
        }
        return part;
    }

    /** All leases, in the order of the file. */
    List<Lease> leases() {
        return placed.values().stream().map(Placed::lease).toList();
    }

    private static Lease lease(final String name, final JsonValue value, final NetworkConfig config) {
        final LeaseKey key;
        try {
            key = LeaseKey.parse(name);
        } catch (final IllegalArgumentException failure) {
            throw value.error("has a wrong key: " + failure.getMessage());
        }
        requireInside(value, key.subnet(), config.network(), "Network");
        requireInside(value, key.ipv6Subnet(), config.ipv6Network(), "IPv6Network");
        final LeaseAttributes attributes = LeaseAttributes.read(value, true);
        if (!attributes.backendType().equalsIgnoreCase(config.backend().type().leaseType())) {
            final JsonValue type = value.member("BackendType");
            throw (null == type ? value : type)
                    .error("has BackendType \"" + attributes.backendType() + "\", the network's backend is \""
                            + config.backend().type() + "\", whose leases have \""
                            + config.backend().type().leaseType() + "\"");
        }
        return new Lease(key, attributes);
    }

    private static void requireInside(
            final JsonValue value,
            final @Nullable IpPrefix subnet,
            final @Nullable IpPrefix network,
            final String networkKey) {
        if (null != subnet && (null == network || !network.contains(subnet))) {
            throw value.error(
                    "lies outside of config." + networkKey + " " + (null == network ? "(which is not set)" : network));
        }
    }

    private static void requireApart(
            final Collection<Placed> leases, final Function<LeaseKey, @Nullable IpPrefix> family) {
        final List<Map.Entry<IpAddress, Placed>> sorted = new ArrayList<>(leases.size());
        for (final Placed placed : leases) {
            final IpPrefix subnet = family.apply(placed.lease.key());
            if (null != subnet) {
                sorted.add(Map.entry(subnet.base(), placed));
            }
        }
        sorted.sort(Map.Entry.comparingByKey());
        // Sorted by base, a block that overlaps any later one overlaps its neighbour, or its neighbour the later one.
        for (int i = 1; i < sorted.size(); i++) {
            final Placed one = sorted.get(i - 1).getValue();
            final Placed other = sorted.get(i).getValue();
            if (one.lease.key().overlaps(other.lease.key())) {
                throw other.text.error("overlaps lease " + one.lease.key());
            }
        }
    }

    private static void requireDifferent(final Collection<Placed> leases) {
        final Map<InetAddress, LeaseKey> byAddress = new HashMap<>();
        final Map<MacAddress, LeaseKey> byMac = new HashMap<>();
        for (final Placed placed : leases) {
            final LeaseKey key = placed.lease().key();
            final LeaseAttributes attributes = placed.lease().attributes();
            final LeaseKey sameAddress =
                    null == attributes.publicIp() ? null : byAddress.put(attributes.publicIp(), key);
            if (null != sameAddress) {
                throw placed.text().error("has the PublicIP of lease " + sameAddress + ": each node needs its own");
            }
            for (final VtepData vtep : Arrays.asList(attributes.vtep(), attributes.vtepV6())) {
                final LeaseKey sameMac = null == vtep ? null : byMac.put(vtep.mac(), key);
                if (null != sameMac && !sameMac.equals(key)) {
                    throw placed.text().error("has the VtepMAC of lease " + sameMac);
                }
            }
        }
    }
}
