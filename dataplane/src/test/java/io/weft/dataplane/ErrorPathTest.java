/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.linux.Errno;
import io.weft.linux.testing.Await;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What becomes of packets when a system call fails: each one is sent, delivered, or counted under its reason. */
class ErrorPathTest {
    private static final int LENGTH = 200;
    private static final int BATCH = 5;

    /** As the last one of a message may be. */
    private static final int SHORTER = LENGTH / 2;

    @ParameterizedTest
    @CsvSource({
        Errno.ENOBUFS + ", UNDERLAY_BUSY",
        Errno.EPERM + ", UNDERLAY_REFUSED",
        Errno.ENETUNREACH + ", UNDERLAY_UNREACHABLE",
        Errno.EIO + ", UNDERLAY_ERROR",
        Errno.EINVAL + ", UNDERLAY_UNREACHABLE"
    })
    void shouldDropOneDatagramAndSendTheNextWhenSendFails(final int errno, final DropReason reason) throws Exception {
        try (InvokedNode node = new InvokedNode(1)) {
            node.sendPort().failSend(errno);
            for (int i = 0; i < BATCH; i++) {
                node.give(packet(i));
            }
            node.invoke();
            assertEquals(Map.of(reason, 1L), node.counters().drops());
            for (int i = 1; i < BATCH; i++) {
                assertArrayEquals(packet(i), node.receiveAtPeer());
            }
            assertEquals(0, node.counters().of(DataPlaneCounter.EGRESS_SEGMENTATION_FALLBACKS));
            node.counters().assertConserved();
        }
    }

    @ParameterizedTest
    @CsvSource({Errno.ENOBUFS + ", UNDERLAY_BUSY", Errno.EPERM + ", UNDERLAY_REFUSED"})
    void shouldCountEachDatagramOfTheMessageWhenItsSendFails(final int errno, final DropReason reason)
            throws Exception {
        try (InvokedNode node = new InvokedNode(64)) {
            node.sendPort().failSend(errno);
            for (int i = 0; i < BATCH; i++) {
                node.give(packet(i));
            }
            node.invoke();
            assertEquals(Map.of(reason, (long) BATCH), node.counters().drops());
            node.give(packet(BATCH));
            node.invoke();
            assertArrayEquals(packet(BATCH), node.receiveAtPeer());
            node.counters().assertConserved();
        }
    }

    @Test
    void shouldTryAgainWhenASignalInterruptedTheSend() throws Exception {
        try (InvokedNode node = new InvokedNode(64)) {
            node.sendPort().failSend(Errno.EINTR);
            node.give(packet(1));
            node.invoke();
            assertArrayEquals(packet(1), node.receiveAtPeer());
            assertEquals(Map.of(), node.counters().drops());
        }
    }

    @Test
    void shouldSendInOrderWhatTheSocketHadNoRoomFor() throws Exception {
        try (InvokedNode node = new InvokedNode(64)) {
            node.sendPort().room(0);
            for (int i = 0; i < 3 * BATCH; i++) {
                node.give(packet(i));
                if (i % BATCH == 0) {
                    node.invoke();
                }
            }
            node.invoke();
            assertEquals(0, node.counters().of(DataPlaneCounter.EGRESS_FORWARDED_PACKETS));
            node.sendPort().room(Integer.MAX_VALUE);
            node.invoke();
            for (int i = 0; i < 3 * BATCH; i++) {
                assertArrayEquals(packet(i), node.receiveAtPeer());
            }
            assertEquals(Map.of(), node.counters().drops());
            node.counters().assertConserved();
        }
    }

