/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import io.weft.dataplane.tunnel.PodPathMtu;
import io.weft.dataplane.tunnel.Tunnel;
import io.weft.encap.ChecksumState;
import io.weft.encap.IpPacket;
import io.weft.encap.IpProtocol;
import io.weft.encap.TransportChecksum;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * How a superframe is to be cut that came unsegmented by a UDP socket, which is not told (net/ipv4/udp.c, {@code udp_cmsg_recv}):
 * found out from the packet itself. Owned by the ingress receiver.
 */
final class SegmentGuess {
    private final UnsafeBuffer arena;
    private final Tunnel tunnel;
    private final PodPathMtu podPathMtu;
    private final IpPacket first = new IpPacket();
    private int mtu;

    /**
     * @param mtu of pods in bytes.
     * @param podPathMtu what routers behind the host's device told.
     */
    SegmentGuess(final UnsafeBuffer arena, final Tunnel tunnel, final PodPathMtu podPathMtu, final int mtu) {
        this.arena = arena;
        this.tunnel = tunnel;
        this.podPathMtu = podPathMtu;
        this.mtu = mtu;
    }

    /** Pods have another MTU now, in bytes. */
    void mtu(final int bytes) {
        mtu = bytes;
    }

    /**
     * Whether a message with a segment length is one datagram all the same: a superframe of UDP that a kernel on the same
     * machine left to a device to cut comes unsegmented, and its segment length is that of the inner payload. Its checksum was
     * left to the device as well. So the first of several datagrams, if it is broken and says that it is all of them, does not
     * take the others with it.
     */
    boolean isUnsegmented(final int start, final int length, final int segmentLength) {
        final int ip = tunnel.packetOffset(arena, start, length);
        final int available = start + length - ip;
        return IpPacket.Fault.NONE == first.parse(arena, ip, available, false)
                && first.totalLength() == available
                && IpProtocol.UDP == first.protocol()
                && first.payloadLength() > segmentLength
                && ChecksumState.PARTIAL == TransportChecksum.state(arena, first);
    }

    /**
     * Payload bytes of each segment; 0 for what is no superframe. A packet of TCP that is longer than any may be came
     * unsegmented; its segments are taken to fill the MTU. Where headers do so already there is nothing to be cut.
     */
    int gsoSize(final IpPacket packet, final ChecksumState state) {
        final int most = Math.min(mtu, podPathMtu.bytes());
        final boolean isSuperframe =
                ChecksumState.PARTIAL == state && packet.totalLength() > most && IpProtocol.TCP == packet.protocol();
        return isSuperframe ? Math.max(0, most - packet.headersLength()) : 0;
    }
}
