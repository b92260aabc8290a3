/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.dataplane.testing.PodTun;
import io.weft.dataplane.testing.VxlanDatagram;
import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.routing.Encapsulation;
import java.util.Arrays;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A datagram is an IPv4 packet and nothing else, as in flannel's udp backend: what passes, what changes, what is dropped. */
class BareIpTest {
    private static final int VNET_LENGTH = VirtioNetHeaderFlyweight.LENGTH;

    private static InvokedNode node() throws Exception {
        return new InvokedNode(DataPlaneContext.MAX_SEGMENTS_DEFAULT, Encapsulation.BARE_IP);
    }

    private static CraftedPacket out(final int ttl) {
        return CraftedPacket.udp(InvokedNode.POD, InvokedNode.PEER_POD, 1, 2, CraftedPacket.payload(33, 1))
                .ttl(ttl);
    }

    private static CraftedPacket in(final int ttl) {
        return CraftedPacket.udp(InvokedNode.PEER_POD, InvokedNode.POD, 1, 2, CraftedPacket.payload(33, 2))
                .ttl(ttl);
    }

    private static Map<DropReason, Long> drops(final DropReason reason) {
        return Map.of(reason, 1L);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 64, 65, 255})
    void shouldTakeOneFromTheTimeToLiveAtEitherEnd(final int ttl) throws Exception {
        try (InvokedNode node = node()) {
            node.give(out(ttl).bytes());
            node.invoke();
            assertArrayEquals(out(ttl - 1).bytes(), node.receiveAtPeer());
            node.sendFromPeer(in(ttl).bytes());
            node.invokeUntilReceived(1);
            assertArrayEquals(
                    in(ttl - 1).bytes(),
                    CraftedPacket.tail(node.host().written().get(0), VNET_LENGTH));
            node.counters().assertConserved();
        }
    }

    /** 0xFFFF is where the two forms of zero meet (RFC 1624, section 3). */
    @Test
    void shouldKeepTheHeaderChecksumRightWhateverItWas() throws Exception {
        try (InvokedNode node = node()) {
            for (int id = 0; id <= 0xFFFF; id += 0x11) {
                node.give(out(64).id(id).bytes());
                node.invoke();
                assertArrayEquals(out(63).id(id).bytes(), node.receiveAtPeer());
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void shouldDropWhatDiesOnTheWay(final int ttl) throws Exception {
        try (InvokedNode node = node()) {
            node.give(out(ttl).bytes());
            node.invoke();
            assertEquals(drops(DropReason.TTL_EXPIRED), node.counters().drops());
            node.sendFromPeer(in(ttl).bytes());
            node.invokeUntilReceived(1);
            assertEquals(
                    Map.of(DropReason.TTL_EXPIRED, 1L, DropReason.INNER_TTL_EXPIRED, 1L),
                    node.counters().drops());
            assertEquals(0, node.host().written().size());
            node.counters().assertConserved();
        }
    }

    @Test
    void shouldCutASuperframeWithTheSmallerTimeToLiveInEachSegment() throws Exception {
        final byte[] payload = CraftedPacket.payload(2_500, 3);
        try (InvokedNode node = node()) {
            node.give(
                    VirtioNetHeaderFlyweight.GSO_UDP_L4,
                    1_000,
                    CraftedPacket.udp(InvokedNode.POD, InvokedNode.PEER_POD, 1, 2, payload)
                            .bytes());
            node.invoke();
            for (int i = 0; i < 3; i++) {
                final byte[] piece = Arrays.copyOfRange(payload, i * 1_000, Math.min(2_500, (i + 1) * 1_000));
                assertArrayEquals(
                        CraftedPacket.udp(InvokedNode.POD, InvokedNode.PEER_POD, 1, 2, piece)
                                .id(0x1234 + i)
                                .ttl(63)
                                .bytes(),
                        node.receiveAtPeer());
            }
            node.counters().assertConserved();
        }
    }

    @Test
    void shouldDropIpv6FromTheHostForLackOfARoute() throws Exception {
        try (InvokedNode node = node()) {
            node.give(CraftedPacket.udp(
                            PodTun.inet("fd00:10:244::77"), PodTun.inet("fd00:10:244:1::77"), 1, 2, new byte[9])
                    .bytes());
            node.invoke();
            assertEquals(drops(DropReason.IP_OUTNOROUTES), node.counters().drops());
        }
    }

    private static Arguments bad(final String what, final DropReason reason, final UnaryOperator<byte[]> change) {
        return Arguments.of(what, reason, change);
    }

    private static UnaryOperator<byte[]> with(final int offset, final int... values) {
        return packet -> {
            for (int i = 0; i < values.length; i++) {
                packet[offset + i] = (byte) values[i];
            }
            CraftedPacket.fixIpv4Checksum(packet);
            return packet;
        };
    }

    private static Stream<Arguments> badDatagrams() {
        final byte[] ipv6 = CraftedPacket.udp(
                        PodTun.inet("fd00:10:244:1::77"), PodTun.inet("fd00:10:244::77"), 1, 2, new byte[9])
                .bytes();
        return Stream.of(
                bad("empty", DropReason.PKT_TOO_SMALL, packet -> new byte[0]),
                bad("one byte", DropReason.PKT_TOO_SMALL, packet -> Arrays.copyOf(packet, 1)),
                bad("half a header", DropReason.PKT_TOO_SMALL, packet -> Arrays.copyOf(packet, 19)),
                bad("IPv6", DropReason.UNHANDLED_PROTO, packet -> ipv6),
                bad("version 5", DropReason.UNHANDLED_PROTO, with(0, 0x55)),
                bad("zeros", DropReason.UNHANDLED_PROTO, packet -> new byte[100]),
                bad("VXLAN", DropReason.UNHANDLED_PROTO, packet -> new VxlanDatagram(packet).bytes()),
                bad("IHL 4", DropReason.INNER_IP_INHDR, with(0, 0x44)),
                bad("IHL beyond the end", DropReason.INNER_IP_INHDR, packet -> {
                    packet[0] = 0x4F;
                    return Arrays.copyOf(packet, 59);
                }),
                bad("total length 19", DropReason.INNER_IP_INHDR, with(2, 0, 19)),
                bad("total length too long", DropReason.INNER_IP_INHDR, with(2, 0, 62)),
                bad("payload cut off", DropReason.INNER_IP_INHDR, packet -> Arrays.copyOf(packet, 60)),
                bad("header checksum", DropReason.IP_CSUM, packet -> {
                    packet[10] ^= 1;
                    return packet;
                }));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("badDatagrams")
    void shouldCountADatagramThatIsNone(final String what, final DropReason reason, final UnaryOperator<byte[]> change)
            throws Exception {
        try (InvokedNode node = node()) {
            node.sendFromPeer(change.apply(in(64).bytes()));
            node.invokeUntilReceived(1);
            assertEquals(drops(reason), node.counters().drops(), what);
            node.sendFromPeer(in(64).bytes());
            node.invokeUntilReceived(2);
            assertArrayEquals(
                    in(63).bytes(), CraftedPacket.tail(node.host().written().get(0), VNET_LENGTH));
            node.counters().assertConserved();
        }
    }

    @Test
    void shouldCutPaddingOff() throws Exception {
        try (InvokedNode node = node()) {
            final byte[] packet = in(64).bytes();
            node.sendFromPeer(Arrays.copyOf(packet, packet.length + 18));
            node.invokeUntilReceived(1);
            assertArrayEquals(
                    in(63).bytes(), CraftedPacket.tail(node.host().written().get(0), VNET_LENGTH));
        }
    }
}
