/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import org.agrona.concurrent.UnsafeBuffer;

/**
 * The routing tables as published at one moment, off-heap and immutable. Valid between {@link RoutingReader#acquire()}
 * and {@link RoutingReader#release()}; touching it later reads freed memory.
 */
public final class RoutingSnapshot {
    /** The result of a lookup that no route matches. */
    public static final int NO_ROUTE = -1;

    private final long version;
    private final long base4;
    private final long root4;
    private final long base6;
    private final long root6;
    private final int origin6;
    private final long originMatch6;
    private final int emptyNode6;
    private final UnsafeBuffer rewriteBlocks;

    RoutingSnapshot(
            final long version, final LookupTable table4, final LookupTable table6, final UnsafeBuffer rewriteBlocks) {
        this.version = version;
        this.base4 = table4.baseAddress();
        this.root4 = table4.rootAddress();
        this.base6 = table6.baseAddress();
        this.root6 = table6.rootAddress();
        this.origin6 = table6.origin();
        this.originMatch6 = table6.originMatch();
        this.emptyNode6 = table6.emptyNode();
        this.rewriteBlocks = rewriteBlocks;
    }

    /** Counts publications, from 0 for the empty tables. */
    public long version() {
        return version;
    }

    /**
     * Longest-prefix match of an IPv4 address.
     *
     * @param address the int that the four bytes are in network order.
     * @return the next hop, or {@link #NO_ROUTE}.
     */
    public int lookup4(final int address) {
        return LookupTrie.lookup4(base4, root4, address);
    }

    /**
     * Longest-prefix match of an IPv6 address.
     *
     * @param high the first eight bytes in network order.
     * @param low the last eight bytes in network order.
     * @return the next hop, or {@link #NO_ROUTE}.
     */
    public int lookup6(final long high, final long low) {
        return LookupTrie.lookup6(base6, root6, origin6, originMatch6, high, low);
    }

    /**
     * Looks up {@code count} IPv4 addresses; faster than one by one, as the cache misses of several overlap.
     *
     * @param nextHops receives a next hop or {@link #NO_ROUTE} for each address.
     */
    public void lookup4(final int[] addresses, final int[] nextHops, final int count) {
        LookupTrie.lookup4(base4, root4, addresses, nextHops, count);
    }

    /**
     * Looks up {@code count} IPv6 addresses, each given by its two halves.
     *
     * @param nextHops receives a next hop or {@link #NO_ROUTE} for each address.
     */
    public void lookup6(final long[] highs, final long[] lows, final int[] nextHops, final int count) {
        LookupTrie.lookup6(base6, root6, origin6, originMatch6, emptyNode6, highs, lows, nextHops, count);
    }

    /** Next hop {@code n} has its {@link RewriteBlock} at {@code n * RewriteBlock.LENGTH}. To be read only. */
    public UnsafeBuffer rewriteBlocks() {
        return rewriteBlocks;
    }
}
