/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import static io.weft.routing.Poptrie.CHILD_BASE_OFFSET;
import static io.weft.routing.Poptrie.LEAF_BASE_OFFSET;
import static io.weft.routing.Poptrie.LEAF_VECTOR_OFFSET;
import static io.weft.routing.Poptrie.NODE_BIT;
import static io.weft.routing.Poptrie.NODE_LENGTH;
import static io.weft.routing.Poptrie.NODE_UNITS;
import static io.weft.routing.Poptrie.PAGE_BIT;
import static io.weft.routing.Poptrie.PAGE_UNITS;
import static io.weft.routing.Poptrie.ROOT_BITS;
import static io.weft.routing.Poptrie.SINGLE_NODE;
import static io.weft.routing.Poptrie.SLOTS;
import static io.weft.routing.Poptrie.STRIDE;
import static io.weft.routing.Poptrie.UNIT_SHIFT;
import static io.weft.routing.Poptrie.VECTOR_OFFSET;

import java.util.Arrays;
import org.agrona.UnsafeApi;

/**
 * Builds and changes the poptrie of one family from its {@link RouteTrie}. What readers may see is never written: a
 * change copies the arrays on the way from the root to it, and retires the old ones. Control thread only.
 */
final class LookupTable {
    /** From the nodes of a page to the end of an IPv6 address. */
    private static final int DEPTH_MAX = (AddressFamily.IPV6.addressBits() - PAGE_BIT) / STRIDE + 1;

    private final RouteTrie routes;
    private final BlockPool pool;
    private final int[][] leavesByDepth = new int[DEPTH_MAX][SLOTS];
    private final int[][] childrenByDepth = new int[DEPTH_MAX][SLOTS];
    private int[] nextHopByValue = new int[0];
    private final Reclaimer reclaimer;
    private int root;
    /** Shared by all entries of the root without a route; never retired. */
    private int emptyNode;

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

    /** Builds everything anew in fresh memory. */
    void rebuild() {
        reclaimer.forgetBlocksOf(pool);
        pool.reset(reclaimer);
        buildRoot();
    }

    private void buildRoot() {
        emptyNode = pool.allocate(NODE_UNITS, reclaimer);
        build(emptyNode, NODE_BIT, RouteTrie.NONE, RouteTrie.NO_VALUE, 1);
        root = pool.allocate(BlockPool.ROOT_UNITS, reclaimer);
        for (int i = 0; i < 1 << ROOT_BITS; i++) {
            final int entry = buildEntry(i);
            UnsafeApi.putInt(rootAddress() + ((long) i << 2), entry);
        }
    }

    /** Copies the root, so that {@link #change} may write it. Once in a publication. */
    void copyRoot() {
        final int copy = pool.allocate(BlockPool.ROOT_UNITS, reclaimer);
        UnsafeApi.copyMemory(pool.address(root), pool.address(copy), Poptrie.ROOT_LENGTH);
        reclaimer.retireBlock(pool, root, BlockPool.ROOT_UNITS);
        root = copy;
    }

    /** Takes over a change of this prefix in the route trie: added, removed, or with another next hop. */
    void change(final long high, final long low, final int length) {
        final int first = (int) (high >>> (Long.SIZE - ROOT_BITS));
        if (length <= PAGE_BIT) {
            for (int i = first; i < first + (1 << (PAGE_BIT - length)); i++) {
                retireEntry(i);
                final int entry = buildEntry(i);
                UnsafeApi.putInt(rootAddress() + ((long) i << 2), entry);
            }
            return;
        }
        final int old = UnsafeApi.getInt(rootAddress() + ((long) first << 2));
        final int entry;
        if (old < 0) {
            retireEntry(first);
            entry = buildEntry(first);
        } else {
            entry = changePage(old, high, low, length);
        }
        UnsafeApi.putInt(rootAddress() + ((long) first << 2), entry);
    }

    private int buildEntry(final int index) {
        final long high = (long) index << (Long.SIZE - ROOT_BITS);
        routes.seek(high, 0, PAGE_BIT);
        final int trie = routes.foundNode();
        final int inherited = routes.foundValue();
        if (RouteTrie.NONE == trie && RouteTrie.NO_VALUE == inherited) {
            return emptyNode | SINGLE_NODE;
        }
        if (RouteTrie.NONE == trie) {
            final int node = pool.allocate(NODE_UNITS, reclaimer);
            build(node, NODE_BIT, trie, inherited, 1);
            return node | SINGLE_NODE;
        }
        final int page = pool.allocate(PAGE_UNITS, reclaimer);
        final int[] leaves = fill(leavesByDepth[0], inherited);
        final int[] children = fill(childrenByDepth[0], RouteTrie.NONE);
        routes.spread(trie, PAGE_BIT, leaves, children);
        for (int i = 0; i < SLOTS; i++) {
            build(page + i * NODE_UNITS, NODE_BIT, children[i], leaves[i], 1);
        }
        return page;
    }

