/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.ingress.IngressPolicy;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.DualStack;
import io.weft.dataplane.testing.MutatedPackets;
import io.weft.dataplane.testing.PodTun;
import io.weft.dataplane.testing.Ports;
import io.weft.dataplane.testing.StaticNode;
import io.weft.dataplane.testing.UnderlayCapture;
import io.weft.dataplane.testing.VxlanDatagram;
import io.weft.encap.IpPacket;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.DatagramChannel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/**
 * A stream of mutated packets through weft and through the kernel's VXLAN, both ways: what arrives has to be the same, byte by
 * byte, but for what decision 0020 names. {@code -Dweft.test.packets} and {@code -Dweft.test.seed} make another stream of it.
 */
@RequiresRoot
abstract class KernelDifferenceSuite {
    private static final int PACKETS = Integer.getInteger("weft.test.packets", 1_000);
    private static final long SEED = Long.getLong("weft.test.seed", 20);
    private static final int MARKER_PORT = 60_000;
    /** In the outer type of service: of CE and of ECT(1), which change the inner one (RFC 6040, section 4.2). */
    private static final int MARK = 1;

    private static final int SIDES = 2;

    private final Ports ports;

    /** @param ports of weft's nodes. */
    KernelDifferenceSuite(final Ports ports) {
        this.ports = ports;
    }

    /** A node that receives, and its peer that sends: the same addresses on both sides. */
    private static final class Side {
        private final PodTun pod;
        private final DatagramChannel peer;
        private final InetSocketAddress vtep;

        Side(final CloseAll resources, final Topology topology) throws Exception {
            final Topology.Node from = topology.node(0);
            final Topology.Node to = topology.node(1);
            to.namespace().sysctl("net/ipv4/conf/all/route_localnet", 1); // as kube-proxy does
            pod = resources.add(new PodTun(to));
            peer = resources.add(from.namespace()
                    .call(() -> DatagramChannel.open(StandardProtocolFamily.INET)
                            .bind(new InetSocketAddress(from.underlayAddress(), 0))));
            vtep = new InetSocketAddress(to.underlayAddress(), KernelVxlan.PORT);
        }

        void send(final byte[] datagram, final int typeOfService, final byte[] marker) throws Exception {
            peer.setOption(StandardSocketOptions.IP_TOS, typeOfService);
            peer.send(ByteBuffer.wrap(datagram), vtep);
            peer.setOption(StandardSocketOptions.IP_TOS, 0);
            peer.send(ByteBuffer.wrap(new VxlanDatagram(marker).bytes()), vtep);
        }

        List<String> receive(final byte[] marker) {
            return pod.receiveUntil(packet -> isMarker(packet, marker), Await.TIMEOUT_MS).stream()
                    .filter(packet -> packet.length > 0 && !isOfTheLink(packet))
                    .map(HexFormat.of()::formatHex)
                    .toList();
        }
    }

