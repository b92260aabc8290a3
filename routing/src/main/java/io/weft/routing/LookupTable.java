/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import static io.weft.routing.LookupTrie.BITMAP_OFFSET;
import static io.weft.routing.LookupTrie.ENTRIES_OFFSET;
import static io.weft.routing.LookupTrie.JUMP_LENGTH;
import static io.weft.routing.LookupTrie.MATCH_OFFSET;
import static io.weft.routing.LookupTrie.MISS_OFFSET;
import static io.weft.routing.LookupTrie.NODE_BIT;
import static io.weft.routing.LookupTrie.PAGE_BIT;
import static io.weft.routing.LookupTrie.ROOT_BITS;
import static io.weft.routing.LookupTrie.ROOT_ENTRIES;
import static io.weft.routing.LookupTrie.SHIFT_MAX;
import static io.weft.routing.LookupTrie.SHIFT_OFFSET;
import static io.weft.routing.LookupTrie.SLOTS;
import static io.weft.routing.LookupTrie.SLOT_MASK;
import static io.weft.routing.LookupTrie.STRIDE;

import io.weft.address.IpFamily;
import java.util.Arrays;
import org.agrona.UnsafeApi;

/**
 * Builds and changes the {@link LookupTrie} of one family from its {@link RouteTrie}. What readers may see is never
 * written: a change copies the nodes on the way from the root to it, and retires the old ones. Control thread only.
 */
final class LookupTable {
    private static final int ROOT_UNITS = units(ROOT_ENTRIES * Integer.BYTES);
    private static final int PAGE_UNITS = units(SLOTS * Integer.BYTES);
    private static final int SINGLE_PAGE_UNITS = units(LookupTrie.PAGE_ALIGNMENT);

    /** Page and node, then jump nodes of six bits or more each, and one more where a word ends in between. */
    private static final int DEPTH_MAX = 2 + (IpFamily.IPV6.addressBits() - LookupTrie.JUMP_BIT) / STRIDE + 2;

    private final RouteTrie routes;
    private final BlockPool pool;
    private final Reclaimer reclaimer;
    private final int[][] entriesByDepth = new int[DEPTH_MAX][SLOTS];
    private final int[][] childrenByDepth = new int[DEPTH_MAX][SLOTS];
    private int[] nextHopByValue = new int[0];
    private int root;
    /** Bits that all routes have in common and the trie leaves out; always 0 for IPv4. */
    private int origin;

    private long originMatch;
    /** Shared by all slots of pages without a route; never retired. */
    private int emptyNode;
    /** Shared by all entries of the root without a route; never retired. */
    private int emptyPage;

    LookupTable(final RouteTrie routes, final BlockPool pool, final Reclaimer reclaimer) {
        this.routes = routes;
        this.pool = pool;
        this.reclaimer = reclaimer;
        buildRoot();
    }

    long baseAddress() {
        return pool.baseAddress();
    }

    long rootAddress() {
        return pool.address(root);
    }

    /** Begins a publication: the next hop that stands for each value of the route trie. */
    void nextHops(final int[] nextHopByValue) {
        this.nextHopByValue = nextHopByValue;
    }

    int origin() {
        return origin;
    }

    long originMatch() {
        return originMatch;
    }

    int emptyNode() {
        return emptyNode;
    }

    /** Whether a route has come that does not begin with the bits that are left out. */
    boolean isOutgrown() {
        final int trie = routes.root();
        return RouteTrie.NONE != trie
                && (routes.length(trie) < origin || LookupTrie.originOf(routes.high(trie), origin) != originMatch);
    }

    /** Whether all routes have more bits in common than are left out. */
    boolean isLoose() {
        return RouteTrie.NONE != routes.root() && commonBits() > origin;
    }

    private int commonBits() {
        return routes.isWide() ? Math.min(LookupTrie.ORIGIN_MAX, routes.length(routes.root())) : 0;
    }

    /** Builds everything anew in fresh memory. */
    void rebuild() {
        reclaimer.forgetBlocksOf(pool);
        pool.reset(reclaimer);
        origin = 0;
        originMatch = 0;
        if (RouteTrie.NONE != routes.root()) {
            origin = commonBits();
            originMatch = LookupTrie.originOf(routes.high(routes.root()), origin);
        }
        buildRoot();
    }

