/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lease;

import io.weft.address.MacAddress;
import io.weft.overlay.json.JsonException;
import io.weft.overlay.json.JsonValue;
import java.security.SecureRandom;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * BackendData of a vxlan lease: {@code {"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}} (flannel pkg/backend/vxlan).
 *
 * @param vni the node's own network identifier; peers ignore it and use theirs, as flannel does.
 * @param mac the inner destination address that frames to this node carry.
 */
public record VtepData(int vni, MacAddress mac) {
    // IEEE 802, 8.2: the two lowest bits of the first byte
    private static final long GROUP_BIT = 0x01L << 40;
    private static final long LOCAL_BIT = 0x02L << 40;

    private static final int JSON_LENGTH = 48;

    private static final Pattern HYPHENS_OR_DOTS =
            Pattern.compile("[0-9a-fA-F]{2}(-[0-9a-fA-F]{2}){5}|[0-9a-fA-F]{4}(\\.[0-9a-fA-F]{4}){2}");
    private static final Set<String> KEYS = Set.of("VNI", "VtepMAC");

    /**
     * Reads the data of one lease.
     *
     * @param strict refuse keys that flannel does not have.
     * @throws JsonException when the MAC is missing or no VTEP may have it.
     */
    public static VtepData read(final JsonValue json, final boolean strict) {
        if (strict) {
            Keys.requireKnown(json, KEYS);
        }
        final JsonValue vni = json.member("VNI"); // flannel before 0.12 wrote the MAC alone
        final JsonValue mac = json.required("VtepMAC");
        try {
            final MacAddress address = parseAsGo(mac.string());
            if (0 == address.value() || address.isMulticast()) {
                throw mac.error("is " + address + ", a VTEP needs a unicast address that is not zero");
            }
            return new VtepData(null == vni ? 0 : vni.integer(0, BackendConfig.VNI_MAX), address);
        } catch (final IllegalArgumentException failure) {
            throw mac.error(String.valueOf(failure.getMessage()));
        }
    }

    /** As flannel's Go writes it, byte for byte. */
    public String json() {
        final StringBuilder text = new StringBuilder(JSON_LENGTH);
        appendJson(text);
        return text.toString();
    }

    /** Appends {@link #json}. */
    void appendJson(final StringBuilder text) {
        text.append("{\"VNI\":").append(vni).append(",\"VtepMAC\":\"");
        mac.appendTo(text);
        text.append("\"}");
    }

    /** A random locally administered address, as flannel chooses one (pkg/mac/mac.go). */
    public static MacAddress randomMac() {
        final long bits = new SecureRandom().nextLong() & 0xffff_ffff_ffffL;
        return new MacAddress((bits & ~GROUP_BIT) | LOCAL_BIT);
    }

    /** Go's net.ParseMAC, which flannel reads leases with, takes hyphens, and dots after every second byte, as well. */
    private static MacAddress parseAsGo(final String text) {
        final boolean isGosOwn = HYPHENS_OR_DOTS.matcher(text).matches();
        return isGosOwn ? new MacAddress(Long.parseLong(text.replaceAll("[.-]", ""), 16)) : MacAddress.parse(text);
    }
}
