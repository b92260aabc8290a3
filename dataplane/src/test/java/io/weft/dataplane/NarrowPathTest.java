/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.dataplane.testing.PodTun;
import io.weft.encap.VirtioNetHeaderFlyweight;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * How a TCP superframe is cut that came unsegmented, so that nobody told how: into segments of the MTU, or of what a router
 * behind this node said is the most that it carries.
 */
class NarrowPathTest {
    private static final int MTU = 1450;
    private static final int HEADERS = 20 + 20;
    private static final InetAddress POD_V6 = PodTun.inet("fd00:10:244::77");
    private static final InetAddress PEER_POD_V6 = PodTun.inet("fd00:10:244:1::77");
    private static final int QUOTED_LENGTH = 40;
    private static final byte[] QUOTED = quoted(InvokedNode.PEER_POD, InvokedNode.POD);
    private static final byte[] QUOTED_V6 = quoted(PEER_POD_V6, POD_V6);

    /** The beginning of a packet that no MTU here lets pass. */
    private static byte[] quoted(final InetAddress source, final InetAddress destination) {
        return Arrays.copyOf(
                CraftedPacket.udp(source, destination, 1, 2, new byte[60_000]).bytes(), QUOTED_LENGTH);
    }

    /** The message that a packet was too long (RFC 1191, section 4). */
    private static byte[] fragmentationNeeded(final int type, final int code, final int mtu) {
        return ByteBuffer.allocate(8 + QUOTED.length)
                .put((byte) type)
                .put((byte) code)
                .putShort(6, (short) mtu)
                .position(8)
                .put(QUOTED)
                .array();
    }

    /** The same in IPv6 (RFC 4443, section 3.2). */
    private static byte[] packetTooBig(final int type, final int mtu) {
        return ByteBuffer.allocate(8 + QUOTED_V6.length)
                .put((byte) type)
                .putInt(4, mtu)
                .position(8)
                .put(QUOTED_V6)
                .array();
    }

    private static CraftedPacket icmp(final byte[] message) {
        return CraftedPacket.raw(InvokedNode.POD, InvokedNode.PEER_POD, CraftedPacket.ICMP, message);
    }

    private static CraftedPacket icmpv6(final byte[] message) {
        return CraftedPacket.raw(POD_V6, PEER_POD_V6, 58, message);
    }

    private static InvokedNode node() throws Exception {
        return new InvokedNode(DataPlaneContext.MAX_SEGMENTS_DEFAULT);
    }

    /** The node forwards a packet of its pod, as it is. */
    private static void forward(final InvokedNode node, final byte[] packet) throws Exception {
        node.give(packet);
        node.invoke();
        assertArrayEquals(packet, node.receiveAtPeer());
    }

    /** What the host is told of the segments' payload; 0 if the packet is none to be cut. */
    private static int gsoSize(final InvokedNode node, final int payloadLength) throws Exception {
        final int before = node.host().written().size();
        node.sendFromPeer(CraftedPacket.tcp(
                        InvokedNode.PEER_POD,
                        InvokedNode.POD,
                        1,
                        2,
                        3,
                        CraftedPacket.ACK,
                        new byte[0],
                        CraftedPacket.payload(payloadLength, 1))
                .checksum(CraftedPacket.Checksum.PARTIAL)
                .bytes());
        node.invokeUntilReceived(before + 1);
        final byte[] frame = node.host().written().get(before);
        assertEquals(VirtioNetHeaderFlyweight.LENGTH + HEADERS + payloadLength, frame.length);
        final int gsoSize =
                ByteBuffer.wrap(frame).order(ByteOrder.nativeOrder()).getShort(4) & 0xFFFF;
        assertEquals(0 == gsoSize ? VirtioNetHeaderFlyweight.GSO_NONE : VirtioNetHeaderFlyweight.GSO_TCPV4, frame[1]);
        return gsoSize;
    }

