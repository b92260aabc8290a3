/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

/**
 * A number for the flow that a packet belongs to: the same for all packets of one flow. Not that of the kernel, which no peer
 * depends on.
 */
public final class FlowHash {
    /** 2^32 divided by the golden ratio, made odd (Knuth, The Art of Computer Programming, volume 3, section 6.4). */
    private static final int MULTIPLIER = 0x9E3779B1;

    private static final int ROTATION = 5;

    private FlowHash() {}

    /** Of what all packets between two hosts have in common: fragments have no more. */
    static int of(final int protocol, final int source, final int destination) {
        return with(with(protocol, source), destination);
    }

    /** The hash of a flow, once a further word of what tells it apart is known, such as its ports. */
    static int with(final int hash, final int word) {
        return Integer.rotateLeft(hash, ROTATION) * MULTIPLIER + word;
    }

    /**
     * Spreads flows over a table.
     *
     * @param hash of the flow.
     * @return a number whose high bits are the better ones: shift, do not mask.
     */
    public static int spread(final int hash) {
        return hash * MULTIPLIER;
    }
}
