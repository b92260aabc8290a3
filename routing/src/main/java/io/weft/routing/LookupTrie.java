/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import static org.agrona.UnsafeApi.getInt;
import static org.agrona.UnsafeApi.getLong;

/**
 * Layout of the tries that data threads look up in, and the lookup. Keys are addresses aligned to the left, IPv4 and
 * IPv6 alike, so that an IPv4 address is the upper half of the first word of an IPv6 key.
 *
 * <p>Six bits at a time select one of 64 slots. Neighbouring slots with the same content are one entry: a bitmap has a
 * bit for each slot where a new entry begins, and the population count of the bits up to a slot is the number of its
 * entry. The bitmap of run heads is that of Degermark and others, "Small Forwarding Tables for Fast Routing Lookups",
 * SIGCOMM 1997; counting 64 bits at once that of Asai and Ohara, "Poptrie", SIGCOMM 2015. An entry is a next hop,
 * {@link RoutingSnapshot#NO_ROUTE}, or below that the complement of the unit where a jump node begins.
 *
 * <pre>
 *   bits 0..11   root       4096 ints, where a page begins from the base address in bytes, plus 63; or where a page
 *                           with one int for all slots begins, plus 0
 *   bits 12..17  page       64 ints, the unit of a node
 *   bits 18..23  node       | bitmap 8 | entries 4 each |
 *   below        jump node  | match 8 | shift 4 | miss 4 | bitmap 8 | entries 4 each |
 * </pre>
 *
 * <p>IPv6 tables leave out the bits that all their routes have in common, up to 40: they are compared once, and the bits
 * above count from there. So the node subnets of one /48 need no jump node. The origin of IPv4 tables is 0.
 *
 * <p>A jump node begins at whatever bit the routes below it part: the bits of the word before that must equal
 * {@code match}, or the result is {@code miss}. {@code shift} brings the node's six bits to the right end of the first
 * word of the key, its complement to that of the second. A node's bitmap and entries mostly share a cache line. A unit is
 * 8 bytes from the base address.
 */
final class LookupTrie {
    static final int STRIDE = 6;
    static final int SLOTS = 1 << STRIDE;
    static final int SLOT_MASK = SLOTS - 1;

    static final int ROOT_BITS = 12;
    static final int ROOT_ENTRIES = 1 << ROOT_BITS;
    /** First bit that a page is indexed by, from the origin. */
    static final int PAGE_BIT = ROOT_BITS;
    /** First bit that a node is indexed by, from the origin. */
    static final int NODE_BIT = PAGE_BIT + STRIDE;
    /** First bit below a node, from the origin. */
    static final int JUMP_BIT = NODE_BIT + STRIDE;
    /** Root, page and node are indexed by the first word of the key alone. */
    static final int ORIGIN_MAX = Long.SIZE - JUMP_BIT;

    static final int UNIT_SHIFT = 3;

    static final int BITMAP_OFFSET = 0;
    static final int ENTRIES_OFFSET = BITMAP_OFFSET + Long.BYTES;

    static final int MATCH_OFFSET = 0;
    static final int SHIFT_OFFSET = MATCH_OFFSET + Long.BYTES;
    static final int MISS_OFFSET = SHIFT_OFFSET + Integer.BYTES;
    /** A jump node is a node with this before it. */
    static final int JUMP_LENGTH = MISS_OFFSET + Integer.BYTES;

    /** Pages begin at cache lines, so that the low bits of a root entry are free for the mask of its slots. */
    static final int PAGE_ALIGNMENT = SLOTS;

    /** Shift of a jump node at the first bit of a word. */
    static final int SHIFT_MAX = Long.SIZE - STRIDE;

    private static final int ROOT_SHIFT_4 = Integer.SIZE - ROOT_BITS;
    private static final int PAGE_SHIFT_4 = ROOT_SHIFT_4 - STRIDE;
    private static final int NODE_SHIFT_4 = PAGE_SHIFT_4 - STRIDE;
    private static final int ROOT_SHIFT_6 = Long.SIZE - ROOT_BITS;
    private static final int PAGE_SHIFT_6 = ROOT_SHIFT_6 - STRIDE;
    private static final int NODE_SHIFT_6 = PAGE_SHIFT_6 - STRIDE;

    private LookupTrie() {}

    static boolean isJump(final int entry) {
        return entry < RoutingSnapshot.NO_ROUTE;
    }

    static int lookup4(final long base, final long root, final int address) {
        final int page = getInt(root + ((long) (address >>> ROOT_SHIFT_4) << 2));
        final int entry = nodeEntry(base, page, address >>> PAGE_SHIFT_4, address >>> NODE_SHIFT_4);
        return isJump(entry) ? lookupBelow(base, entry, (long) address << Integer.SIZE, 0) : entry;
    }

