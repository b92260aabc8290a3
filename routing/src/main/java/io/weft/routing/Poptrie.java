/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import static org.agrona.UnsafeApi.getInt;
import static org.agrona.UnsafeApi.getLong;

/**
 * Lookup in a poptrie: Asai and Ohara, "Poptrie: A Compressed Trie with Population Count for Fast and Scalable Software
 * IP Routing Table Lookup", SIGCOMM 2015. Keys are addresses aligned to the left, IPv4 and IPv6 alike.
 *
 * <pre>
 *   bits 0..11     root: 4096 ints, each the unit of a page, or with the top bit set, of one node for the whole entry
 *   bits 12..17    page: 64 nodes
 *   bits 18..23    node, and so on in steps of six bits; bits after the end of the address are zero
 *
 *   node, 24 bytes
 *   0           8             16          20          24
 *   | vector    | leaf vector | leaf base | child base |
 * </pre>
 *
 * <p>{@code vector} has a bit for each of the 64 slots that goes on to a child node. {@code leaf vector} has a bit for
 * each slot that is a leaf and differs from the leaf before. Children and leaves lie side by side from their base, so
 * that a population count of the bits up to the slot finds the one that counts. A unit is 8 bytes from the base address.
 *
 * <p>The paper points directly with the first 18 bits, 1 MB also for an empty table. Here a root of 16 KB and pages of
 * 1.5 KB do it, so that a node with few routes has small tables, and a change copies one page.
 */
final class Poptrie {
    static final int ROOT_BITS = 12;
    static final int ROOT_LENGTH = (1 << ROOT_BITS) * Integer.BYTES;
    static final int STRIDE = 6;
    static final int SLOTS = 1 << STRIDE;
    static final int SLOT_MASK = SLOTS - 1;
    /** First bit that a page is indexed by. */
    static final int PAGE_BIT = ROOT_BITS;
    /** First bit that the nodes of a page are indexed by. */
    static final int NODE_BIT = PAGE_BIT + STRIDE;

    static final int UNIT_SHIFT = 3;
    static final int NODE_UNITS = 3;
    static final int NODE_LENGTH = NODE_UNITS << UNIT_SHIFT;
    static final int PAGE_UNITS = SLOTS * NODE_UNITS;

    static final int VECTOR_OFFSET = 0;
    static final int LEAF_VECTOR_OFFSET = VECTOR_OFFSET + Long.BYTES;
    static final int LEAF_BASE_OFFSET = LEAF_VECTOR_OFFSET + Long.BYTES;
    static final int CHILD_BASE_OFFSET = LEAF_BASE_OFFSET + Integer.BYTES;

    /** Set in a root entry that leads to one node instead of a page. */
    static final int SINGLE_NODE = 1 << 31;

    private static final int ROOT_SHIFT_4 = Integer.SIZE - ROOT_BITS;
    private static final int PAGE_SHIFT_4 = ROOT_SHIFT_4 - STRIDE;
    private static final int NODE_SHIFT_4 = PAGE_SHIFT_4 - STRIDE;
    private static final int ROOT_SHIFT_6 = Long.SIZE - ROOT_BITS;
    private static final int PAGE_SHIFT_6 = ROOT_SHIFT_6 - STRIDE;
    private static final int SLOT_SHIFT = Long.SIZE - STRIDE;

    private Poptrie() {}

    static int lookup4(final long base, final long root, final int address) {
        final int entry = getInt(root + ((long) (address >>> ROOT_SHIFT_4) << 2));
        final long node = pageNode(base, entry, address >>> PAGE_SHIFT_4);
        final int slot = address >>> NODE_SHIFT_4 & SLOT_MASK;
        final long vector = getLong(node + VECTOR_OFFSET);
        if (0 == (vector & 1L << slot)) {
            return leaf(base, node, slot);
        }
        return lookupBelow(
                base, child(base, node, vector, slot), (long) address << (Integer.SIZE + NODE_BIT + STRIDE), 0);
    }

    static int lookup6(final long base, final long root, final long high, final long low) {
        final int entry = getInt(root + (high >>> ROOT_SHIFT_6 << 2));
        final long node = pageNode(base, entry, (int) (high >>> PAGE_SHIFT_6));
        return lookupBelow(base, node, high << NODE_BIT | low >>> (Long.SIZE - NODE_BIT), low << NODE_BIT);
    }

    static void lookup4(
            final long base, final long root, final int[] addresses, final int[] nextHops, final int count) {
        for (int i = 0; i < count; i++) {
            nextHops[i] = lookup4(base, root, addresses[i]);
        }
    }

    static void lookup6(
            final long base,
            final long root,
            final long[] highs,
            final long[] lows,
            final int[] nextHops,
            final int count) {
        for (int i = 0; i < count; i++) {
            nextHops[i] = lookup6(base, root, highs[i], lows[i]);
        }
    }

    /** From a node on, with the node's slot in the top six bits of {@code high}. */
    private static int lookupBelow(final long base, final long from, final long high, final long low) {
        long node = from;
        long bits = high;
        long rest = low;
        while (true) {
            final int slot = (int) (bits >>> SLOT_SHIFT);
            final long vector = getLong(node + VECTOR_OFFSET);
            if (0 == (vector & 1L << slot)) {
                return leaf(base, node, slot);
            }
            node = child(base, node, vector, slot);
            bits = bits << STRIDE | rest >>> SLOT_SHIFT;
            rest <<= STRIDE;
        }
    }

    /** A page's node, or the single node, without a branch: random addresses would mispredict it. */
    private static long pageNode(final long base, final int entry, final int bits) {
        final int slot = bits & SLOT_MASK & ~(entry >> 31);
        return base + ((long) (entry & ~SINGLE_NODE) << UNIT_SHIFT) + slot * (long) NODE_LENGTH;
    }

    private static long child(final long base, final long node, final long vector, final int slot) {
        // A long is shifted by its count's low six bits: ~slot moves the slot's bit to the top, and drops those above.
        final int rank = Long.bitCount(vector << ~slot) - 1;
        return base + ((long) getInt(node + CHILD_BASE_OFFSET) << UNIT_SHIFT) + rank * (long) NODE_LENGTH;
    }

    private static int leaf(final long base, final long node, final int slot) {
        final int rank = Long.bitCount(getLong(node + LEAF_VECTOR_OFFSET) << ~slot) - 1;
        return getInt(base + ((long) getInt(node + LEAF_BASE_OFFSET) << UNIT_SHIFT) + ((long) rank << 2));
    }
}
