/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertEquals;

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
import io.weft.routing.Encapsulation;
import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A host's device that does not take a superframe, as some kernels of 2024 refused those with a short last segment, gets its packets. */
class RefusedSuperframeTest {
    private static final int PACKETS = 5;
    private static final int LENGTH = 1000;
    private static final int LAST_LENGTH = 7;
    private static final Framing PACKET_FRAMING = Framing.ofPackets(VirtioNetHeaderFlyweight.LENGTH, true);
    private static final Framing ETHERNET_FRAMING =
            Framing.ofEthernet(VirtioNetHeaderFlyweight.LENGTH, 0x0200_0000_0001L, 0x0200_0000_0002L, true);

    static Stream<Arguments> devices() {
        return Stream.of(PACKET_FRAMING, ETHERNET_FRAMING)
                .flatMap(framing -> Stream.of(CraftedPacket.TCP, CraftedPacket.UDP)
                        .flatMap(
                                protocol -> Stream.of(false, true).map(ipv6 -> Arguments.of(framing, protocol, ipv6))));
    }

    private static ScriptedHost host(final Framing framing) {
        return 0 == framing.linkHeaderLength() ? new ScriptedHost(framing) : new ScriptedBatchHost(framing);
    }

    private static InvokedNode node(final ScriptedHost host) throws Exception {
        return new InvokedNode(DataPlaneContext.MAX_SEGMENTS_DEFAULT, Encapsulation.VXLAN, host);
    }

    /** Packets of one flow, one after another, the last one short. */
    private static List<CraftedPacket> packets(final int protocol, final boolean ipv6) {
        final InetAddress from = ipv6 ? PodTun.inet("fd00:10:244:1::77") : InvokedNode.PEER_POD;
        final InetAddress to = ipv6 ? PodTun.inet("fd00:10:244::77") : InvokedNode.POD;
        return IntStream.range(0, PACKETS)
                .mapToObj(i -> {
                    final byte[] payload = CraftedPacket.payload(PACKETS - 1 == i ? LAST_LENGTH : LENGTH, i);
                    final int flags = CraftedPacket.ACK | (PACKETS - 1 == i ? CraftedPacket.PSH : 0);
                    final CraftedPacket packet = CraftedPacket.TCP == protocol
                            ? CraftedPacket.tcp(from, to, 1000, 2000, i * LENGTH, flags, new byte[12], payload)
                            : CraftedPacket.udp(from, to, 1000, 2000, payload);
                    return packet.id(0x1234 + i);
                })
                .toList();
    }

    private static void send(final InvokedNode node, final List<CraftedPacket> packets) {
        final ByteArrayOutputStream message = new ByteArrayOutputStream();
        packets.forEach(packet -> message.writeBytes(InvokedNode.encapsulate(packet.bytes())));
        node.sendFromPeer(
                message.toByteArray(), InvokedNode.encapsulate(packets.get(0).bytes()).length);
    }

    private static List<String> text(final List<CraftedPacket> packets) {
        return packets.stream()
                .map(packet -> HexFormat.of()
                        .formatHex(packet.checksum(CraftedPacket.Checksum.RIGHT).bytes()))
                .toList();
    }

    private static List<String> delivered(final InvokedNode node, final Framing framing) {
        return node.host().written().stream()
                .map(frame -> HexFormat.of().formatHex(CraftedPacket.tail(frame, framing.headerLength())))
                .toList();
    }

    @ParameterizedTest
    @MethodSource("devices")
    void shouldDeliverThePacketsOneByOneWhenTheHostRefusesThemJoined(
            final Framing framing, final int protocol, final boolean ipv6) throws Exception {
        try (InvokedNode node = node(host(framing))) {
            final List<CraftedPacket> packets = packets(protocol, ipv6);
            node.host().failWrite(Errno.EINVAL);
            send(node, packets);
            node.invokeUntilReceived(PACKETS);
            assertEquals(text(packets), delivered(node, framing));
            node.host()
                    .written()
                    .forEach(frame -> assertEquals(
                            "00".repeat(VirtioNetHeaderFlyweight.LENGTH),
                            HexFormat.of().formatHex(Arrays.copyOf(frame, VirtioNetHeaderFlyweight.LENGTH)),
                            "nothing is left for the host to do"));
            assertEquals(Map.of(), node.counters().drops());
            assertEquals(1, node.counters().of(DataPlaneCounter.INGRESS_SUPERFRAME_REFUSALS));
            assertEquals(PACKETS, node.counters().of(DataPlaneCounter.INGRESS_DELIVERED_PACKETS));
            assertEquals(PACKETS, node.counters().of(DataPlaneCounter.INGRESS_DELIVERED_FRAMES));
            assertEquals(1 + PACKETS, node.counters().of(DataPlaneCounter.INGRESS_WRITE_CALLS));
            node.counters().assertConserved();
        }
    }

    /** Their checksums were left to a device. */
    @Test
    void shouldCompleteChecksumsWhenTheHostRefusesASuperframe() throws Exception {
        try (InvokedNode node = node(host(PACKET_FRAMING))) {
            final List<CraftedPacket> packets = packets(CraftedPacket.TCP, false);
            packets.forEach(packet -> packet.checksum(CraftedPacket.Checksum.PARTIAL));
            node.host().failWrite(Errno.EINVAL);
            send(node, packets);
            node.invokeUntilReceived(PACKETS);
            assertEquals(text(packets), delivered(node, PACKET_FRAMING));
            assertEquals(Map.of(), node.counters().drops());
            node.counters().assertConserved();
        }
    }

    @Test
    void shouldDropThePacketsThatTheHostRefusesToo() throws Exception {
        try (InvokedNode node = node(host(PACKET_FRAMING))) {
            final List<CraftedPacket> packets = packets(CraftedPacket.UDP, false);
            for (final int errno : new int[] {Errno.EINVAL, 0, Errno.EINVAL, Errno.EINTR, 0, Errno.EIO}) {
                node.host().failWrite(errno);
            }
            send(node, packets);
            node.invokeUntilReceived(PACKETS);
            final List<String> sent = text(packets);
            assertEquals(List.of(sent.get(0), sent.get(2), sent.get(4)), delivered(node, PACKET_FRAMING));
            assertEquals(
                    Map.of(DropReason.HOST_REFUSED, 1L, DropReason.HOST_DOWN, 1L),
                    node.counters().drops());
            node.counters().assertConserved();
        }
    }

    @Test
    void shouldDropASuperframeWhenTheHostRefusesItForAnotherReason() throws Exception {
        try (InvokedNode node = node(host(PACKET_FRAMING))) {
            node.host().failWrite(Errno.EIO);
            send(node, packets(CraftedPacket.TCP, false));
            node.invokeUntilReceived(PACKETS);
            assertEquals(
                    Map.of(DropReason.HOST_DOWN, (long) PACKETS),
                    node.counters().drops());
            assertEquals(0, node.counters().of(DataPlaneCounter.INGRESS_SUPERFRAME_REFUSALS));
            node.counters().assertConserved();
        }
    }
}
