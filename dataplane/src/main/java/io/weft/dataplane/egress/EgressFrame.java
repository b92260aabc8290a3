/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.dataplane.tunnel.Rewrite;
import io.weft.encap.IpPacket;

/**
 * A frame on its way from the host to the underlay, as the receiver hands it to the sender. The fields belong to
 * whichever of the two holds the frame. One that had to wait meanwhile lies in the {@link HeldFrames}.
 *
 * <pre>
 *  ipOffset - HEADROOM          ipOffset - 22        ipOffset
 * +-----------------+----------+--------------------+-----------------------------+
 * | peer's sockaddr |          | VXLAN and Ethernet | IP packet                   |
 * +-----------------+----------+--------------------+-----------------------------+
 *                                        | vnet hdr |  as read, before it is overwritten
 * </pre>
 */
final class EgressFrame {
    /** Bytes in front of the IP packet: room for the socket address and the headers of the tunnel. */
    static final int HEADROOM = Rewrite.HEADROOM;

    /** Before all batches: of a frame whose own memory is not wanted any more. */
    static final long NO_BATCH = -1;

    final IpPacket packet = new IpPacket();

    /** Its place among the ring's frames. */
    final int index;

    int ipOffset;
    int tunnelHeaderLength;
    int sockaddrLength;

    /** Its peer's row of the {@link io.weft.dataplane.counters.PeerTable}. */
    int peer;

    int outerTos;
    int gsoType;
    int gsoSize;
    boolean needsChecksum;
    int checksumStart;
    int checksumOffset;
    long endPosition;
    long sequence;

    /** Which flow it belongs to: {@link FairQueue#flow}. */
    int flow;

    /** Which batch of its {@link UnderlaySender} it is in: {@link UnderlaySender#batch}. */
    long batch;

    EgressFrame(final int index) {
        this.index = index;
    }

    /** Bytes of the longest datagram that the wire will carry for this frame. */
    int longestDatagram() {
        return tunnelHeaderLength
                + (isSuperframe() ? packet.payloadOffset() - ipOffset + gsoSize : packet.totalLength());
    }

    /** Whether it is to be cut. */
    boolean isSuperframe() {
        return gsoSize > 0 && packet.payloadLength() > gsoSize;
    }

    /** How many packets the wire will carry for this frame. */
    int segments() {
        return 0 == gsoSize ? 1 : Math.max(1, (packet.payloadLength() + gsoSize - 1) / gsoSize);
    }
}
