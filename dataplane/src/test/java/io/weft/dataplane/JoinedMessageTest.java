/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.encap.VirtioNetHeaderFlyweight;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

/** Received by a UDP socket. */
class JoinedMessageTest extends JoinedMessageSuite {
    private static final int LENGTH = 500;
    private static final int VNET_LENGTH = VirtioNetHeaderFlyweight.LENGTH;
    private static final int TUNNEL_LENGTH = 8 + 14;

    @Override
    InvokedNode open() throws Exception {
        return new InvokedNode(DataPlaneContext.MAX_SEGMENTS_DEFAULT);
    }

    /** A UDP socket is told the same of it as of several datagrams; a packet socket is not, see RandomStreamByPacketTest. */
    @Test
    void shouldDeliverASuperframeThatCameUnsegmentedAsOne() throws Exception {
        final byte[] superframe = CraftedPacket.udp(
                        InvokedNode.PEER_POD, InvokedNode.POD, 1000, 2000, CraftedPacket.payload(4 * LENGTH + 1, 1))
                .checksum(CraftedPacket.Checksum.PARTIAL)
                .bytes();
        try (InvokedNode node = open()) {
            node.sendFromPeer(InvokedNode.encapsulate(superframe), LENGTH);
            node.sendFromPeer(tagged(InvokedNode.encapsulate(superframe)), LENGTH);
            node.invokeUntilReceived(2);
            for (final byte[] frame : node.host().written()) {
                assertEquals(VirtioNetHeaderFlyweight.GSO_UDP_L4, frame[1]);
                assertEquals(
                        LENGTH,
                        ByteBuffer.wrap(frame).order(ByteOrder.nativeOrder()).getShort(4));
                assertArrayEquals(superframe, CraftedPacket.tail(frame, VNET_LENGTH));
            }
            assertEquals(2, node.host().written().size());
            node.counters().assertConserved();
        }
    }

    /** The datagram with a priority tag in front of the ether type. */
    private static byte[] tagged(final byte[] datagram) {
        final int type = TUNNEL_LENGTH - Short.BYTES;
        return ByteBuffer.allocate(datagram.length + 4)
                .put(datagram, 0, type)
                .putInt(0x8100_E000)
                .put(datagram, type, datagram.length - type)
                .array();
    }
}