    private void buildRoot() {
        root = pool.allocate(ROOT_UNITS, reclaimer);
        emptyNode = writeNode(0, entries(0, RoutingSnapshot.NO_ROUTE));
        emptyPage = pool.allocate(SINGLE_PAGE_UNITS, reclaimer);
        putInt(emptyPage, 0, emptyNode);
        for (int i = 0; i < ROOT_ENTRIES; i++) {
            final int page = buildPage(i);
            putInt(root, i, page);
        }
    }

    /** Copies the root, so that {@link #change} may write it. Once in a publication. */
    void copyRoot() {
        root = copy(root, ROOT_UNITS);
    }

    private int copy(final int old, final int units) {
        final int copy = pool.allocate(units, reclaimer);
        UnsafeApi.copyMemory(pool.address(old), pool.address(copy), (long) units * BlockPool.UNIT_LENGTH);
        reclaimer.retireBlock(pool, old, units);
        return copy;
    }

    /** Takes over a change of this prefix in the route trie: added, removed, or with another next hop. */
    void change(final long high, final long low, final int length) {
        if (length < origin || LookupTrie.originOf(high, origin) != originMatch) {
            return; // came and went within this publication
        }
        final int pageBit = origin + PAGE_BIT;
        final int first = rootIndex(high);
        final int last = length >= pageBit ? first : first + (1 << (pageBit - length)) - 1;
        for (int i = first; i <= last; i++) {
            final int old = getInt(root, i);
            final boolean within = length > pageBit && isFull(old);
            final int page = within ? changePage(old, high, low, length) : buildPage(i);
            if (!within) {
                retirePage(old);
            }
            putInt(root, i, page);
        }
    }

    private int rootIndex(final long high) {
        return (int) (high << origin >>> (Long.SIZE - ROOT_BITS));
    }

    private int buildPage(final int index) {
        final int pageBit = origin + PAGE_BIT;
        final long prefix = originMatch << ROOT_BITS | index;
        routes.seek(prefix << (Long.SIZE - pageBit), 0, pageBit);
        final int trie = routes.foundNode();
        final int inherited = routes.foundValue();
        if (RouteTrie.NONE == trie) {
            if (RouteTrie.NO_VALUE == inherited) {
                return single(emptyPage);
            }
            final int node = buildNode(trie, inherited);
            final int page = pool.allocate(SINGLE_PAGE_UNITS, reclaimer);
            putInt(page, 0, node);
            return single(page);
        }
        final int page = pool.allocate(PAGE_UNITS, reclaimer);
        final int[] leaves = entries(0, inherited);
        final int[] children = children(0);
        routes.spread(trie, pageBit, leaves, children);
        for (int i = 0; i < SLOTS; i++) {
            final int node = buildNode(children[i], leaves[i]);
            putInt(page, i, node);
        }
        return full(page);
    }

    private static int single(final int unit) {
        return Math.multiplyExact(unit, BlockPool.UNIT_LENGTH);
    }

    private static int full(final int unit) {
        return Math.multiplyExact(unit, BlockPool.UNIT_LENGTH) + SLOT_MASK;
    }

    private static boolean isFull(final int page) {
        return 0 != (page & SLOT_MASK);
    }

    private static int pageUnit(final int page) {
        return (page & ~SLOT_MASK) / BlockPool.UNIT_LENGTH;
    }

    private int changePage(final int old, final long high, final long low, final int length) {
        final int pageBit = origin + PAGE_BIT;
        final int nodeBit = origin + NODE_BIT;
        routes.seek(high, low, pageBit);
        if (RouteTrie.NONE == routes.foundNode()) {
            retirePage(old);
            return buildPage(rootIndex(high));
        }
        final int page = copy(pageUnit(old), PAGE_UNITS);
        final int[] leaves = entries(0, routes.foundValue());
        final int[] children = children(0);
        routes.spread(routes.foundNode(), pageBit, leaves, children);
        final int first = RouteTrie.slot(high, low, pageBit);
        final int last = length >= nodeBit ? first : first + (1 << (nodeBit - length)) - 1;
        for (int i = first; i <= last; i++) {
            final int oldNode = getInt(page, i);
            final int node;
            if (length > nodeBit && oldNode != emptyNode) {
                final int[] slots = changeSlots(oldNode, nodeBit, children[i], leaves[i], high, low, length, 1);
                retireNode(oldNode);
                node = writeNode(0, slots);
            } else {
                node = buildNode(children[i], leaves[i]);
                retireNodeAndBelow(oldNode);
            }
            putInt(page, i, node);
        }
        return full(page);
    }

