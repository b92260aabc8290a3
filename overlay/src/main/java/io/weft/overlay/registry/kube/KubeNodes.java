/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.kube;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonReader;
import io.weft.overlay.json.JsonValue;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.VtepData;
import io.weft.overlay.registry.PublicAddresses;
import io.weft.overlay.registry.Refusals;
import io.weft.overlay.registry.RegistryStatus;
import io.weft.overlay.registry.UnavailableException;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Node objects as leases, and back (flannel pkg/subnet/kube/kube.go and annotations.go). One thread at a time. */
final class KubeNodes {
    static final String MANAGED = "kube-subnet-manager";
    static final String BACKEND_TYPE = "backend-type";
    static final String BACKEND_DATA = "backend-data";
    static final String BACKEND_V6_DATA = "backend-v6-data";
    static final String PUBLIC_IP = "public-ip";
    static final String PUBLIC_IPV6 = "public-ipv6";
    static final String PUBLIC_IP_OVERWRITE = "public-ip-overwrite";
    static final String PUBLIC_IPV6_OVERWRITE = "public-ipv6-overwrite";

    static final String NODE_PUBLIC_IP = "node-public-ip";
    static final String NODE_PUBLIC_IPV6 = "node-public-ipv6";

    private final String prefix;
    private final Refusals refusals;
    /** Of a family that the network has not, what is wrong is as good as none: flannel does not look at it. */
    private volatile boolean needsIpv4 = true;

    private volatile boolean needsIpv6 = true;

    /** @param prefix of the annotations; flannel puts a slash behind it, or a hyphen where it has a slash already. */
    KubeNodes(final String prefix, final RegistryStatus status) {
        final boolean hasSlash = prefix.contains("/");
        this.prefix = hasSlash ? (prefix.endsWith("/") || prefix.endsWith("-") ? prefix : prefix + '-') : prefix + '/';
        refusals = new Refusals("node", status);
    }

    /** Which families the network has; both until that is known. */
    void families(final boolean ipv4, final boolean ipv6) {
        needsIpv4 = ipv4;
        needsIpv6 = ipv6;
    }

    /** All nodes are read anew. */
    void beginList() {
        refusals.beginList();
    }

    /** A node is gone. */
    void forget(final String name) {
        refusals.forget(name);
    }

    /** What the names of its annotations begin with. */
    String prefix() {
        return prefix;
    }

    /** The text of an annotation; null without. */
    @Nullable
    String annotation(final KubeNode node, final String name) {
        return node.annotations().get(prefix + name);
    }

    /**
     * What an administrator has written on a node of where it is reached (flannel 0.25.3 and later, pkg/subnet/kube/kube.go,
     * GetStoredPublicIP).
     *
     * @throws IllegalArgumentException naming the annotation that is no address.
     */
    PublicAddresses publicAddresses(final KubeNode node) {
        return new PublicAddresses(
                publicAddress(node, NODE_PUBLIC_IP, true), publicAddress(node, NODE_PUBLIC_IPV6, false));
    }

    /**
     * What an administrator has written on a node of which addresses it announces, whatever its interface has.
     *
     * @throws IllegalArgumentException naming the annotation that is no address.
     */
    PublicAddresses overwrites(final KubeNode node) {
        return new PublicAddresses(
                publicAddress(node, PUBLIC_IP_OVERWRITE, true), publicAddress(node, PUBLIC_IPV6_OVERWRITE, false));
    }

    /**
     * The address that an annotation has; empty without, and where it is empty.
     *
     * @throws IllegalArgumentException naming the annotation that is no address of that family.
     */
    String publicAddress(final KubeNode node, final String name, final boolean ipv4) {
        final String text = annotation(node, name);
        if (null == text || text.isEmpty()) {
            return "";
        }
        try {
            return IpAddress.of(requireFamily(text, ipv4)).toString();
        } catch (final IllegalArgumentException failure) {
            throw new IllegalArgumentException("annotation " + prefix + name + ": " + failure.getMessage(), failure);
        }
    }

    /**
     * The pod CIDRs of a node; null when it has none yet.
     *
     * @throws IllegalArgumentException when one is no subnet.
     */
    static @Nullable LeaseKey key(final KubeNode node) {
        IpPrefix ipv4 = null;
        IpPrefix ipv6 = null;
        for (final String cidr : node.podCidrs()) {
            final IpPrefix subnet = subnet(cidr);
            ipv4 = subnet.isIpv4() ? subnet : ipv4;
            ipv6 = subnet.isIpv4() ? ipv6 : subnet;
        }
        return null == ipv4 && null == ipv6 ? null : new LeaseKey(ipv4, ipv6);
    }

    /** The same of this node. */
    static @Nullable LeaseKey ownKey(final KubeNode node) throws UnavailableException {
        try {
            return key(node);
        } catch (final IllegalArgumentException failure) {
            throw new UnavailableException("node " + node.name() + ": " + failure.getMessage(), failure);
        }
    }

