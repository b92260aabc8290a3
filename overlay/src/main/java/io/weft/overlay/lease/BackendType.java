/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lease;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** How nodes reach each other: the {@code Type} of a network's backend, of which weft has these. */
public enum BackendType {
    /** VXLAN (RFC 7348), as flannel's pkg/backend/vxlan. */
    VXLAN("vxlan", "vxlan"),
    /** The bare IP packet in UDP, as flannel's pkg/backend/udp, which names no type in its leases and looks at none. */
    UDP("udp", ""),
    /** No tunnel: the kernel routes a node's subnet to the node itself, as flannel's pkg/backend/hostgw. */
    HOST_GW("host-gw", "host-gw");

    /** RFC 768. */
    private static final int UDP_HEADER_LENGTH = 8;
    /** VXLAN 8 (RFC 7348, 5) and inner Ethernet 14. */
    private static final int VXLAN_HEADERS_LENGTH = 8 + 14;

    private final String text;
    private final String leaseType;

    BackendType(final String text, final String leaseType) {
        this.text = text;
        this.leaseType = leaseType;
    }

    /** The type of that name, in whatever case; null when weft has none. */
    static @Nullable BackendType of(final String text) {
        final String lower = text.toLowerCase(Locale.ROOT);
        return Arrays.stream(values())
                .filter(type -> type.text.equals(lower))
                .findFirst()
                .orElse(null);
    }

    /**
     * The type of that name.
     *
     * @throws IllegalArgumentException when weft has none.
     */
    public static BackendType named(final String text) {
        final BackendType type = of(text);
        if (null == type) {
            throw new IllegalArgumentException("\"" + text + "\" is no backend, these are: " + all());
        }
        return type;
    }

    /** All names, for people. */
    static String all() {
        return Arrays.stream(values()).map(BackendType::toString).collect(Collectors.joining(", "));
    }

    /** {@code BackendType} of a lease; empty for one that names none. */
    public String leaseType() {
        return leaseType;
    }

    /** True when packets go through weft, and not by the kernel's routes alone. */
    public boolean isTunnel() {
        return HOST_GW != this;
    }

    /** What is added to a pod's packet over an underlay whose IP header has that length, in bytes, outer Ethernet aside. */
    public int overhead(final int ipHeaderLength) {
        return switch (this) {
            case VXLAN -> ipHeaderLength + UDP_HEADER_LENGTH + VXLAN_HEADERS_LENGTH;
            case UDP -> ipHeaderLength + UDP_HEADER_LENGTH;
            case HOST_GW -> 0;
        };
    }

    /** As in the network's configuration. */
    @Override
    public String toString() {
        return text;
    }
}