    private int buildNode(final int trie, final int inherited) {
        if (RouteTrie.NONE == trie && RouteTrie.NO_VALUE == inherited) {
            return emptyNode;
        }
        return writeNode(0, buildSlots(trie, origin + NODE_BIT, inherited, 1));
    }

    /** The entries of 64 slots, and all below them, from the route trie. */
    private int[] buildSlots(final int trie, final int offset, final int inherited, final int depth) {
        final int[] leaves = entries(depth, inherited);
        final int[] children = children(depth);
        routes.spread(trie, offset, leaves, children);
        for (int i = 0; i < SLOTS; i++) {
            leaves[i] = RouteTrie.NONE == children[i]
                    ? nextHop(leaves[i])
                    : buildJump(children[i], offset + STRIDE, leaves[i], depth + 1);
        }
        return leaves;
    }

    /** An entry that leads to a new jump node for the routes below {@code end}. */
    private int buildJump(final int trie, final int end, final int inherited, final int depth) {
        final int offset = jumpOffset(trie, end);
        return writeJump(trie, offset, inherited, buildSlots(trie, offset, inherited, depth));
    }

    private int writeJump(final int trie, final int offset, final int inherited, final int[] slots) {
        final int jump = writeNode(JUMP_LENGTH, slots);
        final long address = pool.address(jump);
        UnsafeApi.putLong(address + MATCH_OFFSET, match(trie, offset));
        UnsafeApi.putInt(address + SHIFT_OFFSET, shift(offset));
        UnsafeApi.putInt(address + MISS_OFFSET, nextHop(inherited));
        return ~jump;
    }

    /** A jump node begins where the routes below it part, and does not cross from one word of the key to the other. */
    private int jumpOffset(final int trie, final int end) {
        final int word = end < Long.SIZE ? 0 : Long.SIZE;
        return Math.min(routes.length(trie), word + SHIFT_MAX);
    }

    private static int shift(final int offset) {
        return offset < Long.SIZE ? SHIFT_MAX - offset : ~(SHIFT_MAX + Long.SIZE - offset);
    }

    private long match(final int trie, final int offset) {
        final int shift = shift(offset);
        return (shift >= 0 ? routes.high(trie) >>> shift : routes.low(trie) >>> ~shift) >>> STRIDE;
    }

    /**
     * The entries of 64 slots after the change of a prefix longer than {@code offset}: built anew in the slots of the
     * prefix, and where another change of this publication begins or ends something below; kept elsewhere.
     */
    private int[] changeSlots(
            final int oldNode,
            final int offset,
            final int trie,
            final int inherited,
            final long high,
            final long low,
            final int length,
            final int depth) {
        final int end = offset + STRIDE;
        final int[] leaves = entries(depth, inherited);
        final int[] children = children(depth);
        routes.spread(trie, offset, leaves, children);
        final int first = RouteTrie.slot(high, low, offset);
        final int last = length >= end ? first : first + (1 << (end - length)) - 1;
        for (int i = 0; i < SLOTS; i++) {
            final int old = entry(oldNode, i);
            final boolean within = i >= first && i <= last;
            if (LookupTrie.isJump(old) && RouteTrie.NONE != children[i] && (!within || length > end)) {
                leaves[i] = within ? changeJump(old, children[i], end, leaves[i], high, low, length, depth + 1) : old;
                continue;
            }
            if (LookupTrie.isJump(old)) {
                retireJump(old);
            }
            leaves[i] = RouteTrie.NONE == children[i]
                    ? nextHop(leaves[i])
                    : buildJump(children[i], end, leaves[i], depth + 1);
        }
        return leaves;
    }