    @Test
    void shouldCutByTheMtuWhenNobodySaidThatLessFits() throws Exception {
        try (InvokedNode node = node()) {
            assertEquals(MTU - HEADERS, gsoSize(node, 20_000));
            assertEquals(0, gsoSize(node, MTU - HEADERS));
            node.counters().assertConserved();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "1430, 1430, 1430",
        "1280, 1280, 1280",
        "1279, 1279, 1280",
        "576, 576, 1280",
        "575, 576, 1280",
        "68, 576, 1280",
        "1, 576, 1280"
    })
    void shouldCutByWhatARouterSaidWhenItIsLess(final int said, final int taken, final int takenByIpv6)
            throws Exception {
        try (InvokedNode node = node()) {
            forward(node, icmp(fragmentationNeeded(3, 4, said)).bytes());
            assertEquals(taken - HEADERS, gsoSize(node, 20_000));
            assertEquals(taken - HEADERS, gsoSize(node, taken - HEADERS + 1));
            assertEquals(0, gsoSize(node, taken - HEADERS));
            node.counters().assertConserved();
        }
        try (InvokedNode node = node()) {
            forward(node, icmpv6(packetTooBig(2, said)).bytes());
            assertEquals(takenByIpv6 - HEADERS, gsoSize(node, 20_000));
        }
    }

    @Test
    void shouldKeepToTheLeastThatWasSaid() throws Exception {
        try (InvokedNode node = node()) {
            for (final int mtu : new int[] {1400, 1300, 1420}) {
                forward(node, icmp(fragmentationNeeded(3, 4, mtu)).bytes());
            }
            assertEquals(1300 - HEADERS, gsoSize(node, 20_000));
        }
    }

    /** What is no such message, or says nothing; it is forwarded like any packet. */
    @ParameterizedTest(name = "{0}")
    @CsvSource({
        "MTU 0 as of routers before RFC 1191, 4, 3, 4,    0, 48",
        "more than the MTU,                   4, 3, 4, 1500, 48",
        "most that can be said,               4, 3, 4, 65535, 48",
        "port unreachable,                    4, 3, 3, 1300, 48",
        "redirect,                            4, 5, 4, 1300, 48",
        "echo,                                4, 8, 4, 1300, 48",
        "seven bytes,                         4, 3, 4, 1300, 7",
        "type and code alone,                 4, 3, 4, 1300, 2",
        "empty,                               4, 3, 4, 1300, 0",
        "IPv6 MTU 0,                          6, 2, 0,    0, 48",
        "IPv6 more than a packet may have,    6, 2, 0, 65536, 48",
        "IPv6 negative as an int,             6, 2, 0, -1, 48",
        "IPv6 time exceeded,                  6, 3, 0, 1300, 48",
        "IPv6 seven bytes,                    6, 2, 0, 1300, 7",
        "IPv6 empty,                          6, 2, 0, 1300, 0"
    })
    void shouldNotCareForWhatDoesNotSayThatLessFits(
            final String what, final int version, final int type, final int code, final int mtu, final int length)
            throws Exception {
        final byte[] message =
                Arrays.copyOf(4 == version ? fragmentationNeeded(type, code, mtu) : packetTooBig(type, mtu), length);
        try (InvokedNode node = node()) {
            forward(node, (4 == version ? icmp(message) : icmpv6(message)).bytes());
            assertEquals(MTU - HEADERS, gsoSize(node, 20_000));
        }
    }

    @Test
    void shouldNotTakeAPieceOfAMessageForOne() throws Exception {
        final byte[] message = fragmentationNeeded(3, 4, 1300);
        try (InvokedNode node = node()) {
            forward(node, icmp(message).fragment(CraftedPacket.MORE_FRAGMENTS).bytes());
            forward(node, icmp(message).fragment(10).bytes());
            forward(
                    node,
                    CraftedPacket.raw(InvokedNode.POD, InvokedNode.PEER_POD, 58, packetTooBig(2, 1300))
                            .bytes());
            forward(
                    node,
                    CraftedPacket.raw(POD_V6, PEER_POD_V6, CraftedPacket.ICMP, message)
                            .bytes());
            assertEquals(MTU - HEADERS, gsoSize(node, 20_000));
        }
    }
}
