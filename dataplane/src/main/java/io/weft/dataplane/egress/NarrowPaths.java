/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static java.nio.ByteOrder.nativeOrder;

import io.weft.linux.SocketAddress;
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

    /** When one more is found, the oldest is forgotten: it is found again by one message. */
    private static final int CAPACITY = 64;

    private final NanoClock clock;
    private final long[] highs = new long[CAPACITY];
    private final long[] lows = new long[CAPACITY];
    private final int[] tooLong = new int[CAPACITY];
    private final long[] foundAtNs = new long[CAPACITY];
    private int count;

    NarrowPaths(final NanoClock clock) {
        this.clock = clock;
    }

    /**
     * The kernel did not cut a message for this peer.
     *
     * @param name where in the arena the peer's socket address is.
     * @param nameLength its length in bytes.
     * @param segmentLength bytes of each datagram; 0 if it would be the same with any.
     */
    void add(final UnsafeBuffer arena, final int name, final int nameLength, final int segmentLength) {
        final long nowNs = clock.nanoTime();
        int index = find(high(arena, name, nameLength), low(arena, name, nameLength));
        if (index < 0) {
            index = count < CAPACITY ? count++ : oldest(nowNs);
            highs[index] = high(arena, name, nameLength);
            lows[index] = low(arena, name, nameLength);
            tooLong[index] = segmentLength;
        }
        tooLong[index] = Math.min(tooLong[index], segmentLength);
        foundAtNs[index] = nowNs;
    }

    /** Whether datagrams of this length are not to be joined to a message for this peer. */
    boolean isTooLong(final UnsafeBuffer arena, final int name, final int nameLength, final int segmentLength) {
        if (0 == count) {
            return false;
        }
        final int index = find(high(arena, name, nameLength), low(arena, name, nameLength));
        if (index < 0) {
            return false;
        }
        if (clock.nanoTime() - foundAtNs[index] >= REMEMBERED_NS) {
            remove(index);
            return false;
        }
        return segmentLength >= tooLong[index];
    }

    private int find(final long high, final long low) {
        for (int i = 0; i < count; i++) {
            if (highs[i] == high && lows[i] == low) {
                return i;
            }
        }
        return -1;
    }

    private int oldest(final long nowNs) {
        int oldest = 0;
        for (int i = 1; i < count; i++) {
            if (nowNs - foundAtNs[i] > nowNs - foundAtNs[oldest]) {
                oldest = i;
            }
        }
        return oldest;
    }

    private void remove(final int index) {
        count--;
        highs[index] = highs[count];
        lows[index] = lows[count];
        tooLong[index] = tooLong[count];
        foundAtNs[index] = foundAtNs[count];
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
