/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import io.weft.linux.MacAddress;
import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lease.NetworkConfigReader;
import io.weft.overlay.lease.Subnet;
import io.weft.overlay.lease.VtepData;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What a registry file says: {@code {"config": …, "leases": {"10.244.0.0-24": …}}}, in flannel's own JSON. People write
 * it, so whatever does not fit together is an error with its place, and nothing of such a file is used.
 *
 * @param config the network configuration.
 * @param leases all of them, in the order of the file.
 */
record RegistryFile(NetworkConfig config, List<Lease> leases) {
    /**
     * Reads and checks a file's text.
     *
     * @throws JsonException with line, column and cause.
     */
    static RegistryFile read(final byte[] text, final String source) {
        final JsonValue root = JsonReader.read(text, source);
        for (final Map.Entry<String, JsonValue> member : root.members().entrySet()) {
            if (!"config".equals(member.getKey()) && !"leases".equals(member.getKey())) {
                throw member.getValue().error("is an unknown key, known here: config, leases");
            }
        }
        final JsonValue configValue = root.required("config");
        final NetworkConfig config = NetworkConfigReader.read(configValue, true, false);
        final JsonValue leaseValues = root.required("leases");
        final List<Placed> placed = new ArrayList<>();
        for (final Map.Entry<String, JsonValue> member : leaseValues.members().entrySet()) {
            placed.add(new Placed(lease(member.getKey(), member.getValue(), config), member.getValue()));
        }
        requireApart(placed, key -> key.subnet());
        requireApart(placed, key -> key.ipv6Subnet());
        requireDifferent(placed);
        return new RegistryFile(config, placed.stream().map(Placed::lease).toList());
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
            final @Nullable Subnet subnet,
            final @Nullable Subnet network,
            final String networkKey) {
        if (null != subnet && (null == network || !network.contains(subnet))) {
            throw value.error(
                    "lies outside of config." + networkKey + " " + (null == network ? "(which is not set)" : network));
        }
    }

    private static void requireApart(final List<Placed> leases, final Function<LeaseKey, @Nullable Subnet> family) {
        final List<Placed> sorted = new ArrayList<>(leases);
        sorted.removeIf(placed -> null == family.apply(placed.lease().key()));
        sorted.sort(Comparator.comparing(
                placed -> baseOf(family.apply(placed.lease().key())), Arrays::compareUnsigned));
        // Sorted by base, a block that overlaps any later one overlaps its neighbour, or its neighbour the later one.
        for (int i = 1; i < sorted.size(); i++) {
            final Placed one = sorted.get(i - 1);
            final Placed other = sorted.get(i);
            if (one.lease().key().overlaps(other.lease().key())) {
                throw other.value().error("overlaps lease " + one.lease().key());
            }
        }
    }

    private static byte[] baseOf(final @Nullable Subnet subnet) {
        return null == subnet ? new byte[0] : subnet.base().getAddress();
    }

    private static void requireDifferent(final List<Placed> leases) {
        final Map<InetAddress, LeaseKey> byAddress = new HashMap<>();
        final Map<MacAddress, LeaseKey> byMac = new HashMap<>();
        for (final Placed placed : leases) {
            final LeaseKey key = placed.lease().key();
            final LeaseAttributes attributes = placed.lease().attributes();
            final LeaseKey sameAddress =
                    null == attributes.publicIp() ? null : byAddress.put(attributes.publicIp(), key);
            if (null != sameAddress) {
                throw placed.value().error("has the PublicIP of lease " + sameAddress);
            }
            for (final VtepData vtep : Arrays.asList(attributes.vtep(), attributes.vtepV6())) {
                final LeaseKey sameMac = null == vtep ? null : byMac.put(vtep.mac(), key);
                if (null != sameMac && !sameMac.equals(key)) {
                    throw placed.value().error("has the VtepMAC of lease " + sameMac);
                }
            }
        }
    }

    /** A lease with its place in the text. */
    private record Placed(Lease lease, JsonValue value) {}
}
