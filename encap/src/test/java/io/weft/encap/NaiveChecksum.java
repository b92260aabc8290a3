/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

/** The internet checksum as RFC 1071, section 1, tells it: 16 bits at a time, high byte first, carry added at once. */
final class NaiveChecksum {
    private NaiveChecksum() {}

    /** The folded sum, not complemented. */
    static int sum(final byte[] bytes, final int offset, final int length, final int initial) {
        int sum = initial;
        for (int i = 0; i < length; i += 2) {
            final int high = (bytes[offset + i] & 0xFF) << 8;
            final int low = i + 1 < length ? bytes[offset + i + 1] & 0xFF : 0;
            sum += high | low;
            if (sum > 0xFFFF) {
                sum -= 0xFFFF;
            }
        }
        return sum;
    }
}
