/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

/** MAC addresses as longs: the low 48 bits, the first byte on the wire highest. */
public final class MacAddress {
    private static final long MASK = 0xffff_ffff_ffffL;
    /** The I/G bit of IEEE 802: the lowest bit of the first byte. */
    private static final long GROUP_BIT = 1L << 40;

    private MacAddress() {}

    /** As {@code ip link} prints it: 5e:00:53:01:02:03. */
    public static String format(final long mac) {
        final StringBuilder text = new StringBuilder(17);
        for (int shift = 40; shift >= 0; shift -= Byte.SIZE) {
            final int octet = (int) (mac >>> shift) & 0xff;
            text.append(Character.forDigit(octet >>> 4, 16)).append(Character.forDigit(octet & 0xf, 16));
            if (shift > 0) {
                text.append(':');
            }
        }
        return text.toString();
    }

    /**
     * Reads six pairs of hexadecimal digits with colons between.
     *
     * @throws IllegalArgumentException naming the text, if it is anything else.
     */
    public static long parse(final String text) {
        if (!text.matches("[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}")) {
            throw new IllegalArgumentException("'" + text + "' is not a MAC address");
        }
        return Long.parseLong(text.replace(":", ""), 16);
    }

    static void requireUnicast(final long mac, final String entry) {
        if (0 != (mac & ~MASK)) {
            throw new IllegalArgumentException(entry + ": MAC 0x" + Long.toHexString(mac) + " has more than 48 bits");
        }
        if (0 == mac) {
            throw new IllegalArgumentException(entry + ": the MAC is zero");
        }
        if (0 != (mac & GROUP_BIT)) {
            throw new IllegalArgumentException(entry + ": " + format(mac) + " is a multicast MAC");
        }
    }
}
