/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import io.weft.address.IpFamily;
import io.weft.address.IpPrefix;
import org.agrona.UnsafeApi;

/**
 * The routes of one family as the control thread knows them: a binary trie with path compression, off-heap. It answers
 * what a {@link LookupTrie} is built from. Control thread only.
 *
 * <pre>
 *   node      0      8      12      16      20       24
 *             | high | left | right | value | length | low, IPv6 only |
 * </pre>
 *
 * <p>Node 0 is none. A node without a value only parts two others.
 */
final class RouteTrie implements AutoCloseable {
    static final int NONE = 0;
    static final int NO_VALUE = -1;

    private static final int HIGH = 0;
    private static final int LEFT = 8;
    private static final int VALUE = 16;
    private static final int PREFIX_LENGTH = 20;
    private static final int LOW = 24;
    private static final int INITIAL_NODES = 64;

    private final boolean wide;
    private final int nodeLength;
    private long memory;
    private int capacity = INITIAL_NODES;
    private int next = 1;
    private int freeList = NONE;
    private int root = NONE;
    private int size;

    private int foundNode;
    private int foundValue;

    RouteTrie(final IpFamily family) {
        wide = IpFamily.IPV6 == family;
        nodeLength = wide ? LOW + Long.BYTES : LOW;
        memory = UnsafeApi.allocateMemory((long) capacity * nodeLength);
    }

    @Override
    public void close() {
        UnsafeApi.freeMemory(memory);
        memory = 0;
    }

    /** Whether keys are 128 bits. */
    boolean isWide() {
        return wide;
    }

    /** Number of routes. */
    int size() {
        return size;
    }

    long memoryLength() {
        return (long) next * nodeLength;
    }

    int value(final int node) {
        return UnsafeApi.getInt(address(node) + VALUE);
    }

    int length(final int node) {
        return UnsafeApi.getInt(address(node) + PREFIX_LENGTH);
    }

    long high(final int node) {
        return UnsafeApi.getLong(address(node) + HIGH);
    }

    long low(final int node) {
        return wide ? UnsafeApi.getLong(address(node) + LOW) : 0;
    }

    int left(final int node) {
        return child(node, 0);
    }

    int right(final int node) {
        return child(node, 1);
    }

    boolean isLeaf(final int node) {
        return NONE == left(node) && NONE == right(node);
    }

    int root() {
        return root;
    }

    /** The value of exactly this prefix, or {@link #NO_VALUE}. */
    int get(final long high, final long low, final int length) {
        int node = root;
        while (NONE != node && length(node) <= length) {
            final int nodeLength = length(node);
            if (commonBits(node, high, low) < nodeLength) {
                return NO_VALUE;
            }
            if (nodeLength == length) {
                return value(node);
            }
            node = child(node, bit(high, low, nodeLength));
        }
        return NO_VALUE;
    }

    /** Sets the value of a prefix; returns the one it had, or {@link #NO_VALUE}. */
    int put(final long high, final long low, final int length, final int value) {
        int parent = NONE;
        int side = 0;
        int node = root;
        while (NONE != node) {
            final int nodeLength = length(node);
            final int common = Math.min(commonBits(node, high, low), Math.min(nodeLength, length));
            if (common < nodeLength) {
                size++;
                final int added = newNode(high, low, length, value);
                link(parent, side, common == length ? above(added, node) : fork(common, added, node));
                return NO_VALUE;
            }
            if (nodeLength == length) {
                final int previous = value(node);
                size += NO_VALUE == previous ? 1 : 0;
                UnsafeApi.putInt(address(node) + VALUE, value);
                return previous;
            }
            parent = node;
            side = bit(high, low, nodeLength);
            node = child(node, side);
        }
        size++;
        link(parent, side, newNode(high, low, length, value));
        return NO_VALUE;
    }

    private int above(final int added, final int node) {
        link(added, bit(high(node), low(node), length(added)), node);
        return added;
    }

    private int fork(final int length, final int added, final int node) {
        final int fork =
                newNode(high(node) & IpPrefix.highMask(length), low(node) & IpPrefix.lowMask(length), length, NO_VALUE);
        final int side = bit(high(node), low(node), length);
        link(fork, side, node);
        link(fork, 1 - side, added);
        return fork;
    }

    /** Removes a prefix; returns the value it had, or {@link #NO_VALUE} if it was not there. */
    int remove(final long high, final long low, final int length) {
        int grandparent = NONE;
        int parentSide = 0;
        int parent = NONE;
        int side = 0;
        int node = root;
        while (NONE != node && length(node) < length) {
            grandparent = parent;
            parentSide = side;
            parent = node;
            side = bit(high, low, length(node));
            node = child(node, side);
        }
        if (NONE == node || length(node) != length || high(node) != high || low(node) != low) {
            return NO_VALUE;
        }
        final int previous = value(node);
        if (NO_VALUE == previous) {
            return NO_VALUE;
        }
        size--;
        UnsafeApi.putInt(address(node) + VALUE, NO_VALUE);
        splice(parent, side, node);
        if (NONE != parent && NO_VALUE == value(parent)) {
            splice(grandparent, parentSide, parent);
        }
        return previous;
    }

