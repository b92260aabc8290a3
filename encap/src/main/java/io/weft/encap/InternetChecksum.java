/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static java.nio.ByteOrder.nativeOrder;

import org.agrona.UnsafeApi;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The internet checksum (RFC 1071): the ones' complement sum of 16-bit words.
 *
 * <p>A sum is kept unfolded in a long and in the machine's byte order, which RFC 1071, section 2 (B), allows: swapped
 * bytes give a swapped sum, and it is swapped back by being stored as it was loaded. Adding 32-bit words into a long
 * cannot overflow for anything an IP packet holds.
 */
public final class InternetChecksum {
    /** What a folded sum over data with a right checksum in it gives. */
    public static final int ALL_ONES = 0xFFFF;

    private static final long LOW_HALF = 0xFFFF_FFFFL;
    private static final int BLOCK_LENGTH = 8 * Integer.BYTES;
    private static final boolean IS_LITTLE_ENDIAN = nativeOrder() == LITTLE_ENDIAN;

    private InternetChecksum() {}

    /** Both 32-bit halves of a word of eight bytes, added. */
    static long halves(final long word) {
        return (word & LOW_HALF) + (word >>> Integer.SIZE);
    }

    /**
     * Adds {@code length} bytes to a sum. They must begin at an even place of what is summed; only the last run may have
     * an odd length.
     *
     * @return the new sum, unfolded.
     */
    public static long sum(final UnsafeBuffer buffer, final int offset, final int length, final long initial) {
        buffer.boundsCheck(offset, length);
        // By address, and by 32-bit words: the buffer's own fields would be read anew for each word, and a load is less
        // than a
        // shift and a mask (docs/performance-encap.md).
        final byte[] base = buffer.byteArray();
        long position = buffer.addressOffset() + offset;
        long first = initial;
        long second = 0;
        // Counted down: in steps of 32 it is compiled with a guard against overflow, by which the first packet without
        // a block had all callers compiled anew.
        for (int blocks = length / BLOCK_LENGTH; blocks > 0; blocks--) {
            first += word(base, position)
                    + word(base, position + 2 * Integer.BYTES)
                    + word(base, position + 4 * Integer.BYTES)
                    + word(base, position + 6 * Integer.BYTES);
            second += word(base, position + Integer.BYTES)
                    + word(base, position + 3 * Integer.BYTES)
                    + word(base, position + 5 * Integer.BYTES)
                    + word(base, position + 7 * Integer.BYTES);
            position += BLOCK_LENGTH;
        }
        return first + second + tail(base, position, length % BLOCK_LENGTH);
    }

    private static long tail(final byte @Nullable [] base, final long begin, final int length) {
        long position = begin;
        long sum = 0;
        for (int words = length / Integer.BYTES; words > 0; words--) {
            sum += word(base, position);
            position += Integer.BYTES;
        }
        if (0 != (length & Short.BYTES)) {
            sum += UnsafeApi.getShort(base, position) & 0xFFFF;
            position += Short.BYTES;
        }
        if (0 != (length & Byte.BYTES)) {
            final int odd = UnsafeApi.getByte(base, position) & 0xFF;
            sum += IS_LITTLE_ENDIAN ? odd : odd << Byte.SIZE;
        }
        return sum;
    }

    /** The 32 bits at a place, in the machine's byte order. */
    private static long word(final byte @Nullable [] base, final long position) {
        return UnsafeApi.getInt(base, position) & LOW_HALF;
    }

    /** Folds a sum to 16 bits, in the machine's byte order, not complemented. */
    public static int fold(final long sum) {
        long folded = (sum & LOW_HALF) + (sum >>> Integer.SIZE);
        folded = (folded & 0xFFFF) + (folded >>> Short.SIZE);
        folded = (folded & 0xFFFF) + (folded >>> Short.SIZE);
        folded = (folded & 0xFFFF) + (folded >>> Short.SIZE);
        return (int) folded;
    }

    /** A 16-bit value in network order, as a word to be added to a sum. */
    public static int word(final int value) {
        return IS_LITTLE_ENDIAN ? Short.reverseBytes((short) value) & 0xFFFF : value & 0xFFFF;
    }

    /** Stores the checksum that a sum gives: its complement. */
    public static void put(final UnsafeBuffer buffer, final int offset, final long sum) {
        buffer.putShort(offset, (short) ~fold(sum), nativeOrder());
    }

    /** Stores the sum itself, as {@code CHECKSUM_PARTIAL} wants it: not complemented. */
    public static void putPartial(final UnsafeBuffer buffer, final int offset, final long sum) {
        buffer.putShort(offset, (short) fold(sum), nativeOrder());
    }

    /** The word at {@code offset} in the machine's byte order, to be compared with a folded sum. */
    public static int load(final UnsafeBuffer buffer, final int offset) {
        return buffer.getShort(offset, nativeOrder()) & 0xFFFF;
    }

    /**
     * Patches a checksum for one 16-bit word that changed (RFC 1624, equation 3).
     *
     * @param checksumOffset where the checksum is.
     * @param was the old word, as a number.
     * @param now the new word, as a number.
     */
    public static void update(final UnsafeBuffer buffer, final int checksumOffset, final int was, final int now) {
        final int old = buffer.getShort(checksumOffset, BIG_ENDIAN) & 0xFFFF;
        final int sum = fold((long) (~old & 0xFFFF) + (~was & 0xFFFF) + (now & 0xFFFF));
        buffer.putShort(checksumOffset, (short) ~sum, BIG_ENDIAN);
    }

    /**
     * The sum of the pseudo header of TCP or UDP (RFC 9293, section 3.1; RFC 8200, section 8.1).
     *
     * @param ipOffset where the IP header begins.
     * @param version 4 or 6.
     * @param protocol of the transport.
     * @param transportLength length in bytes of transport header and payload.
     */
    public static long pseudoHeader(
            final UnsafeBuffer buffer,
            final int ipOffset,
            final int version,
            final int protocol,
            final int transportLength) {
        return addresses(buffer, ipOffset, version) + word(protocol) + word(transportLength);
    }

    /** The part of the pseudo header's sum that is the same for all packets of a flow. */
    static long addresses(final UnsafeBuffer buffer, final int ipOffset, final int version) {
        if (4 == version) {
            return halves(buffer.getLong(ipOffset + Ipv4Flyweight.SOURCE_OFFSET, nativeOrder()));
        }
        final int source = ipOffset + Ipv6Flyweight.SOURCE_OFFSET;
        return halves(buffer.getLong(source, nativeOrder()))
                + halves(buffer.getLong(source + Long.BYTES, nativeOrder()))
                + halves(buffer.getLong(source + 2 * Long.BYTES, nativeOrder()))
                + halves(buffer.getLong(source + 3 * Long.BYTES, nativeOrder()));
    }
}
