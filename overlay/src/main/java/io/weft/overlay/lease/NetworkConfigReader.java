/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lease;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonValue;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the network configuration with flannel's checks and defaults (pkg/subnet/config.go, ParseConfig and CheckNetworkConfig). */
public final class NetworkConfigReader {
    private static final Set<String> KEYS = Set.of(
            "EnableIPv4",
            "EnableIPv6",
            "EnableNFTables",
            "Network",
            "IPv6Network",
            "SubnetMin",
            "SubnetMax",
            "IPv6SubnetMin",
            "IPv6SubnetMax",
            "SubnetLen",
            "IPv6SubnetLen",
            "Backend");
    private static final Set<String> BACKEND_KEYS =
            Set.of("Type", "VNI", "Port", "MTU", "GBP", "Learning", "DirectRouting");
    private static final int PORT_MAX = 65535;
    /** RFC 791: every host takes 576 bytes; less than that plus the overhead carries no IPv4. */
    private static final int MTU_MIN = 626;

    private static final int MTU_MAX = 65535;

    private final JsonValue json;
    private final boolean strict;

    private NetworkConfigReader(final JsonValue json, final boolean strict) {
        this.json = json;
        this.strict = strict;
    }

    /**
     * Reads and checks the configuration.
     *
     * @param strict refuse keys that flannel does not have: for files that people write.
     * @param allocates the registry hands out subnets, so their bounds are computed and checked.
     * @throws JsonException naming the key, its value and what is allowed.
     */
    public static NetworkConfig read(final JsonValue json, final boolean strict, final boolean allocates) {
        return new NetworkConfigReader(json, strict).network(allocates);
    }

    private NetworkConfig network(final boolean allocates) {
        if (strict) {
            Keys.requireKnown(json, KEYS);
        }
        final boolean ipv4 = flag(json, "EnableIPv4", true);
        final boolean ipv6 = flag(json, "EnableIPv6", false);
        if (!ipv4 && !ipv6) {
            throw json.error("has EnableIPv4 and EnableIPv6 both false, one must be true");
        }
        final IpPrefix network = ipv4 ? block("Network", true) : null;
        final IpPrefix ipv6Network = ipv6 ? block("IPv6Network", false) : null;
        final BackendConfig backend = backend();
        if (ipv6 && BackendType.UDP == backend.type()) {
            throw json.required("EnableIPv6")
                    .error("is true, and the backend udp, which carries IPv4 alone, in weft as in flannel: set it to"
                            + " false, or \"Backend\": {\"Type\": \"vxlan\"} for all nodes");
        }
        return new NetworkConfig(
                network,
                ipv6Network,
                allocates && null != network ? allocation(network, "", 30, 28, 24) : null,
                allocates && null != ipv6Network ? allocation(ipv6Network, "IPv6", 126, 124, 64) : null,
                flag(json, "EnableNFTables", false),
                backend);
    }

    private IpPrefix block(final String key, final boolean wantIpv4) {
        final JsonValue value = json.required(key);
        final IpPrefix block;
        try {
            block = IpPrefix.parseContaining(value.string());
        } catch (final IllegalArgumentException failure) {
            throw value.error("must be a network: " + failure.getMessage());
        }
        if (block.isIpv4() != wantIpv4) {
            throw value.error("is " + block + ", must be an " + (wantIpv4 ? "IPv4" : "IPv6") + " network");
        }
        if (block.base().isUnspecified()) {
            throw value.error("is " + block + ", must be a network of pods' own"); // as flannel's CheckNetworkConfig
        }
        return block;
    }