    private static IpPrefix subnet(final String cidr) {
        try {
            return IpPrefix.parseContaining(cidr);
        } catch (final IllegalArgumentException failure) {
            throw new IllegalArgumentException("its pod CIDR is no subnet: " + failure.getMessage(), failure);
        }
    }

    /** The lease of a node; null for one that is not flannel's, and, said once, for one that is wrong. */
    @Nullable
    Lease lease(final KubeNode node) {
        final String name = node.name();
        try {
            final LeaseKey key = key(node);
            if (!"true".equals(annotation(node, MANAGED)) || null == key) {
                return null;
            }
            final LeaseAttributes attributes = attributes(node);
            refusals.forget(name);
            return new Lease(key, attributes, addresses(node));
        } catch (final JsonException | IllegalArgumentException failure) {
            refusals.refuse(name, String.valueOf(failure.getMessage()));
            return null;
        }
    }

    /** What a Node object names of addresses of the node. */
    private static Set<InetAddress> addresses(final KubeNode node) {
        final Set<InetAddress> addresses = new HashSet<>();
        for (final String address : node.addresses()) {
            final InetAddress literal = literal(address);
            if (null != literal) {
                addresses.add(literal);
            }
        }
        return addresses;
    }

    /** Null for what is none, as a name: no packet comes from there. */
    private static @Nullable InetAddress literal(final String text) {
        try {
            return IpAddress.parse(text).toInetAddress();
        } catch (final IllegalArgumentException name) {
            return null;
        }
    }

    private LeaseAttributes attributes(final KubeNode node) {
        final String type = annotation(node, BACKEND_TYPE);
        final Inet4Address publicIp = (Inet4Address) read(needsIpv4, () -> address(node, PUBLIC_IP, true));
        final Inet6Address publicIpv6 = (Inet6Address) read(needsIpv6, () -> address(node, PUBLIC_IPV6, false));
        final boolean vxlan = BackendType.VXLAN.leaseType().equals(type);
        if (null == publicIp && null == publicIpv6) {
            throw new IllegalArgumentException("it has no annotation " + prefix + PUBLIC_IP);
        }
        return new LeaseAttributes(
                publicIp,
                publicIpv6,
                null == type ? "" : type,
                vxlan ? read(needsIpv4, () -> vtep(node, BACKEND_DATA)) : null,
                vxlan ? read(needsIpv6, () -> vtep(node, BACKEND_V6_DATA)) : null);
    }

    private static <T> @Nullable T read(final boolean isNeeded, final Supplier<@Nullable T> annotation) {
        try {
            return annotation.get();
        } catch (final JsonException | IllegalArgumentException wrong) {
            if (isNeeded) {
                throw wrong;
            }
            return null;
        }
    }

    private @Nullable InetAddress address(final KubeNode node, final String name, final boolean ipv4) {
        final String text = annotation(node, name);
        return null == text ? null : requireFamily(text, ipv4);
    }

    private static InetAddress requireFamily(final String text, final boolean ipv4) {
        final InetAddress address = IpAddress.parse(text).toInetAddress();
        if (address instanceof Inet4Address != ipv4) {
            throw new IllegalArgumentException(text + " is of the other address family");
        }
        return address;
    }

    private @Nullable VtepData vtep(final KubeNode node, final String annotation) {
        final String text = annotation(node, annotation);
        if (null == text || "null".equals(text) || text.isEmpty()) {
            return null;
        }
        return VtepData.read(
                JsonReader.read(text.getBytes(StandardCharsets.UTF_8), "annotation " + prefix + annotation), false);
    }

    /** The patch that gives a node the annotations of its lease; empty when it has them. */
    String patch(final KubeNode node, final LeaseAttributes wanted) {
        final Map<String, @Nullable String> annotations = new HashMap<>();
        annotations.put(MANAGED, "true");
        annotations.put(BACKEND_TYPE, wanted.backendType());
        final VtepData vtep = wanted.vtep();
        final VtepData vtepV6 = wanted.vtepV6();
        if (null != wanted.publicIp()) {
            annotations.put(PUBLIC_IP, IpAddress.of(wanted.publicIp()).toString());
            annotations.put(BACKEND_DATA, null == vtep ? "null" : vtep.json());
        }
        if (null != wanted.publicIpv6()) {
            annotations.put(PUBLIC_IPV6, IpAddress.of(wanted.publicIpv6()).toString());
            annotations.put(BACKEND_V6_DATA, null == vtepV6 ? "null" : vtepV6.json());
        }
        final List<String> changes = new ArrayList<>();
        annotations.forEach((name, value) -> {
            if (null != value && !value.equals(annotation(node, name))) {
                changes.add(JsonValue.quote(prefix + name) + ':' + JsonValue.quote(value));
            }
        });
        return changes.isEmpty() ? "" : "{\"metadata\":{\"annotations\":{" + String.join(",", changes) + "}}}";
    }
}
