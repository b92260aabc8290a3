/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lease;

import io.weft.address.IpAddress;
import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonValue;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How a node is reached: the value of a lease, flannel's {@code LeaseAttrs} (pkg/lease/lease.go).
 *
 * @param publicIp where peers send to over an IPv4 underlay; null in a cluster of IPv6 alone.
 * @param publicIpv6 the same for an IPv6 underlay; null without one.
 * @param backendType see {@link BackendType#leaseType}, or one that weft does not have.
 * @param vtep data of a vxlan lease; null for other backends, whose data weft has no use for.
 * @param vtepV6 the same for IPv6 pods.
 */
public record LeaseAttributes(
        @Nullable Inet4Address publicIp,
        @Nullable Inet6Address publicIpv6,
        String backendType,
        @Nullable VtepData vtep,
        @Nullable VtepData vtepV6) {
    private static final Set<String> KEYS =
            Set.of("PublicIP", "PublicIPv6", "BackendType", "BackendData", "BackendV6Data");

    /**
     * Reads a lease's value.
     *
     * @param strict refuse keys that flannel does not have.
     * @throws JsonException naming the member that is wrong.
     */
    public static LeaseAttributes read(final JsonValue json, final boolean strict) {
        if (strict) {
            Keys.requireKnown(json, KEYS);
        }
        final JsonValue type = json.member("BackendType");
        final String backendType = null == type ? "" : type.string();
        final Inet4Address publicIp = address(json.member("PublicIP"), Inet4Address.class);
        final Inet6Address publicIpv6 = address(json.member("PublicIPv6"), Inet6Address.class);
        final boolean noPublicIp = null == publicIp || publicIp.isAnyLocalAddress();
        if (noPublicIp && null == publicIpv6) {
            throw json.error(
                    null == publicIp
                            ? "has no \"PublicIP\", and no \"PublicIPv6\""
                            : "has no \"PublicIPv6\", and as its \"PublicIP\" 0.0.0.0, which is none");
        }
        final boolean vxlan = BackendType.VXLAN.leaseType().equals(backendType);
        final JsonValue data = json.member("BackendData");
        final JsonValue v6Data = json.member("BackendV6Data");
        if (vxlan && null == data && null == v6Data) {
            throw json.error(
                    "has no \"BackendData\", a vxlan lease needs {\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:01\"}");
        }
        return new LeaseAttributes(
                noPublicIp ? null : publicIp,
                publicIpv6,
                backendType,
                vxlan && null != data ? VtepData.read(data, strict) : null,
                vxlan && null != v6Data ? VtepData.read(v6Data, strict) : null);
    }

    /** As flannel's Go writes it, byte for byte. */
    public String json() {
        final StringBuilder text = new StringBuilder(192);
        appendJson(text);
        return text.toString();
    }

    /** Appends {@link #json}. */
    public void appendJson(final StringBuilder text) {
        text.append("{\"PublicIP\":\"");
        if (null == publicIp) {
            text.append("0.0.0.0");
        } else {
            IpAddress.of(publicIp).appendTo(text);
        }
        text.append("\",\"PublicIPv6\":");
        if (null == publicIpv6) {
            text.append("null");
        } else {
            IpAddress.of(publicIpv6).appendTo(text.append('"'));
            text.append('"');
        }
        if (!backendType.isEmpty()) {
            text.append(",\"BackendType\":").append(JsonValue.quote(backendType));
        }
        if (null != vtep) {
            vtep.appendJson(text.append(",\"BackendData\":"));
        }
        if (null != vtepV6) {
            vtepV6.appendJson(text.append(",\"BackendV6Data\":"));
        }
        text.append('}');
    }

    private static <T extends InetAddress> @Nullable T address(final @Nullable JsonValue json, final Class<T> family) {
        if (null == json) {
            return null;
        }
        final String wanted = "must be an " + (Inet4Address.class == family ? "IPv4" : "IPv6") + " address";
        try {
            final InetAddress address = IpAddress.parse(json.string()).toInetAddress();
            if (family.isInstance(address)) {
                return family.cast(address);
            }
        } catch (final IllegalArgumentException failure) {
            throw json.error(wanted + ": " + failure.getMessage());
        }
        throw json.error("is " + json.string() + ", " + wanted);
    }
}