    /** The flood waits; the other flow does not wait for it, and none loses anything. */
    @Test
    void shouldLetAnotherFlowPassAFloodWhenTheSocketHasNoRoom() throws Exception {
        final byte[] other = CraftedPacket.udp(
                        InvokedNode.POD, InvokedNode.PEER_POD, 3000, 4000, CraftedPacket.payload(LENGTH, 9))
                .bytes();
        final int flood = 2000;
        try (InvokedNode node = new InvokedNode(64)) {
            node.sendPort().room(0);
            for (int i = 0; i < flood; i++) {
                node.give(packet(i));
                if (i % 50 == 49) {
                    node.invoke();
                }
            }
            node.give(other);
            node.invoke();
            node.sendPort().room(Integer.MAX_VALUE);
            Await.until(node.counters()::toString, Await.TIMEOUT_MS, () -> {
                node.invoke();
                return 0 == node.counters().egressImbalance();
            });
            assertEquals(0, node.counters().drops(DropReason.FQ_FLOW_LIMIT));
            int before = 0;
            byte[] received = node.receiveAtPeer();
            while (!Arrays.equals(other, received)) {
                assertArrayEquals(packet(before), received);
                before++;
                received = node.receiveAtPeer();
            }
            assertTrue(before < flood / 4, "the other flow came after " + before + " of " + flood);
        }
    }

    /** As by IPsec to that peer, or for want of checksum offload, which may come and go. */
    @Test
    void shouldSendOneByOneForAWhileWhenSegmentationIsRefused() throws Exception {
        try (InvokedNode node = new InvokedNode(64)) {
            node.sendPort().failSend(Errno.EIO);
            for (int i = 0; i < BATCH; i++) {
                node.give(packet(i));
            }
            node.invoke();
            for (int i = 0; i < BATCH; i++) {
                assertArrayEquals(packet(i), node.receiveAtPeer());
            }
            assertEquals(1, node.counters().of(DataPlaneCounter.EGRESS_SEGMENTATION_FALLBACKS));
            assertEquals(BATCH, node.counters().of(DataPlaneCounter.EGRESS_MESSAGES));
            assertEquals((long) BATCH * packet(0).length, node.counters().of(DataPlaneCounter.EGRESS_FORWARDED_BYTES));
            Await.until(() -> "joined again", Await.TIMEOUT_MS, () -> 1 == messagesOfBatch(node));
            // It is remembered for so short a time that a slow machine may miss it, but not each time.
            Await.until(() -> "one by one without a refusal", Await.TIMEOUT_MS, () -> {
                node.sendPort().failSend(Errno.EIO);
                assertEquals(BATCH, messagesOfBatch(node));
                return BATCH == messagesOfBatch(node);
            });
            assertEquals(Map.of(), node.counters().drops());
            node.counters().assertConserved();
        }
    }

    /** EINVAL is how kernels before 6.14 say it. */
    @ParameterizedTest
    @CsvSource({"" + Errno.EMSGSIZE, "" + Errno.EINVAL})
    void shouldRememberThatAPathIsTooNarrowForAMessage(final int errno) throws Exception {
        try (InvokedNode node = new InvokedNode(64)) {
            node.sendPort().failSend(errno);
            giveAndInvoke(node, LENGTH);
            assertEquals(BATCH, node.counters().of(DataPlaneCounter.EGRESS_MESSAGES));
            assertEquals(1 + BATCH, node.sendPort().sendCalls(), "the message, and each of its datagrams");
            giveAndInvoke(node, LENGTH);
            assertEquals(2 * BATCH, node.counters().of(DataPlaneCounter.EGRESS_MESSAGES));
            assertEquals(2 + BATCH, node.sendPort().sendCalls(), "no refusal, and all in one call");
            giveAndInvoke(node, LENGTH - 1);
            assertEquals(
                    2 * BATCH + 1, node.counters().of(DataPlaneCounter.EGRESS_MESSAGES), "shorter ones are joined");
            assertEquals(0, node.counters().of(DataPlaneCounter.EGRESS_SEGMENTATION_FALLBACKS));
            assertEquals(Map.of(), node.counters().drops());
            node.counters().assertConserved();
        }
    }

