/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.underlay;

import io.weft.address.IpAddress;
import java.util.Map;
import org.agrona.BitUtil;

/**
 * By which next hop of a link each peer is reached, at one moment. Immutable: made by the control thread, read by any.
 *
 * <p>A hash table in one array, at most half full: each row is a peer's address, as {@link IpAddress} has it in two longs, and its
 * next hop.
 *
 * <pre>
 *   | high | low | MAC address, 48 bits; MTU, 16 bits |     an empty row has no next hop
 * </pre>
 */
public final class NextHops {
    /** No peer is reached by a link that weft may send frames to. */
    public static final NextHops NONE = new NextHops(0, 0, Map.of());

    /** What {@link #find} gives for a peer that is not among them. */
    public static final long ABSENT = 0;

    private static final int ROW_LONGS = 3;
    private static final int VALUE = 2;
    private static final int MTU_BITS = Short.SIZE;
    private static final int MTU_MAX = 0xFFFF;
    private static final long MULTIPLIER = 0x9E37_79B9_7F4A_7C15L; // 2^64 / golden ratio, Knuth 6.4

    private final long linkMac;
    private final int hopLimit;
    private final long[] rows;
    private final int mask;
    private final int size;

    /**
     * A next hop.
     *
     * @param mac its address, in the low 48 bits.
     * @param mtu bytes of the longest IP packet that reaches the peer by it.
     */
    public record NextHop(long mac, int mtu) {}

    /**
     * @param linkMac of the link that frames leave by, in the low 48 bits.
     * @param hopLimit time to live of what leaves.
     * @param peers that are reached so.
     */
    public NextHops(final long linkMac, final int hopLimit, final Map<IpAddress, NextHop> peers) {
        this.linkMac = linkMac;
        this.hopLimit = hopLimit;
        size = peers.size();
        final int capacity = BitUtil.findNextPositivePowerOfTwo(2 * size + 1);
        rows = new long[capacity * ROW_LONGS];
        mask = capacity - 1;
        peers.forEach((peer, hop) -> put(peer.high(), peer.low(), hop));
    }

    private void put(final long high, final long low, final NextHop hop) {
        int row = home(high, low);
        while (ABSENT != rows[row * ROW_LONGS + VALUE]) {
            row = row + 1 & mask;
        }
        rows[row * ROW_LONGS] = high;
        rows[row * ROW_LONGS + 1] = low;
        rows[row * ROW_LONGS + VALUE] = hop.mac() << MTU_BITS | Math.min(MTU_MAX, hop.mtu());
    }

    private int home(final long high, final long low) {
        final long mixed = (high * MULTIPLIER ^ low) * MULTIPLIER;
        return (int) (mixed >>> Integer.SIZE) & mask;
    }

    /** The next hop of a peer, for {@link #mac} and {@link #mtu}, or {@link #ABSENT}. */
    public long find(final long high, final long low) {
        int row = home(high, low);
        while (true) {
            final int at = row * ROW_LONGS;
            final long hop = rows[at + VALUE];
            if (ABSENT == hop || (high == rows[at] && low == rows[at + 1])) {
                return hop;
            }
            row = row + 1 & mask;
        }
    }

    /** MAC address in the low 48 bits. */
    public static long mac(final long hop) {
        return hop >>> MTU_BITS;
    }

    /** Bytes of the longest IP packet; 0 of {@link #ABSENT}. */
    public static int mtu(final long hop) {
        return (int) hop & MTU_MAX;
    }

    /** MAC address of the link, in the low 48 bits. */
    public long linkMac() {
        return linkMac;
    }

    /** Time to live of what leaves. */
    public int hopLimit() {
        return hopLimit;
    }

    /** How many peers are reached so. */
    public int size() {
        return size;
    }
}
