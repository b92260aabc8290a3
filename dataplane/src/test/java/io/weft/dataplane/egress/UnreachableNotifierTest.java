/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.pod.PodPort;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.dataplane.testing.PodTun;
import io.weft.dataplane.testing.ScriptedOutput;
import io.weft.dataplane.testing.StaticNode;
import io.weft.encap.IpPacket;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.Map;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A pod learns that its destination has no route, but not too often, and never about what has no one sender. */
class UnreachableNotifierTest {
    private static final int BURST = 50;
    private static final int ICMP_OFFSET = 20;

    private final ScriptedOutput host = new ScriptedOutput();
    private long nowNs;
    private final UnreachableNotifier notifier = new UnreachableNotifier(host, 0x0AF4_0000, null, () -> nowNs);

    @Test
    void shouldQuoteThePacketInAMessageWithRightChecksums() {
        final byte[] packet = udp(InvokedNode.NOWHERE, 100);
        assertTrue(notify(packet));
        final byte[] written = host.sent().get(0);
        final byte[] icmp = CraftedPacket.tail(written, ICMP_OFFSET);
        final byte[] expected = CraftedPacket.raw(PodTun.inet("10.244.0.0"), InvokedNode.POD, CraftedPacket.ICMP, icmp)
                .id(0)
                .bytes();
        assertArrayEquals(expected, written);
        assertEquals(3, icmp[0]);
        assertEquals(0, icmp[1]);
        assertEquals(0, checksum(icmp));
        assertArrayEquals(packet, CraftedPacket.tail(icmp, 8));
    }

    @Test
    void shouldQuoteNoMoreThanFitsInto576Bytes() {
        final byte[] packet = udp(InvokedNode.NOWHERE, 1300);
        assertTrue(notify(packet));
        final byte[] written = host.sent().get(0);
        assertEquals(576, written.length);
        assertArrayEquals(Arrays.copyOf(packet, 576 - 28), CraftedPacket.tail(written, ICMP_OFFSET + 8));
    }

    @Test
    void shouldLimitTheRate() {
        for (int i = 0; i < 2 * BURST; i++) {
            notify(udp(InvokedNode.NOWHERE, 1));
        }
        assertEquals(BURST, host.sent().size());
        nowNs += 30_000_000;
        for (int i = 0; i < BURST; i++) {
            notify(udp(InvokedNode.NOWHERE, 1));
        }
        assertEquals(BURST + 3, host.sent().size());
    }

    @Test
    void shouldStaySilentAboutWhatMustNotBeAnswered() {
        final CraftedPacket laterFragment = CraftedPacket.udp(InvokedNode.POD, InvokedNode.NOWHERE, 1, 2, new byte[8])
                .fragment(100);
        final byte[] error = {11, 0, 0, 0, 0, 0, 0, 0};
        final InetAddress nobody = PodTun.inet("0.0.0.0");
        final InetAddress group = PodTun.inet("224.0.0.1");
        notify(laterFragment.bytes());
        notify(CraftedPacket.raw(InvokedNode.POD, InvokedNode.NOWHERE, CraftedPacket.ICMP, error)
                .bytes());
        notify(CraftedPacket.udp(nobody, InvokedNode.NOWHERE, 1, 2, new byte[8]).bytes());
        notify(CraftedPacket.udp(group, InvokedNode.NOWHERE, 1, 2, new byte[8]).bytes());
        assertEquals(0, host.sent().size());
    }

    @Test
    void shouldStaySilentWhenTheHostHasNoAddress() {
        final UnreachableNotifier silent = new UnreachableNotifier(host, 0, null, () -> nowNs);
        final byte[] packet = udp(InvokedNode.NOWHERE, 1);
        final UnsafeBuffer buffer = buffer(packet);
        final IpPacket parsed = new IpPacket();
        parsed.parse(buffer, 0, packet.length, true);
        silent.notify(buffer, parsed);
        assertEquals(0, host.sent().size());
    }

    @Test
    void shouldDropAndTellOrDropInSilenceByTheDestination() throws Exception {
        try (InvokedNode node = new InvokedNode(1)) {
            node.give(udp(InvokedNode.NOWHERE, 10));
            node.give(udp(PodTun.inet("224.0.0.251"), 10));
            node.give(udp(PodTun.inet("255.255.255.255"), 10));
            node.invoke();
            assertEquals(
                    Map.of(DropReason.IP_OUTNOROUTES, 1L, DropReason.MULTICAST, 2L),
                    node.counters().drops());
            assertEquals(1, node.counters().of(DataPlaneCounter.EGRESS_UNREACHABLES));
            assertEquals(1, node.output().sent().size());
            node.counters().assertConserved();
        }
    }

    @ParameterizedTest
    @EnumSource
    @RequiresRoot
    void shouldReachTheProgramInThePod(final PodPort podPort) throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final Topology topology = resources.add(Topology.twoNodes());
            final StaticNode.Options options = new StaticNode.Options();
            options.podPort = podPort;
            resources.add(StaticNode.start(topology, topology.node(0), options));
            final Command.Result result = topology.node(0).pod().tryExec("ping", "-c", "1", "-W", "60", "10.244.77.1");
            assertTrue(
                    result.output().contains("From 10.244.0.0")
                            && result.output().contains("Net Unreachable"),
                    result::output);
        }
    }

    private boolean notify(final byte[] packet) {
        final UnsafeBuffer buffer = buffer(packet);
        final IpPacket parsed = new IpPacket();
        assertEquals(IpPacket.Fault.NONE, parsed.parse(buffer, 0, packet.length, true));
        return notifier.notify(buffer, parsed);
    }

    private static UnsafeBuffer buffer(final byte[] packet) {
        final UnsafeBuffer buffer = new UnsafeBuffer(BufferUtil.allocateDirectAligned(packet.length, 64));
        buffer.putBytes(0, packet);
        return buffer;
    }

    private static byte[] udp(final InetAddress destination, final int payloadLength) {
        return CraftedPacket.udp(InvokedNode.POD, destination, 1, 2, CraftedPacket.payload(payloadLength, 7))
                .bytes();
    }

    private static int checksum(final byte[] bytes) {
        long sum = 0;
        for (int i = 0; i < bytes.length; i++) {
            sum += (long) (bytes[i] & 0xFF) << (0 == (i & 1) ? 8 : 0);
        }
        return (int) (0xFFFF - sum % 0xFFFF) % 0xFFFF;
    }
}
