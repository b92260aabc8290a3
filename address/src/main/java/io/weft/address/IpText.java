/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.address;

/** Text forms of addresses: RFC 4291 section 2.2 to read, RFC 5952 to write. */
final class IpText {
    private static final int GROUPS = 8;
    private static final int GROUP_BITS = 16;
    private static final int GROUP_DIGITS_MAX = 4;
    private static final int OCTETS = 4;
    private static final int OCTET_DIGITS_MAX = 3;

    private IpText() {}

    static IpAddress parse(final String text) {
        if (text.indexOf(':') < 0) {
            return IpAddress.ofIpv4(parseQuad(text, 0, text));
        }
        final IpAddress address = parseIpv6(text);
        if (address.isIpv4Mapped()) {
            throw new IllegalArgumentException("'" + text + "' is an IPv4-mapped address, write it as IPv4");
        }
        return address;
    }

    /** The four numbers from a position to the end of the text. */
    private static int parseQuad(final String text, final int start, final String whole) {
        int address = 0;
        int from = start;
        for (int i = 0; i < OCTETS; i++) {
            final int dot = text.indexOf('.', from);
            final boolean isLast = OCTETS - 1 == i;
            if (isLast != dot < 0) {
                throw malformed(whole);
            }
            final int end = isLast ? text.length() : dot;
            final int octet = number(text, from, end, 10, OCTET_DIGITS_MAX);
            // No leading zero: inet_aton reads it as octal, inet_pton refuses it.
            if (octet < 0 || octet > 0xff || (end - from > 1 && '0' == text.charAt(from))) {
                throw malformed(whole);
            }
            address = address << Byte.SIZE | octet;
            from = end + 1;
        }
        return address;
    }

    private static IpAddress parseIpv6(final String text) {
        final int gap = text.indexOf("::");
        if (gap >= 0 && text.indexOf("::", gap + 1) >= 0) {
            throw malformed(text);
        }
        final int[] groups = new int[GROUPS];
        if (gap < 0) {
            if (GROUPS != parseGroups(text, groups, true, text)) {
                throw malformed(text);
            }
        } else {
            final int head = parseGroups(text.substring(0, gap), groups, false, text);
            final int[] tail = new int[GROUPS];
            final int tailCount = parseGroups(text.substring(gap + 2), tail, true, text);
            if (head + tailCount >= GROUPS) {
                throw malformed(text);
            }
            System.arraycopy(tail, 0, groups, GROUPS - tailCount, tailCount);
        }
        long high = 0;
        long low = 0;
        for (int i = 0; i < GROUPS / 2; i++) {
            high = high << GROUP_BITS | groups[i];
            low = low << GROUP_BITS | groups[i + GROUPS / 2];
        }
        return new IpAddress(IpFamily.IPV6, high, low);
    }

    /** Reads groups, the last two of which may be a quad where the text's end is; returns how many. */
    private static int parseGroups(final String part, final int[] groups, final boolean isEnd, final String whole) {
        int count = 0;
        int from = part.isEmpty() ? 1 : 0;
        while (from <= part.length()) {
            final int colon = part.indexOf(':', from);
            final int end = colon < 0 ? part.length() : colon;
            final boolean isQuad = isEnd && colon < 0 && part.indexOf('.', from) >= 0;
            if (count + (isQuad ? 2 : 1) > GROUPS) {
                throw malformed(whole);
            }
            if (isQuad) {
                final int address = parseQuad(part, from, whole);
                groups[count++] = address >>> GROUP_BITS;
                groups[count++] = address & 0xffff;
            } else {
                final int group = number(part, from, end, 16, GROUP_DIGITS_MAX);
                if (group < 0) {
                    throw malformed(whole);
                }
                groups[count++] = group;
            }
            from = end + 1;
        }
        return count;
    }

    /** The number that ASCII digits in a part of the text spell, or -1 if there is something else, too many, or none. */
    static int number(final String text, final int from, final int end, final int radix, final int digitsMax) {
        if (from >= end || end - from > digitsMax) {
            return -1;
        }
        int value = 0;
        for (int i = from; i < end; i++) {
            final char c = text.charAt(i);
            final int digit = c < 0x80 ? Character.digit(c, radix) : -1;
            if (digit < 0) {
                return -1;
            }
            value = value * radix + digit;
        }
        return value;
    }

    private static IllegalArgumentException malformed(final String text) {
        return new IllegalArgumentException("'" + text + "' is not an IP address");
    }

    static void print(final IpAddress address, final StringBuilder text) {
        if (IpFamily.IPV4 == address.family()) {
            final int bits = address.ipv4();
            text.append(bits >>> 24).append('.').append(bits >>> 16 & 0xff);
            text.append('.').append(bits >>> 8 & 0xff).append('.').append(bits & 0xff);
        } else {
            printIpv6(address, text);
        }
    }

    private static void printIpv6(final IpAddress address, final StringBuilder text) {
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
    }

    private static int group(final IpAddress address, final int index) {
        final long half = index < GROUPS / 2 ? address.high() : address.low();
        return (int) (half >>> ((GROUPS / 2 - 1 - index % (GROUPS / 2)) * GROUP_BITS)) & 0xffff;
    }
}