    @Test
    void shouldDeliverWhatTheKernelDelivers() throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final Topology kernels =
                    resources.add(Topology.builder().dualStack().build());
            kernels.kernelVxlan(kernels.node(1));
            final Topology wefts = resources.add(Topology.builder().dualStack().build());
            final StaticNode.Options options = ports.options();
            options.ingressSources = IngressPolicy.Sources.ANY; // as the kernel has it
            final StaticNode node = resources.add(StaticNode.start(wefts, wefts.node(1), options));
            final Side kernel = new Side(resources, kernels);
            final Side weft = new Side(resources, wefts);
            final MutatedPackets stream = new MutatedPackets(
                    SEED, addresses("10.244.0.77", "fd00:10:244::77"), addresses("10.244.1.77", "fd00:10:244:1::77"));
            int delivered = 0;
            for (int i = 0; i < PACKETS; i++) {
                final byte[] datagram = stream.datagram();
                final int typeOfService = stream.typeOfService();
                final byte[] marker = marker(i);
                kernel.send(datagram, typeOfService, marker);
                weft.send(datagram, typeOfService, marker);
                final List<String> byKernel = kernel.receive(marker);
                final List<String> byWeft = weft.receive(marker);
                delivered += byKernel.size();
                final int number = i;
                if (!isDecided(datagram, typeOfService) && !isCompletion(byKernel, byWeft)) {
                    assertEquals(
                            byKernel,
                            byWeft,
                            () -> "datagram " + number + " of seed " + SEED + ", type of service " + typeOfService
                                    + ": " + HexFormat.of().formatHex(datagram));
                }
            }
            assertTrue(node.errors().isEmpty(), () -> node.errors().toString());
            node.counters().awaitConserved();
            final int arrived = delivered;
            assertTrue(arrived > PACKETS / 10 && arrived < PACKETS, () -> arrived + " of " + PACKETS + " delivered");
        }
    }

    /** What weft drops on purpose, or gives a mark: decision 0020. */
    private static boolean isDecided(final byte[] datagram, final int typeOfService) {
        if (datagram.length < VxlanDatagram.IP_OFFSET) {
            return false;
        }
        final byte[] source = Arrays.copyOfRange(datagram, VxlanDatagram.SOURCE_OFFSET, VxlanDatagram.TYPE_OFFSET);
        final boolean isNobody = 0 != (source[0] & 1) || Arrays.equals(source, new byte[source.length]);
        final int type =
                ((datagram[VxlanDatagram.TYPE_OFFSET] & 0xFF) << 8) | (datagram[VxlanDatagram.TYPE_OFFSET + 1] & 0xFF);
        final boolean isTagged = 0x8100 == type || 0x88A8 == type;
        return isNobody || (isTagged && 0 != (typeOfService & MARK));
    }

    /** A checksum that holds no more than the sum of the pseudo header is believed to be left to a device: decision 0004. */
    private static boolean isCompletion(final List<String> byKernel, final List<String> byWeft) {
        if (1 != byKernel.size() || 1 != byWeft.size()) {
            return false;
        }
        final byte[] before = HexFormat.of().parseHex(byKernel.get(0));
        final byte[] after = HexFormat.of().parseHex(byWeft.get(0));
        final UnsafeBuffer buffer = new UnsafeBuffer(before);
        final IpPacket packet = new IpPacket();
        if (before.length != after.length
                || IpPacket.Fault.NONE != packet.parse(buffer, 0, before.length, false)
                || !packet.hasTransport()) {
            return false;
        }
        final int field = packet.transportOffset() + packet.transportChecksumOffset();
        final int addresses = 4 == packet.version() ? 12 : 8;
        int sum = packet.protocol() + packet.totalLength() - packet.headerLength();
        for (int at = addresses; at < addresses + (4 == packet.version() ? 8 : 32); at += Short.BYTES) {
            sum += buffer.getShort(at, ByteOrder.BIG_ENDIAN) & 0xFFFF;
        }
        while (sum > 0xFFFF) {
            sum = (sum & 0xFFFF) + (sum >>> 16);
        }
        after[field] = before[field];
        after[field + 1] = before[field + 1];
        return sum == (buffer.getShort(field, ByteOrder.BIG_ENDIAN) & 0xFFFF) && Arrays.equals(before, after);
    }

    @Test
    void shouldSendWhatTheKernelSends() throws Exception {
        final List<List<String>> sent = new ArrayList<>();
        for (int side = 0; side < SIDES; side++) {
            sent.add(sent(1 == side));
        }
        assertEquals(String.join("\n", sent.get(0)), String.join("\n", sent.get(1)), () -> "of seed " + SEED);
        assertTrue(sent.get(0).size() > PACKETS / 10, () -> sent.get(0).size() + " of " + PACKETS + " sent");
    }

    private List<String> sent(final boolean isWeft) throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final Topology topology =
                    resources.add(Topology.builder().dualStack().build());
            final Topology.Node from = topology.node(0);
            final Topology.Node to = topology.node(1);
            FrameEqualitySuite.fixUnderlay(from, to);
            from.namespace().exec("ethtool", "-K", from.underlayDevice(), "tx", "off");
            if (isWeft) {
                DualStack.addPeer(from, resources.add(StaticNode.start(topology, from, ports.options())), to);
            } else {
                topology.kernelVxlan(from);
                DualStack.addPeer(from.namespace(), to);
            }
            final PodTun pod = resources.add(new PodTun(from));
            final UnderlayCapture capture = resources.add(new UnderlayCapture(to));
            final MutatedPackets stream = new MutatedPackets(
                    SEED, addresses("10.244.0.77", "fd00:10:244::77"), addresses("10.244.1.77", "fd00:10:244:1::77"));
            for (int i = 0; i < PACKETS; i++) {
                pod.trySend(stream.packet());
            }
            pod.send(CraftedPacket.udp(
                            pod.address(), PodTun.inet("10.244.1.77"), 1, FrameEqualitySuite.LAST_PORT, new byte[0])
                    .bytes());
            return capture.framesUntil(frame -> FrameEqualitySuite.LAST_PORT == FrameEqualitySuite.port(frame)).stream()
                    .map(FrameEqualitySuite::normalise)
                    .sorted()
                    .toList();
        }
    }

    private static InetAddress[] addresses(final String ipv4, final String ipv6) {
        return new InetAddress[] {PodTun.inet(ipv4), PodTun.inet(ipv6)};
    }

    private static byte[] marker(final int number) {
        return CraftedPacket.udp(
                        PodTun.inet("10.244.0.78"),
                        PodTun.inet("10.244.1.77"),
                        MARKER_PORT,
                        number & 0xFFFF,
                        ByteBuffer.allocate(Long.BYTES).putLong(number).array())
                .bytes();
    }

    /** The marker's UDP header and number; the TTL has changed on the way. */
    private static boolean isMarker(final byte[] packet, final byte[] marker) {
        return packet.length == marker.length && Arrays.equals(packet, 20, packet.length, marker, 20, packet.length);
    }

    /** The kernel at either end discovers its neighbours and tells which groups it is in. */
    private static boolean isOfTheLink(final byte[] packet) {
        return packet.length >= 40
                && 6 == (packet[0] & 0xFF) >>> 4
                && ((packet[8] & 0xFF) >= 0xFE || 0xFF == (packet[24] & 0xFF));
    }
}
