/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static java.nio.ByteOrder.nativeOrder;

import io.weft.linux.SocketAddress;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.NanoClock;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Peers whose path is narrower than the segments of a message were, or takes no message of several, so that the kernel would not cut
 * it: datagrams of that length go one by one for a while, which costs neither a refusal nor a system call for each. Owned by the senders of one worker.
 */
final class NarrowPaths {
    /**
     * The kernel remembers a path's MTU for ten minutes (net.ipv4.route.mtu_expires), but forgets it at once when it is told to, or when a
     * route changes. It is asked again so often: ten refused messages a second are nothing, and ten minutes at a third of the rate are much.
     */
    private static final long REMEMBERED_NS = TimeUnit.MILLISECONDS.toNanos(100);

    /**
     * A peer has one place, by its address; when another one is found for it, the former is forgotten, and found again by one message. Many
     * more than a mesh of IPsec usually has, where no peer takes messages of several.
     */
    private static final int CAPACITY_BITS = 10;

    private static final int CAPACITY = 1 << CAPACITY_BITS;
    private static final long MULTIPLIER = 0x9E37_79B9_7F4A_7C15L; // 2^64 / golden ratio, Knuth 6.4

    private final NanoClock clock;
    private final long[] highs = new long[CAPACITY];
    private final long[] lows = new long[CAPACITY];
    private final int[] tooLong = new int[CAPACITY];
    private final long[] foundAtNs = new long[CAPACITY];
    private boolean isEmpty = true;

    NarrowPaths(final NanoClock clock) {
        this.clock = clock;
        Arrays.fill(tooLong, Integer.MAX_VALUE);
    }

    /**
     * The kernel did not cut a message for this peer.
     *
     * @param name where in the arena the peer's socket address is.
     * @param nameLength its length in bytes.
     * @param segmentLength bytes of each datagram; 0 if it would be the same with any.
     */
    void add(final UnsafeBuffer arena, final int name, final int nameLength, final int segmentLength) {
        final long high = high(arena, name, nameLength);
        final long low = low(arena, name, nameLength);
        final int place = place(high, low);
        final boolean isKnown = highs[place] == high && lows[place] == low;
        highs[place] = high;
        lows[place] = low;
        tooLong[place] = isKnown ? Math.min(tooLong[place], segmentLength) : segmentLength;
        foundAtNs[place] = clock.nanoTime();
        isEmpty = false;
    }

    /** Whether datagrams of this length are not to be joined to a message for this peer. */
    boolean isTooLong(final UnsafeBuffer arena, final int name, final int nameLength, final int segmentLength) {
        if (isEmpty) {
            return false;
        }
        final long high = high(arena, name, nameLength);
        final long low = low(arena, name, nameLength);
        final int place = place(high, low);
        if (segmentLength < tooLong[place] || highs[place] != high || lows[place] != low) {
            return false;
        }
        if (clock.nanoTime() - foundAtNs[place] >= REMEMBERED_NS) {
            tooLong[place] = Integer.MAX_VALUE;
            return false;
        }
        return true;
    }

    /** What tells addresses of one network apart is in the upper half, which a multiplication alone leaves there. */
    private static int place(final long high, final long low) {
        final long both = Long.rotateLeft(high, 1) ^ low;
        return (int) (((both ^ both >>> Integer.SIZE) * MULTIPLIER) >>> (Long.SIZE - CAPACITY_BITS));
    }

    /** The socket address in two words, which for IPv6 are the address itself. */
    private static long high(final UnsafeBuffer arena, final int name, final int nameLength) {
        return arena.getLong(
                SocketAddress.IPV4_LENGTH == nameLength ? name : name + SocketAddress.IPV6_ADDRESS_OFFSET,
                nativeOrder());
    }

    private static long low(final UnsafeBuffer arena, final int name, final int nameLength) {
        return arena.getLong(
                Long.BYTES
                        + (SocketAddress.IPV4_LENGTH == nameLength ? name : name + SocketAddress.IPV6_ADDRESS_OFFSET),
                nativeOrder());
    }
}