    private int changeJump(
            final int old,
            final int trie,
            final int end,
            final int inherited,
            final long high,
            final long low,
            final int length,
            final int depth) {
        final int offset = jumpOffset(trie, end);
        final long address = pool.address(~old);
        final boolean moved = shift(offset) != UnsafeApi.getInt(address + SHIFT_OFFSET)
                || match(trie, offset) != UnsafeApi.getLong(address + MATCH_OFFSET);
        if (moved || length <= offset) {
            retireJump(old);
            return buildJump(trie, end, inherited, depth);
        }
        final int oldNode = ~old + JUMP_LENGTH / BlockPool.UNIT_LENGTH;
        final int[] slots = changeSlots(oldNode, offset, trie, inherited, high, low, length, depth);
        final int changed = writeJump(trie, offset, inherited, slots);
        reclaimer.retireBlock(pool, ~old, units(JUMP_LENGTH + nodeLength(oldNode)));
        return changed;
    }

    /** Writes bitmap and entries after {@code before} bytes for the caller; returns the unit of those. */
    private int writeNode(final int before, final int[] slots) {
        long bitmap = 1;
        for (int i = 1; i < SLOTS; i++) {
            bitmap |= slots[i] != slots[i - 1] ? 1L << i : 0;
        }
        final int unit =
                pool.allocate(units(before + ENTRIES_OFFSET + Long.bitCount(bitmap) * Integer.BYTES), reclaimer);
        final long node = pool.address(unit) + before;
        UnsafeApi.putLong(node + BITMAP_OFFSET, bitmap);
        long entry = node + ENTRIES_OFFSET;
        for (long rest = bitmap; 0 != rest; rest &= rest - 1) {
            UnsafeApi.putInt(entry, slots[Long.numberOfTrailingZeros(rest)]);
            entry += Integer.BYTES;
        }
        return unit;
    }

    private int entry(final int node, final int slot) {
        final int rank = Long.bitCount(UnsafeApi.getLong(pool.address(node) + BITMAP_OFFSET) << ~slot) - 1;
        return getInt(node, ENTRIES_OFFSET / Integer.BYTES + rank);
    }

    private int nodeLength(final int node) {
        return ENTRIES_OFFSET + Long.bitCount(UnsafeApi.getLong(pool.address(node) + BITMAP_OFFSET)) * Integer.BYTES;
    }

    private void retirePage(final int page) {
        final int unit = pageUnit(page);
        if (unit == emptyPage) {
            return;
        }
        final int nodes = isFull(page) ? SLOTS : 1;
        for (int i = 0; i < nodes; i++) {
            retireNodeAndBelow(getInt(unit, i));
        }
        reclaimer.retireBlock(pool, unit, isFull(page) ? PAGE_UNITS : SINGLE_PAGE_UNITS);
    }

    private void retireNodeAndBelow(final int node) {
        if (node != emptyNode) {
            retireEntries(node);
            retireNode(node);
        }
    }

    private void retireNode(final int node) {
        reclaimer.retireBlock(pool, node, units(nodeLength(node)));
    }

    private void retireJump(final int entry) {
        final int node = ~entry + JUMP_LENGTH / BlockPool.UNIT_LENGTH;
        retireEntries(node);
        reclaimer.retireBlock(pool, ~entry, units(JUMP_LENGTH + nodeLength(node)));
    }

    private void retireEntries(final int node) {
        final int count = Long.bitCount(UnsafeApi.getLong(pool.address(node) + BITMAP_OFFSET));
        for (int i = 0; i < count; i++) {
            final int entry = getInt(node, ENTRIES_OFFSET / Integer.BYTES + i);
            if (LookupTrie.isJump(entry)) {
                retireJump(entry);
            }
        }
    }

    private int nextHop(final int value) {
        return RouteTrie.NO_VALUE == value ? RoutingSnapshot.NO_ROUTE : nextHopByValue[value];
    }

    private int getInt(final int unit, final int index) {
        return UnsafeApi.getInt(pool.address(unit) + ((long) index << 2));
    }

    private void putInt(final int unit, final int index, final int value) {
        UnsafeApi.putInt(pool.address(unit) + ((long) index << 2), value);
    }

    private static int units(final int length) {
        return (length + BlockPool.UNIT_LENGTH - 1) / BlockPool.UNIT_LENGTH;
    }

    private int[] entries(final int depth, final int value) {
        Arrays.fill(entriesByDepth[depth], value);
        return entriesByDepth[depth];
    }

    private int[] children(final int depth) {
        Arrays.fill(childrenByDepth[depth], RouteTrie.NONE);
        return childrenByDepth[depth];
    }
}
