/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

/** Text forms of addresses: RFC 4291 section 2.2 to read, RFC 5952 to write. */
final class IpText {
    private static final int GROUPS = 8;
    private static final int GROUP_BITS = 16;
    private static final int OCTETS = 4;

    private IpText() {}

    static IpAddress parseAddress(final String text) {
        if (text.indexOf(':') < 0) {
            return IpAddress.ofIpv4(parseQuad(text, text));
        }
        return parseIpv6(text);
    }

    private static int parseQuad(final String quad, final String text) {
        final String[] octets = quad.split("\\.", -1);
        if (OCTETS != octets.length) {
            throw malformed(text);
        }
        int address = 0;
        for (final String octet : octets) {
            // No leading zero: inet_aton reads it as octal, inet_pton refuses it.
            if (octet.length() > 1 && '0' == octet.charAt(0)) {
                throw malformed(text);
            }
            address = address << Byte.SIZE | parseDigits(octet, 10, 3, 255, text);
        }
        return address;
    }

    private static IpAddress parseIpv6(final String text) {
        final int gap = text.indexOf("::");
        if (gap >= 0 && text.indexOf("::", gap + 1) >= 0) {
            throw malformed(text);
        }
        final int[] head = parseGroups(gap < 0 ? text : text.substring(0, gap), gap < 0, text);
        final int[] tail = gap < 0 ? new int[0] : parseGroups(text.substring(gap + 2), true, text);
        final int given = head.length + tail.length;
        if (gap < 0 ? GROUPS != given : given >= GROUPS) {
            throw malformed(text);
        }
        final int[] groups = new int[GROUPS];
        System.arraycopy(head, 0, groups, 0, head.length);
        System.arraycopy(tail, 0, groups, GROUPS - tail.length, tail.length);
        long high = 0;
        long low = 0;
        for (int i = 0; i < GROUPS / 2; i++) {
            high = high << GROUP_BITS | groups[i];
            low = low << GROUP_BITS | groups[i + GROUPS / 2];
        }
        return new IpAddress(AddressFamily.IPV6, high, low);
    }

    private static int[] parseGroups(final String part, final boolean last, final String text) {
        if (part.isEmpty()) {
            return new int[0];
        }
        final String[] words = part.split(":", -1);
        final boolean quad = last && words[words.length - 1].indexOf('.') >= 0;
        final int[] groups = new int[words.length + (quad ? 1 : 0)];
        final int plain = quad ? words.length - 1 : words.length;
        for (int i = 0; i < plain; i++) {
            groups[i] = parseDigits(words[i], 16, 4, 0xffff, text);
        }
        if (quad) {
            final int address = parseQuad(words[plain], text);
            groups[plain] = address >>> GROUP_BITS;
            groups[plain + 1] = address & 0xffff;
        }
        return groups;
    }

    static int parseDigits(
            final String digits, final int radix, final int maxDigits, final int max, final String text) {
        if (digits.isEmpty() || digits.length() > maxDigits) {
            throw malformed(text);
        }
        int value = 0;
        for (int i = 0; i < digits.length(); i++) {
            final char c = digits.charAt(i);
            final int digit = c < 0x80 ? Character.digit(c, radix) : -1;
            if (digit < 0) {
                throw malformed(text);
            }
            value = value * radix + digit;
        }
        if (value > max) {
            throw malformed(text);
        }
        return value;
    }

    private static IllegalArgumentException malformed(final String text) {
        return new IllegalArgumentException("'" + text + "' is not an IPv4 or IPv6 address");
    }

    static String format(final IpAddress address) {
        if (AddressFamily.IPV4 == address.family()) {
            final int bits = address.ipv4();
            return (bits >>> 24) + "." + (bits >>> 16 & 0xff) + "." + (bits >>> 8 & 0xff) + "." + (bits & 0xff);
        }
        return formatIpv6(address);
    }

    private static String formatIpv6(final IpAddress address) {
        int gapStart = -1;
        int gapLength = 1; // RFC 5952 4.2.2: a single zero group is not shortened
        for (int i = 0; i < GROUPS; i++) {
            int end = i;
            while (end < GROUPS && 0 == group(address, end)) {
                end++;
            }
            if (end - i > gapLength) {
                gapStart = i;
                gapLength = end - i;
            }
        }
        final StringBuilder text = new StringBuilder(39);
        int i = 0;
        while (i < GROUPS) {
            if (i == gapStart) {
                text.append("::");
                i += gapLength;
            } else {
                if (i > 0 && ':' != text.charAt(text.length() - 1)) {
                    text.append(':');
                }
                text.append(Integer.toHexString(group(address, i)));
                i++;
            }
        }
        return text.toString();
    }

    private static int group(final IpAddress address, final int index) {
        final long half = index < GROUPS / 2 ? address.high() : address.low();
        return (int) (half >>> ((GROUPS / 2 - 1 - index % (GROUPS / 2)) * GROUP_BITS)) & 0xffff;
    }
}
