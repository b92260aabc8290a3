/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.ingress.FragmentedDatagram.Fit;
import io.weft.encap.Ipv6Flyweight;
import io.weft.encap.UdpFlyweight;
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.NanoClock;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Puts fragments of UDP over IPv6 together (RFC 8200, section 4.5), which no kernel does for a packet socket. Each datagram of the tunnel's port
 * is given whole, or ends by one {@link DropReason}; of other ports' fragments nothing is kept but that they are others', once
 * their first one has come: those that come before it, or without it, nobody can tell from the tunnel's, and they are kept and counted as
 * these are. A malformed one ends by itself. Where there is no room those give way whose fragments have not come for long, and else what is new: those in the making are never lost to a flood of others.
 * Here payload is copied and objects are made, as on the way in {@link RefusedSuperframe} alone does. Owned by the ingress receiver.
 *
 * <pre>
 *  0             1          2                     4
 * +-------------+----------+------------------+--+----------------+---------
 * | next header | reserved | offset / 8, more |  | identification | data
 * +-------------+----------+------------------+--+----------------+---------
 * </pre>
 */
final class Ipv6Reassembler {
    static final int FRAGMENT_HEADER_LENGTH = 8;

    /** In the making at a time. */
    static final int DATAGRAMS_MAX = 1024;

    /** The kernel waits for 60 s (RFC 8200); by then TCP has sent again what was inside, and nobody waits for the rest. */
    static final long TIMEOUT_NS = TimeUnit.SECONDS.toNanos(10);

    /** Fragments are sent together: one that has not come for so long gives way to others, and is no longer waited for. */
    static final long GIVES_WAY_NS = TimeUnit.SECONDS.toNanos(1);

    private static final int OFFSET_OFFSET = 2;
    private static final int ID_OFFSET = OFFSET_OFFSET + Short.BYTES;
    private static final int OFFSET_MASK = 0xFFF8;
    private static final int MORE = 1;
    private static final int ECN_MASK = 3;
    private static final int ECN_CE = 3;

    private final int udpPort;
    private final NanoClock clock;
    private final FragmentMemory memory = new FragmentMemory();
    /** The oldest comes first. */
    private final Map<DatagramKey, FragmentedDatagram> unfinished = new LinkedHashMap<>();

    /** When each came, of whose fragments nothing is wanted: others', and what has ended. The oldest comes first. */
    private final Map<DatagramKey, Long> passedOver = new LinkedHashMap<>() {
        private static final long serialVersionUID = 1;

        @Override
        protected boolean removeEldestEntry(final Map.Entry<DatagramKey, Long> eldest) {
            return size() > DATAGRAMS_MAX;
        }
    };

    /** What has ended and is not told yet: one for each fragment, so that each can be shown. */
    private final Queue<Ended> ended = new ArrayDeque<>();

    private record Ended(DatagramKey key, DropReason reason) {}

    /**
     * @param udpPort of the tunnel.
     * @param clock for the age of what is not complete.
     */
    Ipv6Reassembler(final int udpPort, final NanoClock clock) {
        this.udpPort = udpPort;
        this.clock = clock;
    }

    /** What it takes outside of the heap at the most, in bytes. */
    static long memoryLength() {
        return FragmentMemory.memoryLength();
    }

    /**
     * Takes a fragment, and gives the datagram that it completes.
     *
     * @param ip where in {@code headers} its IPv6 header begins, with the fragment header behind it. When the datagram is complete,
     *     its UDP header is put in the place of that.
     * @param data where in {@code arena} the fragment's data begins. When the datagram is complete, what follows its UDP header is put
     *     there.
     * @param length of the data in bytes; negative if not all of it has come.
     * @param message is told the reason and the source of a datagram that ended, this one or an older one, unless one is complete.
     * @return bytes of the datagram with its UDP header; 0 while it is not complete.
     */
    int add(
            final UnsafeBuffer headers,
            final int ip,
            final UnsafeBuffer arena,
            final int data,
            final int length,
            final ReceivedMessage message) {
        message.refusal = null;
        final int whole = taken(headers, ip, arena, data, length, clock.nanoTime());
        final Ended first = 0 == whole ? ended.poll() : null;
        if (null != first) {
            message.refusal = first.reason;
            message.sourceHigh = first.key.sourceHigh();
            message.sourceLow = first.key.sourceLow();
        }
        return whole;
    }

    private int taken(
            final UnsafeBuffer headers,
            final int ip,
            final UnsafeBuffer arena,
            final int data,
            final int length,
            final long nowNs) {
        final int header = ip + Ipv6Flyweight.LENGTH;
        final int word = headers.getShort(header + OFFSET_OFFSET, BIG_ENDIAN) & 0xFFFF;
        final int offset = word & OFFSET_MASK;
        final boolean isLast = 0 == (word & MORE);
        final DatagramKey key = new DatagramKey(
                Ipv6Flyweight.sourceHigh(headers, ip),
                Ipv6Flyweight.sourceLow(headers, ip),
                headers.getInt(header + ID_OFFSET, BIG_ENDIAN));
        endOld(nowNs);
        final Long passedOverNs = passedOver.get(key);
        if (null != passedOverNs && nowNs - passedOverNs < GIVES_WAY_NS) {
            return 0;
        }
        if (isMalformed(offset, length, isLast)) {
            ended.add(new Ended(key, DropReason.FRAG_INVALID)); // of a datagram that may come all the same (RFC 8200)
            return 0;
        }
        if (0 == offset && udpPort != UdpFlyweight.destinationPort(arena, data)) {
            passOver(key, nowNs);
            return 0;
        }
        final int ecn = Ipv6Flyweight.trafficClass(headers, ip) & ECN_MASK;
        final FragmentedDatagram datagram = of(key, nowNs);
        if (null == datagram || !put(datagram, offset, isLast, ecn, arena, data, length, nowNs)) {
            return 0;
        }
        return finish(datagram, headers, ip, arena, data, nowNs);
    }

