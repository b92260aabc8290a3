/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.dataplane.testing.PodTun;
import io.weft.dataplane.testing.ScriptedBatchHost;
import io.weft.dataplane.testing.ScriptedHost;
import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.linux.Errno;
import io.weft.linux.Framing;
import io.weft.linux.testing.Await;
import io.weft.routing.Encapsulation;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The host's device may have a link header: its frames carry the same packets as those of one that has none. */
class LinkHeaderTest {
    private static final long HOST_MAC = 0x0200_0000_0001L;
    private static final long OWN_MAC = 0x0200_0000_0002L;
    private static final String TO_HOST = "020000000001" + "020000000002";
    private static final int VNET_LENGTH = VirtioNetHeaderFlyweight.LENGTH;
    private static final Framing FRAMING = Framing.ofEthernet(VNET_LENGTH, HOST_MAC, OWN_MAC, true);

    private static InvokedNode node() throws Exception {
        return new InvokedNode(DataPlaneContext.MAX_SEGMENTS_DEFAULT, Encapsulation.VXLAN, new ScriptedHost(FRAMING));
    }

    /** A frame as the host gives it, whose link header is no concern of the data plane. */
    private static ByteBuffer frame(final byte[] packet) {
        final int header = FRAMING.headerLength();
        return ByteBuffer.allocate(header + packet.length)
                .order(ByteOrder.nativeOrder())
                .put(header, packet);
    }

    private static void assertLinkHeader(final String etherType, final byte[] frame) {
        assertEquals(
                TO_HOST + etherType,
                HexFormat.of().formatHex(Arrays.copyOfRange(frame, VNET_LENGTH, FRAMING.headerLength())));
    }

    @Test
    void shouldCutAndCompleteWhatComesBehindALinkHeader() throws Exception {
        final CraftedPacket packet =
                CraftedPacket.udp(InvokedNode.POD, InvokedNode.PEER_POD, 1000, 2000, CraftedPacket.payload(1000, 1));
        try (InvokedNode node = node()) {
            node.host()
                    .give(frame(packet.checksum(CraftedPacket.Checksum.PARTIAL).bytes())
                            .put(0, (byte) VirtioNetHeaderFlyweight.NEEDS_CHECKSUM)
                            .putShort(VirtioNetHeaderFlyweight.CHECKSUM_START_OFFSET, (short)
                                    (Framing.ETHERNET_LENGTH + packet.transportOffset()))
                            .putShort(VirtioNetHeaderFlyweight.CHECKSUM_OFFSET_OFFSET, (short) packet.checksumOffset())
                            .array());
            node.invoke();
            assertArrayEquals(packet.checksum(CraftedPacket.Checksum.RIGHT).bytes(), node.receiveAtPeer());
            node.counters().assertConserved();
        }
    }

    @Test
    void shouldPutTheLinkHeaderInFrontOfEachPacketForTheHost() throws Exception {
        final byte[] ipv4 = CraftedPacket.udp(
                        InvokedNode.PEER_POD, InvokedNode.POD, 1000, 2000, CraftedPacket.payload(300, 1))
                .bytes();
        final byte[] ipv6 = CraftedPacket.udp(
                        PodTun.inet("fd00:10:244:1::77"),
                        PodTun.inet("fd00:10:244::77"),
                        1000,
                        2000,
                        CraftedPacket.payload(300, 2))
                .bytes();
        try (InvokedNode node = node()) {
            node.sendFromPeer(ipv4);
            node.sendFromPeer(ipv6);
            node.invokeUntilReceived(2);
            assertEquals(2, node.host().written().size(), () -> node.counters().toString());
            assertLinkHeader("0800", node.host().written().get(0));
            assertLinkHeader("86dd", node.host().written().get(1));
            node.counters().assertConserved();
        }
    }

    @Test
    void shouldWriteSeveralAtOnceAndPassOverThoseThatTheHostRefuses() throws Exception {
        final ScriptedBatchHost host = new ScriptedBatchHost(FRAMING);
        final int count = 40;
        try (InvokedNode node = new InvokedNode(DataPlaneContext.MAX_SEGMENTS_DEFAULT, Encapsulation.VXLAN, host)) {
            for (final int errno : new int[] {0, Errno.EMSGSIZE, 0, 0, Errno.EINVAL, Errno.ENETDOWN}) {
                host.failWrite(errno);
            }
            for (int i = 0; i < count; i++) {
                node.sendFromPeer(CraftedPacket.udp(InvokedNode.PEER_POD, InvokedNode.POD, 1000 + i, 2000, new byte[i])
                        .bytes());
            }
            Await.until("not all came", Await.TIMEOUT_MS, () -> {
                node.invoke();
                return count == node.counters().of(DataPlaneCounter.INGRESS_RECEIVED_PACKETS);
            });
            assertEquals(
                    Map.of(DropReason.PKT_TOO_BIG, 1L, DropReason.HOST_REFUSED, 1L, DropReason.HOST_DOWN, 1L),
                    node.counters().drops());
            assertEquals(
                    IntStream.range(0, count)
                            .filter(i -> 1 != i && 4 != i && 5 != i)
                            .boxed()
                            .toList(),
                    host.written().stream()
                            .map(frame -> frame.length - FRAMING.headerLength() - 28)
                            .toList());
            assertTrue(host.calls() < count, () -> host.calls() + " calls");
            node.counters().assertConserved();
        }
    }
}
