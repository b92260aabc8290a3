/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.dataplane.underlay.NextHops;
import io.weft.encap.OuterHeader;
import io.weft.encap.UnderlayFrame;
import io.weft.linux.SocketAddress;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * What stands in front of the messages of a {@link DatagramBatch} that leaves by packet socket: vnet, Ethernet, IP and UDP header of
 * each. Owned by a {@link PacketQueue}.
 */
final class OuterHeaders {
    private static final int STRIDE = BitUtil.align(UnderlayFrame.IPV6_LENGTH, Long.BYTES);
    private static final int LENGTH = DatagramBatch.MAX_MESSAGES * STRIDE;

    private final UnsafeBuffer arena;
    private final UnsafeBuffer headers =
            new UnsafeBuffer(BufferUtil.allocateDirectAligned(LENGTH, BitUtil.CACHE_LINE_LENGTH));
    private final int version;
    private final long localHigh;
    private final long localLow;
    private final int[] sourcePorts;
    private NextHops nextHops = NextHops.NONE;
    private int id;

    /**
     * @param arena the memory that frames lie in, with the peer's socket address in front of each.
     * @param local address that datagrams are sent from.
     * @param sourcePorts of the worker's sending sockets.
     */
    OuterHeaders(final UnsafeBuffer arena, final IpAddress local, final int[] sourcePorts) {
        this.arena = arena;
        version = IpFamily.IPV4 == local.family() ? 4 : 6;
        localHigh = local.high();
        localLow = local.low();
        this.sourcePorts = sourcePorts;
    }

    /** What headers take outside of the heap, in bytes. */
    static long memoryLength() {
        return LENGTH;
    }

    /** By which next hops peers are reached from now on. */
    void nextHops(final NextHops now) {
        nextHops = now;
    }

    /**
     * The longest datagram that reaches a peer.
     *
     * @param name where in the arena the peer's socket address is.
     * @return bytes; 0 or less for a peer that is not reached.
     */
    int longest(final int name) {
        return NextHops.mtu(nextHops.find(high(name), low(name)))
                - (4 == version ? OuterHeader.IPV4_LENGTH : OuterHeader.IPV6_LENGTH);
    }

    /** The peer's address in two longs, as {@link IpAddress} has it. */
    private long high(final int name) {
        return 4 == version
                ? (long) arena.getInt(name + SocketAddress.IPV4_ADDRESS_OFFSET, BIG_ENDIAN) << Integer.SIZE
                : arena.getLong(name + SocketAddress.IPV6_ADDRESS_OFFSET, BIG_ENDIAN);
    }

    private long low(final int name) {
        return 4 == version ? 0 : arena.getLong(name + SocketAddress.IPV6_ADDRESS_OFFSET + Long.BYTES, BIG_ENDIAN);
    }

    /** Where those of a message begin. */
    long address(final int index) {
        return headers.addressOffset() + (long) index * STRIDE;
    }

    /** Writes those of a message, now that it has all its datagrams. Returns their length in bytes. */
    int put(final int index, final DatagramMessage message) {
        final int name = message.nameOffset;
        final int frame = index * STRIDE;
        final int ip = frame + UnderlayFrame.IP_OFFSET;
        final long high = high(name);
        final long low = low(name);
        final int port = arena.getShort(name + SocketAddress.PORT_OFFSET, BIG_ENDIAN);
        final int sourcePort = sourcePorts[message.socket];
        UnderlayFrame.putLink(
                headers,
                frame,
                version,
                NextHops.mac(nextHops.find(high, low)),
                nextHops.linkMac(),
                message.segments > 1 ? message.segmentLength : 0);
        if (4 == version) {
            OuterHeader.putIpv4(
                    headers,
                    ip,
                    message.length,
                    message.tos,
                    id,
                    nextHops.hopLimit(),
                    (int) (localHigh >>> Integer.SIZE),
                    (int) (high >>> Integer.SIZE),
                    sourcePort,
                    port);
            id += message.segments;
            return UnderlayFrame.IPV4_LENGTH;
        }
        OuterHeader.putIpv6(
                headers,
                ip,
                message.length,
                message.tos,
                nextHops.hopLimit(),
                localHigh,
                localLow,
                high,
                low,
                sourcePort,
                port);
        return UnderlayFrame.IPV6_LENGTH;
    }
}
