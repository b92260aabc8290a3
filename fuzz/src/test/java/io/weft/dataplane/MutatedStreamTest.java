/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static java.lang.System.Logger.Level.INFO;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.dataplane.testing.MutatedPackets;
import io.weft.dataplane.testing.PodTun;
import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.linux.testing.Await;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * A stream of mutated packets through a forwarder, both ways, where guiding by coverage would be too slow for many: each is passed on
 * or counted as dropped, nothing is thrown, and memory stays as it is. {@code -Dweft.test.packets} and {@code -Dweft.test.seed} make
 * another stream of it.
 */
class MutatedStreamTest {
    private static final System.Logger LOG = System.getLogger(MutatedStreamTest.class.getName());
    private static final long PACKETS = Long.getLong("weft.test.packets", 20_000);
    private static final long SEED = Long.getLong("weft.test.seed", 14);

    /** Each way; fewer than a duty cycle reads. */
    private static final int BATCH = 32;

    /** Memory is compared from here on, when all classes are loaded. */
    private static final long WARM_UP = PACKETS / 4;

    /** What a heap may differ by after a collection. */
    private static final long HEAP_TOLERANCE = 4L << 20;

    private static final int[] GSO_TYPES = {
        VirtioNetHeaderFlyweight.GSO_TCPV4,
        VirtioNetHeaderFlyweight.GSO_TCPV6,
        VirtioNetHeaderFlyweight.GSO_UDP_L4,
        VirtioNetHeaderFlyweight.GSO_TCPV4 | VirtioNetHeaderFlyweight.GSO_ECN
    };
    /** Behind an IPv4 header, an IPv6 header, and a VLAN tag that nobody expects. */
    private static final int[] CHECKSUM_STARTS = {20, 40, 24};
    /** Of UDP and TCP. */
    private static final int[] CHECKSUM_OFFSETS = {6, 16};

    /** The stream is for a VTEP that ends in 2; this node's ends in 1, and its peer's in 2. */
    private static final byte MAC_DIFFERENCE = 3;

    private static final int DESTINATION_MAC_END = 13;
    private static final int SOURCE_MAC_END = DESTINATION_MAC_END + 6;

    private final Random random = new Random(SEED);

    @Test
    void shouldPassOnOrCountEachOfAStream() throws IOException {
        final InetAddress[] pods = {InvokedNode.POD, PodTun.inet("fd00:10:244::77")};
        final InetAddress[] peerPods = {InvokedNode.PEER_POD, PodTun.inet("fd00:10:244:1::77")};
        final MutatedPackets fromPods = new MutatedPackets(SEED, pods, peerPods);
        final MutatedPackets fromPeer = new MutatedPackets(SEED + 1, peerPods, pods);
        try (InvokedNode node = new InvokedNode(DataPlaneContext.MAX_SEGMENTS_DEFAULT)) {
            long heapLength = 0;
            long directLength = 0;
            for (long sent = 0; sent < PACKETS; sent += 2 * BATCH) {
                if (sent >= WARM_UP && 0 == heapLength) {
                    heapLength = heapLength();
                    directLength = directLength();
                }
                exchange(node, fromPods, fromPeer);
            }
            final long grown = heapLength() - heapLength;
            LOG.log(INFO, "{0} packets of seed {1}: heap {2} bytes more; {3}", PACKETS, SEED, grown, node.counters());
            assertTrue(grown < HEAP_TOLERANCE, () -> "the heap holds " + grown + " bytes more");
            assertEquals(directLength, directLength(), "bytes outside the heap");
            assertTrue(
                    node.counters().of(DataPlaneCounter.EGRESS_FORWARDED_PACKETS) > PACKETS / 20, "most are dropped");
            assertTrue(
                    node.counters().of(DataPlaneCounter.INGRESS_DELIVERED_PACKETS) > PACKETS / 20, "most are dropped");
        }
    }

    private void exchange(final InvokedNode node, final MutatedPackets fromPods, final MutatedPackets fromPeer)
            throws IOException {
        final long messages = node.counters().of(DataPlaneCounter.INGRESS_MESSAGES) + BATCH;
        for (int i = 0; i < BATCH; i++) {
            node.host().give(frame(fromPods.packet()));
            node.sendDatagramFromPeer(addressed(fromPeer.datagram()));
        }
        Await.until(() -> messages + " messages: " + node.counters(), Await.TIMEOUT_MS, () -> {
            node.invoke();
            return messages == node.counters().of(DataPlaneCounter.INGRESS_MESSAGES);
        });
        node.invoke(); // answers to pods
        node.host().written().clear();
        node.output().sent().clear();
        node.counters().assertConserved();
    }

    private static byte[] addressed(final byte[] datagram) {
        for (int at = DESTINATION_MAC_END; at <= SOURCE_MAC_END && at < datagram.length; at += 6) {
            datagram[at] ^= MAC_DIFFERENCE;
        }
        return datagram;
    }

    /** With a virtio header in front: mostly a right one for a plain packet, else one of a superframe, or of anything. */
    private byte[] frame(final byte[] packet) {
        final byte[] header = new byte[VirtioNetHeaderFlyweight.LENGTH];
        final ByteBuffer fields = ByteBuffer.wrap(header).order(ByteOrder.nativeOrder());
        switch (random.nextInt(4)) {
            case 0 -> random.nextBytes(header);
            case 1 ->
                fields.put(VirtioNetHeaderFlyweight.FLAGS_OFFSET, (byte) VirtioNetHeaderFlyweight.NEEDS_CHECKSUM)
                        .put(VirtioNetHeaderFlyweight.GSO_TYPE_OFFSET, (byte) oneOf(GSO_TYPES))
                        .putShort(VirtioNetHeaderFlyweight.GSO_SIZE_OFFSET, (short) (1 + random.nextInt(400)))
                        .putShort(VirtioNetHeaderFlyweight.CHECKSUM_START_OFFSET, (short) oneOf(CHECKSUM_STARTS))
                        .putShort(VirtioNetHeaderFlyweight.CHECKSUM_OFFSET_OFFSET, (short) oneOf(CHECKSUM_OFFSETS));
            case 2 ->
                fields.put(VirtioNetHeaderFlyweight.FLAGS_OFFSET, (byte) VirtioNetHeaderFlyweight.NEEDS_CHECKSUM)
                        .putShort(VirtioNetHeaderFlyweight.CHECKSUM_START_OFFSET, (short) oneOf(CHECKSUM_STARTS))
                        .putShort(VirtioNetHeaderFlyweight.CHECKSUM_OFFSET_OFFSET, (short) oneOf(CHECKSUM_OFFSETS));
            default -> {
                // zeros: a plain packet
            }
        }
        return ByteBuffer.allocate(header.length + packet.length)
                .put(header)
                .put(packet)
                .array();
    }

    private int oneOf(final int[] values) {
        return values[random.nextInt(values.length)];
    }

    private static long heapLength() {
        System.gc();
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }

    private static long directLength() {
        return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .mapToLong(BufferPoolMXBean::getMemoryUsed)
                .sum();
    }
}
