/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import java.net.InetAddress;
import java.net.UnknownHostException;
import org.jspecify.annotations.Nullable;

/** Networks in CIDR notation, as text. */
final class Cidr {
    private static final int IPV4_LENGTH = 4;
    private static final int IPV6_GROUPS = 8;

    private Cidr() {}

    /**
     * The network that an address with a prefix length lies in: 10.42.3.1/24 gives 10.42.3.0/24. IPv6 is written as RFC
     * 5952 wants it.
     *
     * @param text an IPv4 or IPv6 address, a slash and the length of the prefix in bits.
     * @return the network, or null where the text is not well-formed.
     */
    static @Nullable String network(final String text) {
        final int slash = text.indexOf('/');
        if (slash < 0) {
            return null;
        }
        final String addressText = text.substring(0, slash);
        final byte[] address = addressText.indexOf(':') < 0 ? ipv4(addressText) : ipv6(addressText);
        if (null == address) {
            return null;
        }
        final int prefixLength = number(text, slash + 1, text.length(), Byte.SIZE * address.length);
        if (prefixLength < 0) {
            return null;
        }
        for (int bit = prefixLength; bit < Byte.SIZE * address.length; bit++) {
            address[bit / Byte.SIZE] &= (byte) ~(1 << (Byte.SIZE - 1 - bit % Byte.SIZE));
        }
        return (IPV4_LENGTH == address.length ? ipv4Text(address) : ipv6Text(address)) + "/" + prefixLength;
    }

    private static byte @Nullable [] ipv4(final String text) {
        final byte[] address = new byte[IPV4_LENGTH];
        int from = 0;
        for (int i = 0; i < IPV4_LENGTH; i++) {
            final int dot = text.indexOf('.', from);
            final boolean isLast = IPV4_LENGTH - 1 == i;
            if (isLast != dot < 0) {
                return null;
            }
            final int end = isLast ? text.length() : dot;
            final int octet = number(text, from, end, 0xFF);
            if (octet < 0) {
                return null;
            }
            address[i] = (byte) octet;
            from = end + 1;
        }
        return address;
    }

    private static byte @Nullable [] ipv6(final String text) {
        for (int i = 0; i < text.length(); i++) {
            final char c = text.charAt(i);
            if (Character.digit(c, 16) < 0 && c != ':' && c != '.') {
                return null;
            }
        }
        try {
            // Text with a colon is a literal or an error, never looked up. An IPv4-mapped one comes back as IPv4.
            final byte[] address = InetAddress.getByName(text).getAddress();
            return 2 * IPV6_GROUPS == address.length ? address : null;
        } catch (final UnknownHostException e) {
            return null;
        }
    }

    /** A decimal without leading zeros from 0 to max, or -1. */
    private static int number(final String text, final int from, final int to, final int max) {
        if (from >= to || to - from > 3 || ('0' == text.charAt(from) && to - from > 1)) {
            return -1;
        }
        int value = 0;
        for (int i = from; i < to; i++) {
            final char c = text.charAt(i);
            if (c < '0' || c > '9') {
                return -1;
            }
            value = 10 * value + (c - '0');
        }
        return value <= max ? value : -1;
    }

    private static String ipv4Text(final byte[] address) {
        return (address[0] & 0xFF) + "." + (address[1] & 0xFF) + "." + (address[2] & 0xFF) + "." + (address[3] & 0xFF);
    }

    private static String ipv6Text(final byte[] address) {
        int zeroFrom = -1;
        int zeroLength = 1; // RFC 5952, 4.2.2: a single zero group is not shortened.
        for (int i = 0; i < IPV6_GROUPS; i++) {
            int length = 0;
            while (i + length < IPV6_GROUPS && 0 == group(address, i + length)) {
                length++;
            }
            if (length > zeroLength) {
                zeroFrom = i;
                zeroLength = length;
            }
        }
        final StringBuilder text = new StringBuilder();
        for (int i = 0; i < IPV6_GROUPS; i++) {
            if (i == zeroFrom) {
                text.append("::");
                i += zeroLength - 1;
            } else {
                final boolean needsColon = text.length() > 0 && text.charAt(text.length() - 1) != ':';
                text.append(needsColon ? ":" : "").append(Integer.toHexString(group(address, i)));
            }
        }
        return text.toString();
    }

    private static int group(final byte[] address, final int index) {
        return ((address[2 * index] & 0xFF) << Byte.SIZE) | (address[2 * index + 1] & 0xFF);
    }
}
