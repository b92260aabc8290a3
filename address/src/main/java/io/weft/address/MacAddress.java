/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.address;

/**
 * An Ethernet address.
 *
 * @param value the six bytes as a number, as the packet path has it: the first byte on the wire in bits 47..40.
 */
public record MacAddress(long value) {
    /** Bytes of an address. */
    public static final int LENGTH = 6;

    /** The I/G bit of IEEE 802: the lowest bit of the first byte. */
    private static final long GROUP_BIT = 1L << 40;

    /** Two digits for each byte, and the colons. */
    private static final int TEXT_LENGTH = 3 * LENGTH - 1;

    /** @throws IllegalArgumentException if the value has more than 48 bits. */
    public MacAddress {
        if (0 != value >>> (LENGTH * Byte.SIZE)) {
            throw new IllegalArgumentException("MAC 0x" + Long.toHexString(value) + " has more than 48 bits");
        }
    }

    /**
     * Reads six pairs of hexadecimal digits with colons between them.
     *
     * @throws IllegalArgumentException naming the text, if it has another form.
     */
    public static MacAddress parse(final String text) {
        if (TEXT_LENGTH != text.length()) {
            throw malformed(text);
        }
        long value = 0;
        for (int i = 0; i < TEXT_LENGTH; i++) {
            final char c = text.charAt(i);
            if (2 == i % 3) {
                if (':' != c) {
                    throw malformed(text);
                }
            } else {
                value = value << 4 | digit(c, text);
            }
        }
        return new MacAddress(value);
    }

    private static int digit(final char c, final String text) {
        final int digit = c < 0x80 ? Character.digit(c, 16) : -1;
        if (digit < 0) {
            throw malformed(text);
        }
        return digit;
    }

    private static IllegalArgumentException malformed(final String text) {
        return new IllegalArgumentException("'" + text + "' is not a MAC address of the form 02:00:00:00:00:01");
    }

    /** Whether the group bit is set: no device may have such an address. */
    public boolean isMulticast() {
        return 0 != (value & GROUP_BIT);
    }

    @Override
    public boolean equals(final Object other) {
        return other instanceof MacAddress that && value == that.value;
    }

    @Override
    public int hashCode() {
        return Long.hashCode(value);
    }

    /** As {@code ip link} prints it: 5e:00:53:01:02:03. */
    @Override
    public String toString() {
        final StringBuilder text = new StringBuilder(TEXT_LENGTH);
        appendTo(text);
        return text.toString();
    }

    /** Appends what {@link #toString} returns. */
    public void appendTo(final StringBuilder text) {
        for (int shift = (LENGTH - 1) * Byte.SIZE; shift >= 0; shift -= Byte.SIZE) {
            final int octet = (int) (value >>> shift) & 0xff;
            text.append(Character.forDigit(octet >>> 4, 16)).append(Character.forDigit(octet & 0xf, 16));
            if (shift > 0) {
                text.append(':');
            }
        }
    }
}
