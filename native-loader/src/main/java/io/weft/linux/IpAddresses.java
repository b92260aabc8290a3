/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.regex.Pattern;

/** Addresses from text and bytes, never from a name: nothing here asks a resolver. */
public final class IpAddresses {
    private static final String OCTET = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
    private static final Pattern IPV4 = Pattern.compile(OCTET + "(\\." + OCTET + "){3}");
    private static final Pattern IPV6 = Pattern.compile("[0-9a-fA-F:.]*:[0-9a-fA-F:.]*");
    private static final int NO_SCOPE = -1;

    private IpAddresses() {}

    /**
     * The address that a text spells.
     *
     * @param text four decimal numbers, or IPv6 in any form of RFC 4291 section 2.2 without a zone.
     * @return the address; an IPv4-mapped IPv6 address is refused, for Java would make an IPv4 address of it.
     * @throws IllegalArgumentException naming the text if it is not an address.
     */
    public static InetAddress parse(final String text) {
        final boolean ipv6 = IPV6.matcher(text).matches();
        if (!ipv6 && !IPV4.matcher(text).matches()) {
            throw new IllegalArgumentException("'" + text + "' is not an IP address");
        }
        try {
            final InetAddress address = InetAddress.getByName(text);
            if (ipv6 && !(address instanceof Inet6Address)) {
                throw new IllegalArgumentException("'" + text + "' is an IPv4-mapped address, write it as IPv4");
            }
            return address;
        } catch (final UnknownHostException e) {
            throw new IllegalArgumentException("'" + text + "' is not an IP address", e);
        }
    }

    /**
     * The address that bytes in network order make.
     *
     * @param bytes 4 or 16 of them; 16 always make an IPv6 address, also where it is an IPv4-mapped one.
     * @return the address.
     * @throws IllegalArgumentException for any other length.
     */
    public static InetAddress of(final byte[] bytes) {
        try {
            return 16 == bytes.length
                    ? Inet6Address.getByAddress(null, bytes, NO_SCOPE)
                    : InetAddress.getByAddress(bytes);
        } catch (final UnknownHostException e) {
            throw new IllegalArgumentException(bytes.length + " bytes are not an IP address", e);
        }
    }

    /**
     * The address as text, IPv6 in the canonical form of RFC 5952: lower case, the longest run of zeros cut.
     *
     * @param address to print.
     * @return the text; {@link #parse} reads it.
     */
    public static String print(final InetAddress address) {
        final byte[] bytes = address.getAddress();
        if (4 == bytes.length) {
            return (bytes[0] & 0xFF) + "." + (bytes[1] & 0xFF) + "." + (bytes[2] & 0xFF) + "." + (bytes[3] & 0xFF);
        }
        final int[] groups = new int[8];
        for (int i = 0; i < groups.length; i++) {
            groups[i] = ((bytes[2 * i] & 0xFF) << 8) | (bytes[2 * i + 1] & 0xFF);
        }
        int zerosFrom = -1;
        int zerosLength = 1;
        for (int from = 0; from < groups.length; from++) {
            int end = from;
            while (end < groups.length && 0 == groups[end]) {
                end++;
            }
            if (end - from > zerosLength) {
                zerosFrom = from;
                zerosLength = end - from;
            }
        }
        return printGroups(groups, zerosFrom, zerosLength);
    }

    private static String printGroups(final int[] groups, final int zerosFrom, final int zerosLength) {
        final StringBuilder text = new StringBuilder(39);
        int i = 0;
        while (i < groups.length) {
            if (i == zerosFrom) {
                text.append("::");
                i += zerosLength;
                continue;
            }
            if (i > 0 && ':' != text.charAt(text.length() - 1)) {
                text.append(':');
            }
            text.append(Integer.toHexString(groups[i++]));
        }
        return text.toString();
    }
}
