/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.known;

import io.weft.address.IpAddress;
import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonText;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lease.NetworkConfigReader;
import io.weft.overlay.registry.NodeRequest;
import io.weft.overlay.registry.PublicAddresses;
import java.io.IOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What a node knew of its network.
 *
 * @param daemon which of this host's daemons it was, and of which registry.
 * @param revision of the registry, as that tells it.
 * @param confirmedMs when the registry was last followed without a gap, in milliseconds since 1970.
 * @param ownUntilMs when the own lease ends, unless it is renewed, in milliseconds since 1970; null when it does not end.
 * @param config of the network.
 * @param publicIp the IPv4 address that the node announced; null without one.
 * @param publicIpv6 the same for IPv6.
 * @param written what the registry said of the node's public addresses.
 * @param own the node's lease.
 * @param leases of all nodes, the own one among them.
 */
record KnownLeases(
        String daemon,
        String revision,
        long confirmedMs,
        @Nullable Long ownUntilMs,
        NetworkConfig config,
        @Nullable InetAddress publicIp,
        @Nullable InetAddress publicIpv6,
        PublicAddresses written,
        Lease own,
        Collection<Lease> leases) {
    private static final String NODE_PUBLIC_IP = "nodePublicIP";
    private static final String NODE_PUBLIC_IPV6 = "nodePublicIPv6";
    private static final String NODE_ADDRESSES = "nodeAddresses";

    /** Why this is not what the registry would answer to a request; null when it may well be. */
    @Nullable
    String misfit(final NodeRequest request) {
        if (!Objects.equals(publicIp, request.publicIp()) || !Objects.equals(publicIpv6, request.publicIpv6())) {
            return "this node has another address now";
        }
        if (null != request.takenOverMac() || null != request.takenOverMacV6()) {
            return "flanneld ran here since";
        }
        if ((null != request.previous() && !own.key().equals(request.previous()))
                || (null != request.former() && !own.equals(request.former()))) {
            return "this node has had another lease since";
        }
        return null;
    }

    /** The request for exactly this node's lease. */
    NodeRequest insist(final NodeRequest request) {
        final LeaseAttributes attributes = own.attributes();
        return new NodeRequest(
                request.publicIp(),
                request.publicIpv6(),
                request.ownAddresses(),
                request.backend(),
                null == attributes.vtep() ? null : attributes.vtep().mac(),
                null == attributes.vtepV6() ? null : attributes.vtepV6().mac(),
                own.key(),
                own);
    }

    /** Writes it as JSON, leases in flannel's own. */
    void write(final Appendable out) throws IOException {
        out.append("{\"daemon\":").append(JsonValue.quote(daemon));
        out.append(",\n\"revision\":").append(JsonValue.quote(revision));
        out.append(",\n\"confirmedMs\":").append(Long.toString(confirmedMs));
        if (null != ownUntilMs) {
            out.append(",\n\"ownUntilMs\":").append(ownUntilMs.toString());
        }
        out.append(",\n\"config\":").append(config.json());
        append(out, "PublicIP", null == publicIp ? "" : IpAddress.of(publicIp).toString());
        append(
                out,
                "PublicIPv6",
                null == publicIpv6 ? "" : IpAddress.of(publicIpv6).toString());
        append(out, NODE_PUBLIC_IP, written.publicIp());
        append(out, NODE_PUBLIC_IPV6, written.publicIpv6());
        final StringBuilder entry = new StringBuilder();
        append(entry, own, '{');
        out.append(",\n\"own\":").append(entry).append('}');
        out.append(",\n\"leases\":");
        char separator = '{';
        for (final Lease lease : leases) {
            entry.setLength(0);
            append(entry, lease, separator);
            out.append(entry);
            separator = ',';
        }
        out.append('{' == separator ? "{}" : "}");
        out.append(",\n\"" + NODE_ADDRESSES + "\":{");
        separator = '\n';
        for (final Lease lease : leases) {
            if (!lease.nodeAddresses().isEmpty()) {
                out.append(separator).append(addresses(lease));
                separator = ',';
            }
        }
        out.append("}}\n");
    }

    /** Others that a node may send from, which flannel's JSON has no place for. */
    private static String addresses(final Lease lease) {
        return lease.nodeAddresses().stream()
                .map(address -> JsonValue.quote(IpAddress.of(address).toString()))
                .sorted()
                .collect(Collectors.joining(",", JsonValue.quote(lease.key().toString()) + ":[", "]"));
    }

    private static void append(final Appendable out, final String key, final String address) throws IOException {
        if (!address.isEmpty()) {
            out.append(",\n\"" + key + "\":\"").append(address).append('"');
        }
    }

    private static void append(final StringBuilder text, final Lease lease, final char separator) {
        text.append(separator)
                .append('\n')
                .append(JsonValue.quote(lease.key().toString()))
                .append(':');
        lease.attributes().appendJson(text);
    }

    /**
     * Reads what {@link #write} has written.
     *
     * @param allocates the registry hands out subnets, so that their bounds are part of the configuration.
     * @throws JsonException when it is anything else.
     */
    static KnownLeases read(final byte[] text, final String source, final boolean allocates) {
        final JsonText whole = JsonText.of(text, source);
        final Map<String, JsonText> parts = whole.members();
        final JsonText until = parts.get("ownUntilMs");
        final List<Lease> own = leases(required(parts, "own", whole), Map.of());
        if (1 != own.size()) {
            throw required(parts, "own", whole).error("has " + own.size() + " leases");
        }
        return new KnownLeases(
                required(parts, "daemon", whole).read().string(),
                required(parts, "revision", whole).read().string(),
                required(parts, "confirmedMs", whole).read().integer(0, Long.MAX_VALUE),
                null == until ? null : Long.valueOf(until.read().integer(0, Long.MAX_VALUE)),
                NetworkConfigReader.read(required(parts, "config", whole).read(), true, allocates),
                address(parts.get("PublicIP")),
                address(parts.get("PublicIPv6")),
                new PublicAddresses(text(parts.get(NODE_PUBLIC_IP)), text(parts.get(NODE_PUBLIC_IPV6))),
                own.get(0),
                leases(required(parts, "leases", whole), nodeAddresses(parts.get(NODE_ADDRESSES))));
    }

    private static JsonText required(final Map<String, JsonText> parts, final String key, final JsonText whole) {
        final JsonText part = parts.get(key);
        if (null == part) {
            throw whole.error("has no \"" + key + "\"");
        }
        return part;
    }

    /** An address in text; empty without. */
    private static String text(final @Nullable JsonText text) {
        final InetAddress address = address(text);
        return null == address ? "" : IpAddress.of(address).toString();
    }

    private static @Nullable InetAddress address(final @Nullable JsonText text) {
        if (null == text) {
            return null;
        }
        try {
            return IpAddress.parse(text.read().string()).toInetAddress();
        } catch (final IllegalArgumentException failure) {
            throw text.error(String.valueOf(failure.getMessage()));
        }
    }

    /** By the key of the node's lease. */
    private static Map<String, Set<InetAddress>> nodeAddresses(final @Nullable JsonText object) {
        final Map<String, Set<InetAddress>> addresses = new HashMap<>();
        if (null != object) { // nor had the files of earlier versions any
            object.read()
                    .members()
                    .forEach((key, list) -> addresses.put(
                            key,
                            list.elements().stream()
                                    .map(address -> parse(address).toInetAddress())
                                    .collect(Collectors.toSet())));
        }
        return addresses;
    }

    private static IpAddress parse(final JsonValue address) {
        try {
            return IpAddress.parse(address.string());
        } catch (final IllegalArgumentException failure) {
            throw address.error(String.valueOf(failure.getMessage()));
        }
    }

    private static List<Lease> leases(final JsonText object, final Map<String, Set<InetAddress>> nodeAddresses) {
        final List<Lease> leases = new ArrayList<>();
        object.members().forEach((key, text) -> {
            try {
                leases.add(new Lease(
                        LeaseKey.parse(key),
                        LeaseAttributes.read(text.read(), true),
                        nodeAddresses.getOrDefault(key, Set.of())));
            } catch (final IllegalArgumentException failure) {
                throw text.error(String.valueOf(failure.getMessage()));
            }
        });
        return leases;
    }
}