    private void retireEntry(final int index) {
        final int entry = UnsafeApi.getInt(rootAddress() + ((long) index << 2));
        final int first = entry & ~SINGLE_NODE;
        if (first != emptyNode) {
            retireNodes(first, entry < 0 ? 1 : SLOTS);
        }
    }

    private int changePage(final int old, final long high, final long low, final int length) {
        routes.seek(high, low, PAGE_BIT);
        if (RouteTrie.NONE == routes.foundNode()) {
            retireNodes(old, SLOTS);
            return buildEntry((int) (high >>> (Long.SIZE - ROOT_BITS)));
        }
        final int page = pool.allocate(PAGE_UNITS, reclaimer);
        UnsafeApi.copyMemory(pool.address(old), pool.address(page), (long) SLOTS * NODE_LENGTH);
        reclaimer.retireBlock(pool, old, PAGE_UNITS);
        final int first = RouteTrie.slot(high, low, PAGE_BIT);
        if (length > NODE_BIT) {
            change(page + first * NODE_UNITS, NODE_BIT, high, low, length, 1);
            return page;
        }
        final int[] leaves = fill(leavesByDepth[0], routes.foundValue());
        final int[] children = fill(childrenByDepth[0], RouteTrie.NONE);
        routes.spread(routes.foundNode(), PAGE_BIT, leaves, children);
        for (int i = first; i < first + (1 << (NODE_BIT - length)); i++) {
            retireBelow(page + i * NODE_UNITS);
            build(page + i * NODE_UNITS, NODE_BIT, children[i], leaves[i], 1);
        }
        return page;
    }

    /** Writes a node, and all below it, from the route trie. */
    private void build(final int node, final int offset, final int trie, final int inherited, final int depth) {
        final int[] leaves = fill(leavesByDepth[depth], inherited);
        final int[] children = fill(childrenByDepth[depth], RouteTrie.NONE);
        routes.spread(trie, offset, leaves, children);
        final long vector = vector(children);
        final int childBase = 0 == vector ? 0 : pool.allocate(Long.bitCount(vector) * NODE_UNITS, reclaimer);
        int child = childBase;
        for (long rest = vector; 0 != rest; rest &= rest - 1) {
            final int slot = Long.numberOfTrailingZeros(rest);
            build(child, offset + STRIDE, children[slot], leaves[slot], depth + 1);
            child += NODE_UNITS;
        }
        writeLeaves(node, vector, leaves);
        final long address = pool.address(node);
        UnsafeApi.putLong(address + VECTOR_OFFSET, vector);
        UnsafeApi.putInt(address + CHILD_BASE_OFFSET, childBase);
    }

    /** Writes leaf vector and leaves of a node. */
    private void writeLeaves(final int node, final long vector, final int[] leaves) {
        long leafVector = 0;
        int previous = Integer.MIN_VALUE;
        int count = 0;
        for (long rest = ~vector; 0 != rest; rest &= rest - 1) {
            final int slot = Long.numberOfTrailingZeros(rest);
            final int leaf = leaves[slot] < 0 ? RoutingSnapshot.NO_ROUTE : nextHopByValue[leaves[slot]];
            if (leaf != previous) {
                leafVector |= 1L << slot;
                leaves[count++] = leaf; // never ahead of the slot that is read
                previous = leaf;
            }
        }
        final int leafBase = 0 == count ? 0 : pool.allocate(leafUnits(count), reclaimer);
        for (int i = 0; i < count; i++) {
            UnsafeApi.putInt(pool.address(leafBase) + ((long) i << 2), leaves[i]);
        }
        final long address = pool.address(node);
        UnsafeApi.putLong(address + LEAF_VECTOR_OFFSET, leafVector);
        UnsafeApi.putInt(address + LEAF_BASE_OFFSET, leafBase);
    }

