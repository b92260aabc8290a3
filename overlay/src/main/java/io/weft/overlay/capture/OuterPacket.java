/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.capture;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.dataplane.capture.CapturedPacket;
import io.weft.dataplane.counters.Direction;
import io.weft.encap.OuterHeader;
import io.weft.overlay.forwarding.PacketSource;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The IP and UDP header of the datagram that a captured packet is in. A UDP socket neither tells nor is told them: they are put together
 * from what is known, and have no checksum. Reused by one thread.
 */
final class OuterPacket {
    /** The kernel's (net.ipv4.ip_default_ttl, net.ipv6.conf.all.hop_limit). */
    private static final int TTL = 64;

    private static final int LENGTH_MAX = 0xFFFF;

    /** Bytes of the longest header. */
    static final int HEADER_LENGTH_MAX = OuterHeader.IPV6_LENGTH;

    private final PacketSource source;
    private final UnsafeBuffer header = new UnsafeBuffer(new byte[HEADER_LENGTH_MAX]);

    OuterPacket(final PacketSource source) {
        this.source = source;
    }

    /**
     * Writes the header of a packet's datagram.
     *
     * @return bytes of it; 0 if the packet is in no datagram that is known.
     */
    int put(final CapturedPacket packet) {
        final IpAddress peer = packet.peer();
        if (null == peer || peer.family() != source.local().family()) {
            return 0;
        }
        final boolean isEgress = Direction.EGRESS == packet.direction();
        final int ownPort = isEgress ? sourcePort(packet) : source.port();
        return isEgress
                ? put(packet, source.local(), peer, ownPort, packet.peerPort())
                : put(packet, peer, source.local(), packet.peerPort(), ownPort);
    }

    /** Of a tunnel that has one port for all, or of the socket of the flow. */
    private int sourcePort(final CapturedPacket packet) {
        return source.sourcePorts().get(packet.worker())[packet.socket()];
    }

    /** Where a superframe is longer than the length of a datagram can say, it says the most that it can. */
    private int put(
            final CapturedPacket packet,
            final IpAddress from,
            final IpAddress to,
            final int fromPort,
            final int toPort) {
        final boolean isIpv4 = IpFamily.IPV4 == from.family();
        final int headerLength = isIpv4 ? OuterHeader.IPV4_LENGTH : OuterHeader.IPV6_LENGTH;
        final int length = Math.min(packet.length(), LENGTH_MAX - headerLength);
        if (isIpv4) {
            OuterHeader.putIpv4(header, 0, length, packet.outerTos(), 0, TTL, from.ipv4(), to.ipv4(), fromPort, toPort);
        } else {
            OuterHeader.putIpv6(
                    header,
                    0,
                    length,
                    packet.outerTos(),
                    TTL,
                    from.high(),
                    from.low(),
                    to.high(),
                    to.low(),
                    fromPort,
                    toPort);
        }
        header.putShort(headerLength - Short.BYTES, (short) 0); // the checksum, at the end of the UDP header
        return headerLength;
    }

    /** What {@link #put} wrote. */
    DirectBuffer header() {
        return header;
    }
}