    /** The first {@code origin} bits are the same in all routes, and root, page and node begin after them. */
    static int lookup6(
            final long base, final long root, final int origin, final long match, final long high, final long low) {
        if (originOf(high, origin) != match) {
            return RoutingSnapshot.NO_ROUTE;
        }
        final long bits = high << origin;
        final int page = getInt(root + (bits >>> ROOT_SHIFT_6 << 2));
        final int entry = nodeEntry(base, page, (int) (bits >>> PAGE_SHIFT_6), (int) (bits >>> NODE_SHIFT_6));
        return isJump(entry) ? lookupBelow(base, entry, high, low) : entry;
    }

    /** Level by level for all addresses, so that the cache misses of a level are all under way at once. */
    static void lookup4(
            final long base, final long root, final int[] addresses, final int[] nextHops, final int count) {
        for (int i = 0; i < count; i++) {
            final int address = addresses[i];
            final int page = getInt(root + ((long) (address >>> ROOT_SHIFT_4) << 2));
            nextHops[i] = nodeUnit(base, page, address >>> PAGE_SHIFT_4);
        }
        int lowest = 0;
        for (int i = 0; i < count; i++) {
            final int entry = entry(base + ((long) nextHops[i] << UNIT_SHIFT), addresses[i] >>> NODE_SHIFT_4);
            nextHops[i] = entry;
            lowest = Math.min(lowest, entry);
        }
        if (isJump(lowest)) {
            for (int i = 0; i < count; i++) {
                if (isJump(nextHops[i])) {
                    nextHops[i] = lookupBelow(base, nextHops[i], (long) addresses[i] << Integer.SIZE, 0);
                }
            }
        }
    }

    /** Level by level for all addresses, so that the cache misses of a level are all under way at once. */
    static void lookup6(
            final long base,
            final long root,
            final int origin,
            final long match,
            final int emptyNode,
            final long[] highs,
            final long[] lows,
            final int[] nextHops,
            final int count) {
        for (int i = 0; i < count; i++) {
            final long bits = highs[i] << origin;
            final int page = getInt(root + (bits >>> ROOT_SHIFT_6 << 2));
            final int unit = nodeUnit(base, page, (int) (bits >>> PAGE_SHIFT_6));
            nextHops[i] = originOf(highs[i], origin) == match ? unit : emptyNode;
        }
        int lowest = 0;
        for (int i = 0; i < count; i++) {
            final int entry =
                    entry(base + ((long) nextHops[i] << UNIT_SHIFT), (int) (highs[i] << origin >>> NODE_SHIFT_6));
            nextHops[i] = entry;
            lowest = Math.min(lowest, entry);
        }
        while (isJump(lowest)) {
            lowest = 0;
            int before = RoutingSnapshot.NO_ROUTE;
            int after = RoutingSnapshot.NO_ROUTE;
            for (int i = 0; i < count; i++) {
                final int entry = nextHops[i];
                if (isJump(entry)) {
                    // Packets of a flow follow one another: what the one before found need not be looked for again.
                    if (entry != before || highs[i] != highs[i - 1] || lows[i] != lows[i - 1]) {
                        after = jump(base, entry, highs[i], lows[i]);
                        lowest = Math.min(lowest, after);
                    }
                    nextHops[i] = after;
                }
                before = entry;
            }
        }
    }

    private static int nodeEntry(final long base, final int page, final int pageBits, final int nodeBits) {
        return entry(base + ((long) nodeUnit(base, page, pageBits) << UNIT_SHIFT), nodeBits);
    }

    /** The first {@code origin} bits, from 0 to {@link #ORIGIN_MAX}. */
    static long originOf(final long high, final int origin) {
        return high >>> 1 >>> (Long.SIZE - 1 - origin);
    }

    /** The slot in a page is found without a branch: random addresses would mispredict it. */
    private static int nodeUnit(final long base, final int page, final int pageBits) {
        final int slot = pageBits & page & SLOT_MASK;
        return getInt(base + (page & ~SLOT_MASK) + ((long) slot << 2));
    }

    /** The entry of the slot in the low six bits, which are all that a shift of a long looks at. */
    private static int entry(final long node, final int bits) {
        // ~bits moves the slot's bit to the top, and drops those above: at least one is left, as slot 0 begins a run.
        final int rank = Long.bitCount(getLong(node + BITMAP_OFFSET) << ~bits);
        return getInt(node + (ENTRIES_OFFSET - Integer.BYTES) + ((long) rank << 2));
    }

    private static int lookupBelow(final long base, final int from, final long high, final long low) {
        int entry = from;
        do {
            entry = jump(base, entry, high, low);
        } while (isJump(entry));
        return entry;
    }

    private static int jump(final long base, final int from, final long high, final long low) {
        final long jump = base + ((long) ~from << UNIT_SHIFT);
        final int shift = getInt(jump + SHIFT_OFFSET);
        final long bits = shift >= 0 ? high >>> shift : low >>> ~shift;
        return bits >>> STRIDE == getLong(jump + MATCH_OFFSET)
                ? entry(jump + JUMP_LENGTH, (int) bits)
                : getInt(jump + MISS_OFFSET);
    }
}