    /** Takes out a node without a value that does not part two others any more. */
    private void splice(final int parent, final int side, final int node) {
        if (NONE != left(node) && NONE != right(node)) {
            return;
        }
        link(parent, side, NONE != left(node) ? left(node) : right(node));
        UnsafeApi.putInt(address(node) + LEFT, freeList);
        freeList = node;
    }

    /**
     * Finds what lies under the first {@code depth} bits of a key: {@link #foundNode()} is the topmost node with more
     * bits than that, or with as many and children; {@link #foundValue()} is the value of the longest prefix of at most
     * {@code depth} bits.
     */
    void seek(final long high, final long low, final int depth) {
        int node = root;
        foundValue = NO_VALUE;
        while (NONE != node) {
            final int nodeLength = length(node);
            if (commonBits(node, high, low) < Math.min(nodeLength, depth)) {
                node = NONE;
                break;
            }
            if (nodeLength > depth) {
                break;
            }
            if (NO_VALUE != value(node)) {
                foundValue = value(node);
            }
            if (nodeLength == depth) {
                node = isLeaf(node) ? NONE : node;
                break;
            }
            node = child(node, bit(high, low, nodeLength));
        }
        foundNode = node;
    }

    int foundNode() {
        return foundNode;
    }

    int foundValue() {
        return foundValue;
    }

    /** The length of the longest prefix that has a value and contains the address, or -1. */
    int longestMatch(final long high, final long low) {
        int longest = -1;
        int node = root;
        while (NONE != node && commonBits(node, high, low) >= length(node)) {
            longest = NO_VALUE != value(node) ? length(node) : longest;
            node = length(node) < addressBits() ? child(node, bit(high, low, length(node))) : NONE;
        }
        return longest;
    }

    private int addressBits() {
        return wide ? IpFamily.IPV6.addressBits() : IpFamily.IPV4.addressBits();
    }

    /**
     * Spreads the values under a node over the 64 slots of the six bits from {@code offset}: shorter prefixes first, so
     * that longer ones win. A slot with prefixes that go on beyond it gets their topmost node in {@code children}.
     */
    void spread(final int node, final int offset, final int[] leaves, final int[] children) {
        if (NONE == node) {
            return;
        }
        final int end = offset + LookupTrie.STRIDE;
        final int length = length(node);
        final int slot = slot(high(node), low(node), offset);
        if (length > end) {
            children[slot] = node;
            return;
        }
        if (NO_VALUE != value(node)) {
            final int last = slot + (1 << (end - Math.max(length, offset)));
            for (int i = slot; i < last; i++) {
                leaves[i] = value(node);
            }
        }
        if (length == end) {
            children[slot] = isLeaf(node) ? NONE : node;
            return;
        }
        spread(left(node), offset, leaves, children);
        spread(right(node), offset, leaves, children);
    }

    /** The six bits of a key from {@code offset}; those after its end are zero. */
    static int slot(final long high, final long low, final int offset) {
        if (offset >= Long.SIZE) {
            return (int) (low << (offset - Long.SIZE) >>> (Long.SIZE - LookupTrie.STRIDE));
        }
        final long rest = 0 == offset ? 0 : low >>> (Long.SIZE - offset);
        return (int) ((high << offset | rest) >>> (Long.SIZE - LookupTrie.STRIDE));
    }

    private static int bit(final long high, final long low, final int index) {
        return (int) ((index < Long.SIZE ? high >>> (63 - index) : low >>> (127 - index)) & 1);
    }

    /** How many bits from the first on are the same in the node's prefix and the key; 128 if all are. */
    private int commonBits(final int node, final long high, final long low) {
        final long differentHigh = high(node) ^ high;
        if (0 != differentHigh || !wide) {
            return Long.numberOfLeadingZeros(differentHigh);
        }
        return Long.SIZE + Long.numberOfLeadingZeros(low(node) ^ low);
    }

    private int newNode(final long high, final long low, final int length, final int value) {
        final int node = NONE != freeList ? freeList : next;
        if (NONE != freeList) {
            freeList = left(node);
        } else {
            next++;
            if (next > capacity) {
                capacity = Math.multiplyExact(capacity, 2);
                memory = UnsafeApi.reallocateMemory(memory, (long) capacity * nodeLength);
            }
        }
        final long address = address(node);
        UnsafeApi.putLong(address + HIGH, high);
        UnsafeApi.putLong(address + LEFT, 0);
        UnsafeApi.putInt(address + VALUE, value);
        UnsafeApi.putInt(address + PREFIX_LENGTH, length);
        if (wide) {
            UnsafeApi.putLong(address + LOW, low);
        }
        return node;
    }

    private void link(final int parent, final int side, final int node) {
        if (NONE == parent) {
            root = node;
        } else {
            UnsafeApi.putInt(address(parent) + LEFT + ((long) side << 2), node);
        }
    }

    private int child(final int node, final int side) {
        return UnsafeApi.getInt(address(node) + LEFT + ((long) side << 2));
    }

    private long address(final int node) {
        return memory + (long) node * nodeLength;
    }
}