    private static boolean isMalformed(final int offset, final int length, final boolean isLast) {
        return length <= 0
                || offset + length > FragmentedDatagram.MAX_LENGTH
                || (!isLast && 0 != length % FragmentedDatagram.BLOCK_LENGTH)
                || (0 == offset && length < UdpFlyweight.LENGTH);
    }

    /** The one that a fragment belongs to; null where there is no room for one more. */
    private @Nullable FragmentedDatagram of(final DatagramKey key, final long nowNs) {
        final FragmentedDatagram begun = unfinished.get(key);
        if (null != begun) {
            return begun;
        }
        if (unfinished.size() >= DATAGRAMS_MAX && !endOldest(GIVES_WAY_NS, DropReason.FRAG_NO_ROOM, nowNs)) {
            end(key, DropReason.FRAG_NO_ROOM, nowNs);
            return null;
        }
        final FragmentedDatagram datagram = new FragmentedDatagram(key, nowNs, memory);
        unfinished.put(key, datagram);
        return datagram;
    }

    /**
     * Puts a fragment to the others.
     *
     * @return whether the datagram is complete.
     */
    private boolean put(
            final FragmentedDatagram datagram,
            final int offset,
            final boolean isLast,
            final int ecn,
            final UnsafeBuffer arena,
            final int data,
            final int length,
            final long nowNs) {
        final Fit fit = datagram.fit(offset, length, isLast);
        if (Fit.CONTRADICTION == fit) {
            end(datagram.key, DropReason.FRAG_INVALID, nowNs);
        }
        if (Fit.NEW != fit) {
            return false;
        }
        final int chunks = datagram.chunksMissing(offset, length);
        boolean isEnded = false;
        while (!isEnded && chunks > memory.freeCount()) {
            if (!endOldest(GIVES_WAY_NS, DropReason.FRAG_NO_ROOM, nowNs)) {
                end(datagram.key, DropReason.FRAG_NO_ROOM, nowNs);
            }
            isEnded = !unfinished.containsKey(datagram.key);
        }
        if (isEnded) {
            return false;
        }
        datagram.put(offset, isLast, ecn, arena, data, length);
        return datagram.isComplete();
    }

    private int finish(
            final FragmentedDatagram datagram,
            final UnsafeBuffer headers,
            final int ip,
            final UnsafeBuffer arena,
            final int data,
            final long nowNs) {
        if (!markCongestion(headers, ip, datagram.ecns())) {
            end(datagram.key, DropReason.FRAG_INVALID, nowNs);
            return 0;
        }
        unfinished.remove(datagram.key);
        datagram.get(0, headers, ip + Ipv6Flyweight.LENGTH, UdpFlyweight.LENGTH);
        datagram.get(UdpFlyweight.LENGTH, arena, data, datagram.total() - UdpFlyweight.LENGTH);
        datagram.release();
        return datagram.total();
    }

    private void endOld(final long nowNs) {
        while (endOldest(TIMEOUT_NS, DropReason.FRAG_REASM_TIMEOUT, nowNs)) {
            // the next one is the oldest now
        }
    }

    /** Ends the oldest if it began so long ago. */
    private boolean endOldest(final long ageNs, final DropReason reason, final long nowNs) {
        if (unfinished.isEmpty()) {
            return false;
        }
        final FragmentedDatagram oldest = unfinished.values().iterator().next();
        final boolean isOld = nowNs - oldest.beganNs >= ageNs;
        if (isOld) {
            end(oldest.key, reason, nowNs);
        }
        return isOld;
    }

    private void end(final DatagramKey key, final DropReason reason, final long nowNs) {
        passOver(key, nowNs);
        ended.add(new Ended(key, reason));
    }

    /** Wants no more of it: fragments that are still to come would begin it anew. */
    private void passOver(final DatagramKey key, final long nowNs) {
        final FragmentedDatagram begun = unfinished.remove(key);
        if (null != begun) {
            begun.release();
        }
        passedOver.remove(key);
        passedOver.put(key, nowNs);
    }

    /**
     * A mark of congestion on one fragment is one on the datagram. Fragments that can carry it do not come beside ones that cannot
     * (RFC 3168, section 5.3; net/ipv4/inet_fragment.c, {@code ip_frag_ecn_table}).
     */
    private static boolean markCongestion(final UnsafeBuffer headers, final int ip, final int ecns) {
        final boolean isMixed = 0 != (ecns & (ecns - 1));
        if (isMixed && 0 != (ecns & 1)) {
            return false;
        }
        if (0 != (ecns & 1 << ECN_CE)) {
            Ipv6Flyweight.trafficClass(headers, ip, Ipv6Flyweight.trafficClass(headers, ip) | ECN_CE);
        }
        return true;
    }
}