    /**
     * Takes over a change of a prefix longer than {@code offset} into a node that is not published yet, while what is
     * below it is.
     */
    private void change(
            final int node, final int offset, final long high, final long low, final int length, final int depth) {
        final int end = offset + STRIDE;
        final int slot = RouteTrie.slot(high, low, offset);
        final long oldVector = UnsafeApi.getLong(pool.address(node) + VECTOR_OFFSET);
        if (length > end && 0 != (oldVector & 1L << slot)) {
            routes.seek(high, low, end);
            if (RouteTrie.NONE != routes.foundNode()) {
                final int childBase = copyChildren(node, oldVector);
                UnsafeApi.putInt(pool.address(node) + CHILD_BASE_OFFSET, childBase);
                final int rank = rank(oldVector, slot);
                change(childBase + rank * NODE_UNITS, end, high, low, length, depth + 1);
                return;
            }
        }
        final long range = length >= end ? 1L << slot : ((1L << (1 << (end - length))) - 1) << slot;
        changeSlots(node, offset, high, low, range, depth);
    }

    private int copyChildren(final int node, final long vector) {
        final int units = Long.bitCount(vector) * NODE_UNITS;
        final int old = UnsafeApi.getInt(pool.address(node) + CHILD_BASE_OFFSET);
        final int copy = pool.allocate(units, reclaimer);
        UnsafeApi.copyMemory(pool.address(old), pool.address(copy), (long) units << UNIT_SHIFT);
        reclaimer.retireBlock(pool, old, units);
        return copy;
    }

    /**
     * Builds the slots of {@code range} anew, and those where another change of this publication begins or ends a child;
     * keeps the children in the others.
     */
    private void changeSlots(
            final int node, final int offset, final long high, final long low, final long range, final int depth) {
        final long oldVector = UnsafeApi.getLong(pool.address(node) + VECTOR_OFFSET);
        final int oldBase = UnsafeApi.getInt(pool.address(node) + CHILD_BASE_OFFSET);
        routes.seek(high, low, offset);
        final int[] leaves = fill(leavesByDepth[depth], routes.foundValue());
        final int[] children = fill(childrenByDepth[depth], RouteTrie.NONE);
        routes.spread(routes.foundNode(), offset, leaves, children);
        final long vector = vector(children);
        final long kept = oldVector & vector & ~range;

        final int childBase = 0 == vector ? 0 : pool.allocate(Long.bitCount(vector) * NODE_UNITS, reclaimer);
        int child = childBase;
        for (long rest = vector; 0 != rest; rest &= rest - 1) {
            final int slot = Long.numberOfTrailingZeros(rest);
            if (0 == (kept & (1L << slot))) {
                build(child, offset + STRIDE, children[slot], leaves[slot], depth + 1);
            } else {
                final int old = oldBase + rank(oldVector, slot) * NODE_UNITS;
                UnsafeApi.copyMemory(pool.address(old), pool.address(child), NODE_LENGTH);
            }
            child += NODE_UNITS;
        }
        retireLeaves(node);
        for (long rest = oldVector & ~kept; 0 != rest; rest &= rest - 1) {
            retireBelow(oldBase + rank(oldVector, Long.numberOfTrailingZeros(rest)) * NODE_UNITS);
        }
        if (0 != oldVector) {
            reclaimer.retireBlock(pool, oldBase, Long.bitCount(oldVector) * NODE_UNITS);
        }
        writeLeaves(node, vector, leaves);
        UnsafeApi.putLong(pool.address(node) + VECTOR_OFFSET, vector);
        UnsafeApi.putInt(pool.address(node) + CHILD_BASE_OFFSET, childBase);
    }

    private void retireNodes(final int first, final int count) {
        for (int i = 0; i < count; i++) {
            retireBelow(first + i * NODE_UNITS);
        }
        reclaimer.retireBlock(pool, first, count * NODE_UNITS);
    }

    private void retireBelow(final int node) {
        retireLeaves(node);
        final int children = Long.bitCount(UnsafeApi.getLong(pool.address(node) + VECTOR_OFFSET));
        if (children > 0) {
            retireNodes(UnsafeApi.getInt(pool.address(node) + CHILD_BASE_OFFSET), children);
        }
    }

    private void retireLeaves(final int node) {
        final int leaves = Long.bitCount(UnsafeApi.getLong(pool.address(node) + LEAF_VECTOR_OFFSET));
        if (leaves > 0) {
            reclaimer.retireBlock(pool, UnsafeApi.getInt(pool.address(node) + LEAF_BASE_OFFSET), leafUnits(leaves));
        }
    }

    private static int leafUnits(final int leaves) {
        return (leaves + 1) >>> 1;
    }

    private static int rank(final long vector, final int slot) {
        return Long.bitCount(vector & (1L << slot) - 1);
    }

    private static long vector(final int[] children) {
        long vector = 0;
        for (int i = 0; i < SLOTS; i++) {
            vector |= RouteTrie.NONE != children[i] ? 1L << i : 0;
        }
        return vector;
    }

    private static int[] fill(final int[] slots, final int value) {
        Arrays.fill(slots, value);
        return slots;
    }
}