    /** A message that the kernel does not cut is no reason to lose what the socket has no room for at once. */
    @ParameterizedTest
    @CsvSource({"" + Errno.EIO, "" + Errno.EMSGSIZE, "" + Errno.EINVAL})
    void shouldKeepTheRestOfAMessageSentOneByOneWhenTheSocketHasNoRoom(final int errno) throws Exception {
        for (int room = 0; room <= BATCH; room++) {
            try (InvokedNode node = new InvokedNode(64)) {
                node.sendPort().failSend(errno);
                node.sendPort().room(room);
                for (int i = 0; i < BATCH; i++) {
                    node.give(packet(i));
                }
                node.give(packet(BATCH, SHORTER));
                node.invoke();
                assertEquals(room, node.counters().of(DataPlaneCounter.EGRESS_FORWARDED_PACKETS));
                node.sendPort().room(Integer.MAX_VALUE);
                node.invoke();
                for (int i = 0; i < BATCH; i++) {
                    assertArrayEquals(packet(i), node.receiveAtPeer());
                }
                assertArrayEquals(packet(BATCH, SHORTER), node.receiveAtPeer());
                assertEquals(
                        BATCH + 1,
                        node.counters().of(DataPlaneCounter.EGRESS_MESSAGES),
                        "what the kernel has refused to cut is not given to it whole again");
                assertEquals(Map.of(), node.counters().drops());
                node.counters().assertConserved();
            }
        }
    }

    private static long messagesOfBatch(final InvokedNode node) {
        final long before = node.counters().of(DataPlaneCounter.EGRESS_MESSAGES);
        giveAndInvoke(node, 1);
        return node.counters().of(DataPlaneCounter.EGRESS_MESSAGES) - before;
    }

    private static void giveAndInvoke(final InvokedNode node, final int payloadLength) {
        for (int i = 0; i < BATCH; i++) {
            node.give(CraftedPacket.udp(
                            InvokedNode.POD, InvokedNode.PEER_POD, 1000, 2000, CraftedPacket.payload(payloadLength, i))
                    .bytes());
        }
        node.invoke();
    }

    @ParameterizedTest
    @CsvSource({
        Errno.EIO + ", HOST_DOWN",
        Errno.EINVAL + ", HOST_REFUSED",
        Errno.ENOBUFS + ", HOST_ERROR",
    })
    void shouldDropOnePacketAndDeliverTheNextWhenTheHostRefusesIt(final int errno, final DropReason reason)
            throws Exception {
        try (InvokedNode node = new InvokedNode(64)) {
            node.host().failWrite(errno);
            node.sendFromPeer(reversed(1));
            node.invokeUntilReceived(1);
            assertEquals(Map.of(reason, 1L), node.counters().drops());
            node.sendFromPeer(reversed(2));
            node.invokeUntilReceived(2);
            assertEquals(1, node.host().written().size());
            assertArrayEquals(
                    reversed(2), CraftedPacket.tail(node.host().written().get(0), 10));
            node.counters().assertConserved();
        }
    }

    @Test
    void shouldWriteAgainWhenASignalInterruptedTheWrite() throws Exception {
        try (InvokedNode node = new InvokedNode(64)) {
            node.host().failWrite(Errno.EINTR);
            node.sendFromPeer(reversed(1));
            node.invokeUntilReceived(1);
            assertEquals(1, node.host().written().size());
            assertEquals(Map.of(), node.counters().drops());
        }
    }

    @Test
    void shouldCountReadErrorsAndGoOn() throws Exception {
        try (InvokedNode node = new InvokedNode(64)) {
            node.host().failRead(Errno.EIO);
            node.receivePort().failReceive(Errno.ENOMEM);
            node.give(packet(1));
            node.sendFromPeer(reversed(1));
            node.invoke();
            assertEquals(1, node.counters().of(DataPlaneCounter.HOST_READ_ERRORS));
            assertEquals(1, node.counters().of(DataPlaneCounter.UNDERLAY_READ_ERRORS));
            node.invokeUntilReceived(1);
            assertArrayEquals(packet(1), node.receiveAtPeer());
            assertEquals(1, node.host().written().size());
            assertEquals(1, node.counters().of(DataPlaneCounter.HOST_READ_ERRORS));
            assertEquals(1, node.counters().of(DataPlaneCounter.UNDERLAY_READ_ERRORS));
        }
    }

