/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.dataplane.tunnel.Rewrite;
import io.weft.encap.IpPacket;

/**
 * A frame on its way from the host to the underlay, as the receiver hands it to the sender. The fields belong to
 * whichever of the two holds the frame.
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

    final IpPacket packet = new IpPacket();
    int ipOffset;
    int tunnelHeaderLength;
    int sockaddrLength;
    int outerTos;
    int gsoType;
    int gsoSize;
    boolean needsChecksum;
    int checksumStart;
    int checksumOffset;
    long endPosition;
    long sequence;

    /** How many packets the wire will carry for this frame. */
    int segments() {
        return 0 == gsoSize ? 1 : Math.max(1, (packet.payloadLength() + gsoSize - 1) / gsoSize);
    }
}
