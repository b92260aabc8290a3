/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.weft.encap.Ipv6Flyweight;
import java.util.Arrays;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Puts fragments of UDP over IPv6 together (RFC 8200, section 4.5), which no kernel does for a packet socket. Few datagrams are in the
 * making at a time, and the oldest gives way to a new one: a node whose peers send fragments all the time has an MTU that is wrong.
 * Here payload is copied, as nowhere else. Owned by the ingress receiver.
 *
 * <pre>
 *  0             1          2                     4
 * +-------------+----------+------------------+--+----------------+---------
 * | next header | reserved | offset / 8, more |  | identification | data
 * +-------------+----------+------------------+--+----------------+---------
 * </pre>
 */
final class Ipv6Reassembler {
    static final int FRAGMENT_HEADER_LENGTH = 8;

    private static final int DATAGRAMS = 4;
    private static final int OFFSET_OFFSET = 2;
    private static final int ID_OFFSET = OFFSET_OFFSET + Short.BYTES;
    private static final int OFFSET_MASK = 0xFFF8;
    private static final int MORE = 1;
    private static final int MAX_LENGTH = 0xFFFF;
    private static final int BLOCK_LENGTH = 8;
    private static final int BLOCKS = (MAX_LENGTH + 1) / BLOCK_LENGTH;

    private static final int ECN_MASK = 3;
    private static final int ECN_CE = 3;

    /** A datagram in the making. */
    private static final class Part {
        final int bufferOffset;
        final long[] seen = new long[BLOCKS / Long.SIZE];
        boolean isInUse;
        long sourceHigh;
        long sourceLow;
        int id;
        int seenBlocks;

        /** Bytes up to the end of what has come. */
        int end;

        /** Bytes of all; 0 while the last fragment has not come. */
        int total;

        /** A bit for each of the four values that the fragments' ECN fields had. */
        int ecns;

        long age;

        Part(final int bufferOffset) {
            this.bufferOffset = bufferOffset;
        }

        void begin(final long newSourceHigh, final long newSourceLow, final int newId, final long newAge) {
            isInUse = true;
            sourceHigh = newSourceHigh;
            sourceLow = newSourceLow;
            id = newId;
            age = newAge;
            seenBlocks = 0;
            end = 0;
            total = 0;
            ecns = 0;
            Arrays.fill(seen, 0);
        }
    }

    private final UnsafeBuffer buffer =
            new UnsafeBuffer(BufferUtil.allocateDirectAligned(DATAGRAMS * (MAX_LENGTH + 1), BitUtil.CACHE_LINE_LENGTH));
    private final Part[] parts = new Part[DATAGRAMS];
    private long age;

    Ipv6Reassembler() {
        for (int i = 0; i < DATAGRAMS; i++) {
            parts[i] = new Part(i * (MAX_LENGTH + 1));
        }
    }

    /** What it takes outside of the heap, in bytes. */
    static long memoryLength() {
        return (long) DATAGRAMS * (MAX_LENGTH + 1);
    }

    /**
     * Takes a fragment, and gives the datagram that it completes.
     *
     * @param ip where in {@code headers} its IPv6 header begins, with the fragment header behind it. When the datagram is complete,
     *     its UDP header is put in the place of that.
     * @param data where in {@code arena} the fragment's data begins. When the datagram is complete, what follows its UDP header is put
     *     there.
     * @param length of the data in bytes.
     * @return bytes of the datagram with its UDP header; 0 while it is not complete.
     */
    int add(final UnsafeBuffer headers, final int ip, final UnsafeBuffer arena, final int data, final int length) {
        final int header = ip + Ipv6Flyweight.LENGTH;
        final int word = headers.getShort(header + OFFSET_OFFSET, BIG_ENDIAN) & 0xFFFF;
        final int offset = word & OFFSET_MASK;
        final boolean isLast = 0 == (word & MORE);
        if (length <= 0 || offset + length > MAX_LENGTH || (!isLast && 0 != length % BLOCK_LENGTH)) {
            return 0;
        }
        final Part part = part(headers, ip, headers.getInt(header + ID_OFFSET, BIG_ENDIAN));
        if (!mark(part, offset, length, isLast)) {
            return 0;
        }
        buffer.putBytes(part.bufferOffset + offset, arena, data, length);
        part.ecns |= 1 << (Ipv6Flyweight.trafficClass(headers, ip) & ECN_MASK);
        if (0 == part.total || part.seenBlocks < blocks(part.total)) {
            return 0;
        }
        part.isInUse = false;
        if (part.total < FRAGMENT_HEADER_LENGTH || !markCongestion(headers, ip, part.ecns)) {
            return 0;
        }
        headers.putBytes(header, buffer, part.bufferOffset, FRAGMENT_HEADER_LENGTH);
        arena.putBytes(data, buffer, part.bufferOffset + FRAGMENT_HEADER_LENGTH, part.total - FRAGMENT_HEADER_LENGTH);
        return part.total;
    }

    private static int blocks(final int length) {
        return (length + BLOCK_LENGTH - 1) / BLOCK_LENGTH;
    }

    private Part part(final UnsafeBuffer headers, final int ip, final int id) {
        final long high = Ipv6Flyweight.sourceHigh(headers, ip);
        final long low = Ipv6Flyweight.sourceLow(headers, ip);
        Part oldest = parts[0];
        for (final Part part : parts) {
            if (part.isInUse && part.id == id && part.sourceHigh == high && part.sourceLow == low) {
                return part;
            }
            if (oldest.isInUse && (!part.isInUse || part.age < oldest.age)) {
                oldest = part;
            }
        }
        oldest.begin(high, low, id, age++);
        return oldest;
    }

    /** Notes what has come. One that came twice is passed over; one that overlaps another ends the datagram (RFC 5722). */
    private static boolean mark(final Part part, final int offset, final int length, final boolean isLast) {
        final int first = offset / BLOCK_LENGTH;
        final int count = blocks(length);
        int seen = 0;
        for (int block = first; block < first + count; block++) {
            seen += (int) (part.seen[block / Long.SIZE] >>> block & 1);
        }
        final int end = offset + length;
        if (seen == count) {
            return false;
        }
        if (seen > 0 || (isLast && (0 != part.total || part.end > end)) || (0 != part.total && end > part.total)) {
            part.isInUse = false;
            return false;
        }
        for (int block = first; block < first + count; block++) {
            part.seen[block / Long.SIZE] |= 1L << block;
        }
        part.seenBlocks += count;
        part.end = Math.max(part.end, end);
        if (isLast) {
            part.total = end;
        }
        return true;
    }

    /**
     * A mark of congestion on one fragment is one on the datagram. Fragments that can carry it do not come beside ones that cannot
     * (RFC 3168, section 5.3; net/ipv4/inet_fragment.c, {@code ip_frag_ecn_table}).
     */
    private static boolean markCongestion(final UnsafeBuffer headers, final int ip, final int ecns) {
        final boolean isMixed = 0 != (ecns & (ecns - 1));
        if (isMixed && 0 != (ecns & 1)) {
            return false;
        }
        if (0 != (ecns & 1 << ECN_CE)) {
            Ipv6Flyweight.trafficClass(headers, ip, Ipv6Flyweight.trafficClass(headers, ip) | ECN_CE);
        }
        return true;
    }
}