    @Test
    void shouldReadAllThatWaitsInFewCallsWhenPacketsAreSmall() throws Exception {
        try (InvokedNode node = new InvokedNode(64)) {
            for (int round = 1; round <= 3; round++) {
                for (int i = 0; i < 40; i++) {
                    node.give(packet(i));
                }
                node.invoke();
                assertEquals(40L * round, node.counters().of(DataPlaneCounter.EGRESS_FORWARDED_PACKETS));
                assertEquals(round, node.sendPort().sendCalls());
            }
            assertTrue(node.counters().drops().isEmpty());
        }
    }

    @Test
    void shouldDropASuperframeWhenItsNoteIsWrong() throws Exception {
        try (InvokedNode node = new InvokedNode(64)) {
            node.give(5, 0, packet(1));
            node.give(
                    1,
                    100,
                    CraftedPacket.raw(InvokedNode.POD, InvokedNode.PEER_POD, CraftedPacket.ICMP, new byte[300])
                            .bytes());
            node.invoke();
            assertEquals(Map.of(DropReason.GSO_INVALID, 2L), node.counters().drops());
            node.counters().assertConserved();
        }
    }

    @Test
    void shouldDropAllSegmentsOfASuperframeWhenItsHeadersAreTooLong() throws Exception {
        try (InvokedNode node = new InvokedNode(64)) {
            node.give(5, 100, CraftedPacket.withLongHeaders().bytes());
            node.invoke();
            assertEquals(
                    Map.of(DropReason.GSO_HEADERS_TOO_LONG, 5L), node.counters().drops());
            node.counters().assertConserved();
        }
    }

    private static byte[] packet(final int seed) {
        return packet(seed, LENGTH);
    }

    private static byte[] packet(final int seed, final int payloadLength) {
        return CraftedPacket.udp(
                        InvokedNode.POD, InvokedNode.PEER_POD, 1000, 2000, CraftedPacket.payload(payloadLength, seed))
                .bytes();
    }

    private static byte[] reversed(final int seed) {
        return CraftedPacket.udp(InvokedNode.PEER_POD, InvokedNode.POD, 1000, 2000, CraftedPacket.payload(LENGTH, seed))
                .bytes();
    }

    @Test
    void shouldSendTheSegmentsOfASuperframeOneByOneWhenSegmentationIsRefused() throws Exception {
        final int segmentLength = 100;
        final byte[] payload = CraftedPacket.payload(10 * segmentLength - 1, 7);
        try (InvokedNode node = new InvokedNode(DataPlaneContext.MAX_SEGMENTS_DEFAULT)) {
            node.sendPort().failSend(Errno.EIO);
            node.give(
                    VirtioNetHeaderFlyweight.GSO_UDP_L4,
                    segmentLength,
                    CraftedPacket.udp(InvokedNode.POD, InvokedNode.PEER_POD, 1000, 2000, payload)
                            .bytes());
            node.invoke();
            for (int sent = 0; sent < payload.length; sent += segmentLength) {
                final byte[] packet = node.receiveAtPeer();
                final int length = Math.min(segmentLength, payload.length - sent);
                assertArrayEquals(
                        Arrays.copyOfRange(payload, sent, sent + length),
                        Arrays.copyOfRange(packet, packet.length - length, packet.length));
                assertEquals(length + 8 + 20, packet.length);
            }
            assertEquals(10, node.counters().of(DataPlaneCounter.EGRESS_FORWARDED_PACKETS));
            assertEquals(1, node.counters().of(DataPlaneCounter.EGRESS_SEGMENTATION_FALLBACKS));
        }
    }
}