    /**
     * @param longest the longest subnet that still has room for a bridge and a pod.
     * @param longestNetwork the longest network that can be cut without SubnetLen.
     * @param usual the length of a subnet where the network has room for four of them.
     */
    private NetworkConfig.Allocation allocation(
            final IpPrefix network, final String prefix, final int longest, final int longestNetwork, final int usual) {
        final int shortest = network.length() + 2; // flannel wants room for four nodes at least
        final JsonValue lengthValue = json.member(prefix + "SubnetLen");
        final int length;
        if (null == lengthValue || 0 == lengthValue.integer(0, 128)) {
            if (network.length() > longestNetwork) {
                throw json.required(prefix + "Network")
                        .error("is " + network + ", too small for subnets: use /" + longestNetwork + " or shorter");
            }
            length = Math.max(usual, shortest);
        } else {
            length = lengthValue.integer(0, 128);
            if (length > longest || length < shortest) {
                throw lengthValue.error("is " + length + ", must be from " + shortest + " to " + longest
                        + " for the network " + network);
            }
        }
        final JsonValue minValue = json.member(prefix + "SubnetMin");
        final JsonValue maxValue = json.member(prefix + "SubnetMax");
        final IpPrefix lowest = new IpPrefix(network.base(), length);
        final IpPrefix first = null == minValue ? lowest.next() : bound(minValue, network, length);
        final IpPrefix last = null == maxValue ? network.last(length) : bound(maxValue, network, length);
        if (first.compareTo(last) > 0) {
            throw json.error(
                    "has " + prefix + "SubnetMin " + first.base() + " above " + prefix + "SubnetMax " + last.base());
        }
        return new NetworkConfig.Allocation(first, last);
    }

    private static IpPrefix bound(final JsonValue value, final IpPrefix network, final int length) {
        try {
            final IpPrefix bound = new IpPrefix(IpAddress.parse(value.string()), length);
            if (network.contains(bound)) {
                return bound;
            }
        } catch (final IllegalArgumentException failure) {
            throw value.error("must be the first address of a subnet: " + failure.getMessage());
        }
        throw value.error("is " + value.string() + ", must lie in the network " + network);
    }

    private BackendConfig backend() {
        final JsonValue backend = json.member("Backend");
        if (null == backend) {
            return new BackendConfig(BackendType.UDP, 0, BackendConfig.PORT_UDP_DEFAULT, 0, false, false);
        }
        final JsonValue typeValue = backend.required("Type");
        final BackendType type = BackendType.of(typeValue.string());
        if (null == type) {
            throw typeValue.error("is \"" + typeValue.string() + "\", weft has the backends " + BackendType.all());
        }
        if (strict) {
            Keys.requireKnown(backend, BACKEND_KEYS);
        }
        final JsonValue gbp = backend.member("GBP");
        if (null != gbp && gbp.bool()) {
            throw gbp.error("is true, group policy bits are not supported: remove it here and on every node");
        }
        final boolean vxlan = BackendType.VXLAN == type;
        final int portDefault = vxlan ? BackendConfig.PORT_DEFAULT : BackendConfig.PORT_UDP_DEFAULT;
        final int port = number(backend, "Port", 0, PORT_MAX, 0);
        return new BackendConfig(
                type,
                vxlan ? number(backend, "VNI", 0, BackendConfig.VNI_MAX, BackendConfig.VNI_DEFAULT) : 0,
                !type.isTunnel() ? 0 : 0 == port ? portDefault : port,
                mtu(backend),
                flag(backend, "Learning", false),
                flag(backend, "DirectRouting", false));
    }

    private static int mtu(final JsonValue backend) {
        final JsonValue value = backend.member("MTU");
        return null == value || 0 == value.integer(0, MTU_MAX) ? 0 : value.integer(MTU_MIN, MTU_MAX);
    }

    private static int number(
            final JsonValue object, final String key, final int min, final int max, final int absent) {
        final @Nullable JsonValue value = object.member(key);
        return null == value ? absent : value.integer(min, max);
    }

    private static boolean flag(final JsonValue object, final String key, final boolean absent) {
        final @Nullable JsonValue value = object.member(key);
        return null == value ? absent : value.bool();
    }
}
