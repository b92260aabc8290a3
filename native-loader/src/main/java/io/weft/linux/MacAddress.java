/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import java.util.regex.Pattern;

/**
 * An Ethernet address.
 *
 * @param value the six bytes as a number, the first byte in bits 47..40.
 */
public record MacAddress(long value) {
    /** Bytes of an address. */
    public static final int LENGTH = 6;

    private static final Pattern COLON_FORM = Pattern.compile("[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}");

    /**
     * Checks that the value has 48 bits.
     *
     * @throws IllegalArgumentException if it has more.
     */
    public MacAddress {
        if (0 != value >>> (LENGTH * Byte.SIZE)) {
            throw new IllegalArgumentException("0x" + Long.toHexString(value) + " has more than 48 bits");
        }
    }

    /**
     * An address from text.
     *
     * @param text six hexadecimal bytes with colons between them.
     * @return the address.
     * @throws IllegalArgumentException naming the text if it has another form.
     */
    public static MacAddress parse(final String text) {
        if (!COLON_FORM.matcher(text).matches()) {
            throw new IllegalArgumentException("'" + text + "' is not a MAC address of the form 02:00:00:00:00:01");
        }
        return new MacAddress(Long.parseLong(text.replace(":", ""), 16));
    }

    /** Whether the group bit is set: no device may have such an address. */
    public boolean multicast() {
        return 0 != (value & 0x0100_0000_0000L);
    }

    /** Six bytes in lower case with colons between them. */
    @Override
    public String toString() {
        final StringBuilder text = new StringBuilder(17);
        for (int shift = 40; shift >= 0; shift -= Byte.SIZE) {
            text.append(Character.forDigit((int) (value >>> (shift + 4)) & 0xF, 16));
            text.append(Character.forDigit((int) (value >>> shift) & 0xF, 16));
            if (shift > 0) {
                text.append(':');
            }
        }
        return text.toString();
    }
}
