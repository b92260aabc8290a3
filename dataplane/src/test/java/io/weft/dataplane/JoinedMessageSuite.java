/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.linux.testing.Await;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A message with a segment length is several datagrams, joined by the kernel, or one UDP superframe that came unsegmented. Only
 * what the first datagram says tells them apart, and it may lie.
 */
abstract class JoinedMessageSuite {
    private static final int DATAGRAMS = 5;
    /** Of one message, as every kernel with UDP_SEGMENT makes them: include/linux/udp.h, {@code UDP_MAX_SEGMENTS}. */
    private static final int MANY_DATAGRAMS = 64;

    private static final int LENGTH = 500;
    private static final int VNET_LENGTH = VirtioNetHeaderFlyweight.LENGTH;
    private static final int TUNNEL_LENGTH = 8 + 14;
    private static final int IP_LENGTH = 20;

    /** A node with the underlay port that the subclass is for. */
    abstract InvokedNode open() throws Exception;

    private static byte[] packet(final int protocol, final int seed) {
        final byte[] payload = CraftedPacket.payload(LENGTH, seed);
        // Different ports: what is good is not joined, and can be looked for as it is.
        return CraftedPacket.TCP == protocol
                ? CraftedPacket.tcp(
                                InvokedNode.PEER_POD,
                                InvokedNode.POD,
                                1000 + seed,
                                2000,
                                1,
                                CraftedPacket.ACK,
                                new byte[0],
                                payload)
                        .bytes()
                : CraftedPacket.udp(InvokedNode.PEER_POD, InvokedNode.POD, 1000 + seed, 2000, payload)
                        .bytes();
    }

    /** One message with all datagrams, and how long each is. */
    private static byte[] message(final List<byte[]> packets) {
        final ByteArrayOutputStream message = new ByteArrayOutputStream();
        packets.forEach(packet -> message.writeBytes(InvokedNode.encapsulate(packet)));
        return message.toByteArray();
    }

    private static List<byte[]> packets(final int protocol) {
        return IntStream.range(0, DATAGRAMS)
                .mapToObj(seed -> packet(protocol, seed))
                .toList();
    }

    private static void putLength(final byte[] packet, final int offset, final int length) {
        packet[offset] = (byte) (length >>> 8);
        packet[offset + 1] = (byte) length;
    }

    private static List<String> delivered(final InvokedNode node) {
        return node.host().written().stream()
                .map(frame -> HexFormat.of().formatHex(CraftedPacket.tail(frame, VNET_LENGTH)))
                .toList();
    }

    private static List<String> text(final List<byte[]> packets) {
        return packets.stream().map(HexFormat.of()::formatHex).toList();
    }

    @ParameterizedTest
    @ValueSource(ints = {CraftedPacket.UDP, CraftedPacket.TCP})
    void shouldDeliverEachDatagramOfAMessage(final int protocol) throws Exception {
        try (InvokedNode node = open()) {
            final List<byte[]> packets = packets(protocol);
            node.sendFromPeer(message(packets), TUNNEL_LENGTH + packets.get(0).length);
            node.invokeUntilReceived(DATAGRAMS);
            assertEquals(text(packets), delivered(node));
            node.counters().assertConserved();
        }
    }

    /** Acknowledgements without data cannot be joined, so each needs a frame of its own. */
    @Test
    void shouldDeliverAllOfABatchThatHoldsMorePacketsThanThereAreFrames() throws Exception {
        try (InvokedNode node = open()) {
            final List<byte[]> acknowledgements = sendMoreThanThereAreFrames(node);
            node.invokeUntilReceived(acknowledgements.size());
            Await.until(() -> node.counters().toString(), Await.TIMEOUT_MS, () -> {
                node.invoke();
                return acknowledgements.size() == node.host().written().size();
            });
            assertEquals(text(acknowledgements), delivered(node));
            assertEquals(Map.of(), node.counters().drops());
            node.counters().assertConserved();
        }
    }

    @Test
    void shouldDeliverTheRestOfABatchWhenItStandsStillInTheMiddle() throws Exception {
        try (InvokedNode node = open()) {
            final List<byte[]> acknowledgements = sendMoreThanThereAreFrames(node);
            Await.until(() -> node.counters().toString(), Await.TIMEOUT_MS, () -> {
                node.invoke();
                return !node.host().written().isEmpty();
            });
            assertTrue(node.host().written().size() < acknowledgements.size(), "it is in the middle");
            node.pause();
            assertEquals(text(acknowledgements), delivered(node));
            node.counters().assertConserved();
        }
    }

    /** All lie in the socket when it is read. */
    private List<byte[]> sendMoreThanThereAreFrames(final InvokedNode node) throws IOException {
        final List<byte[]> acknowledgements = IntStream.range(
                        0, DataPlaneContext.INGRESS_FRAMES_DEFAULT + 2 * MANY_DATAGRAMS)
                .mapToObj(JoinedMessageSuite::acknowledgement)
                .toList();
        for (int from = 0; from < acknowledgements.size(); from += MANY_DATAGRAMS) {
            final List<byte[]> packets = acknowledgements.subList(from, from + MANY_DATAGRAMS);
            node.sendFromPeer(message(packets), TUNNEL_LENGTH + packets.get(0).length);
        }
        return acknowledgements;
    }

    private static byte[] acknowledgement(final int sequence) {
        return CraftedPacket.tcp(
                        InvokedNode.PEER_POD,
                        InvokedNode.POD,
                        1000,
                        2000,
                        sequence,
                        CraftedPacket.ACK,
                        new byte[0],
                        new byte[0])
                .bytes();
    }

    /**
     * The first datagram says that it is as long as all of them.
     *
     * @param udpLengthToo whether its UDP header says so as well.
     */
    @ParameterizedTest
    @CsvSource({"17, false", "17, true", "6, false", "1, false", "253, false"})
    void shouldDeliverTheOthersWhenTheFirstSaysItIsAllOfThem(final int protocol, final boolean udpLengthToo)
            throws Exception {
        try (InvokedNode node = open()) {
            final List<byte[]> packets = packets(CraftedPacket.TCP == protocol ? protocol : CraftedPacket.UDP);
            final byte[] liar = packets.get(0);
            final int whole = DATAGRAMS * (TUNNEL_LENGTH + liar.length) - TUNNEL_LENGTH;
            liar[9] = (byte) protocol;
            putLength(liar, 2, whole);
            CraftedPacket.fixIpv4Checksum(liar);
            if (udpLengthToo) {
                putLength(liar, IP_LENGTH + 4, whole - IP_LENGTH);
            }
            node.sendFromPeer(message(packets), TUNNEL_LENGTH + liar.length);
            node.invokeUntilReceived(DATAGRAMS);
            assertEquals(text(packets.subList(1, DATAGRAMS)), delivered(node));
            assertEquals(Map.of(DropReason.INNER_IP_INHDR, 1L), node.counters().drops());
            node.counters().assertConserved();
        }
    }
}
