/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.dataplane.testing.PodTun;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Packets of one flow are delivered in the order in which they came, also when one among good ones is broken. */
abstract class FlowOrderSuite {
    private static final int LENGTH = 100;
    private static final int VNET_LENGTH = 10;
    private static final int IPV4_TRANSPORT = 20;
    private static final int IPV6_TRANSPORT = 40;
    private static final int UDP_LENGTH_OFFSET = 4;
    private static final int TCP_DATA_OFFSET = 12;

    /** A node with the underlay port that the subclass is for. */
    abstract InvokedNode open() throws Exception;

    /** Two good packets that may be joined, and a third of the same flow, to come between them. */
    private static Stream<Arguments> flows() {
        final Map<String, byte[][]> flows = new TreeMap<>();
        for (final boolean ipv6 : new boolean[] {false, true}) {
            final String version = ipv6 ? "IPv6" : "IPv4";
            final int transport = ipv6 ? IPV6_TRANSPORT : IPV4_TRANSPORT;
            for (final int length : new int[] {0, 7, 8, LENGTH + 7, LENGTH + 9, 0xFFFF}) {
                final byte[] broken = udp(ipv6, 2);
                broken[transport + UDP_LENGTH_OFFSET] = (byte) (length >>> 8);
                broken[transport + UDP_LENGTH_OFFSET + 1] = (byte) length;
                flows.put(version + ", UDP length " + length, new byte[][] {udp(ipv6, 1), broken, udp(ipv6, 3)});
            }
            for (final int words : new int[] {0, 4, 15}) {
                final byte[] broken = tcp(ipv6, 2);
                broken[transport + TCP_DATA_OFFSET] = (byte) (words << 4);
                flows.put(version + ", TCP offset " + words, tcpWith(ipv6, words < 15 ? broken : cut(broken, 40)));
            }
            for (final int left : new int[] {19, 4, 3, 0}) {
                final byte[] broken = cut(tcp(ipv6, 2), left);
                flows.put(version + ", TCP of " + left + " bytes", tcpWith(ipv6, broken));
            }
            for (final int left : new int[] {7, 4, 3, 0}) {
                final byte[] broken = cut(udp(ipv6, 2), left);
                flows.put(version + ", UDP of " + left + " bytes", new byte[][] {udp(ipv6, 1), broken, udp(ipv6, 3)});
            }
        }
        final byte[] extension = CraftedPacket.udp(source(true), destination(true), 1000, 2000, payload(2))
                .extension(CraftedPacket.DESTINATION_OPTIONS, new byte[] {0, 99, 1, 4, 0, 0, 0, 0})
                .bytes();
        flows.put("IPv6 extension too long", new byte[][] {udp(true, 1), extension, udp(true, 3)});
        return flows.entrySet().stream().map(flow -> Arguments.of(flow.getKey(), List.of(flow.getValue())));
    }

    private static byte[][] tcpWith(final boolean ipv6, final byte[] broken) {
        return new byte[][] {tcp(ipv6, 1), broken, tcp(ipv6, 2)};
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("flows")
    void shouldDeliverInOrderWhenAPacketBetweenIsBroken(final String what, final List<byte[]> packets)
            throws Exception {
        try (InvokedNode node = open()) {
            for (final byte[] packet : packets) {
                node.sendFromPeer(packet);
            }
            node.invokeUntilReceived(packets.size());
            assertEquals(
                    packets.stream().map(HexFormat.of()::formatHex).toList(),
                    node.host().written().stream()
                            .map(frame -> HexFormat.of().formatHex(CraftedPacket.tail(frame, VNET_LENGTH)))
                            .toList());
            node.counters().assertConserved();
        }
    }

    private static InetAddress source(final boolean ipv6) {
        return ipv6 ? PodTun.inet("fd00:10:244:1::77") : InvokedNode.PEER_POD;
    }

    private static InetAddress destination(final boolean ipv6) {
        return ipv6 ? PodTun.inet("fd00:10:244::77") : InvokedNode.POD;
    }

    private static byte[] payload(final int seed) {
        return CraftedPacket.payload(LENGTH, seed);
    }

    private static byte[] udp(final boolean ipv6, final int seed) {
        return CraftedPacket.udp(source(ipv6), destination(ipv6), 1000, 2000, payload(seed))
                .fragment(ipv6 ? 0 : CraftedPacket.DO_NOT_FRAGMENT)
                .bytes();
    }

    private static byte[] tcp(final boolean ipv6, final int seed) {
        return CraftedPacket.tcp(
                        source(ipv6),
                        destination(ipv6),
                        1000,
                        2000,
                        seed * LENGTH,
                        CraftedPacket.ACK,
                        new byte[0],
                        payload(seed))
                .fragment(ipv6 ? 0 : CraftedPacket.DO_NOT_FRAGMENT)
                .bytes();
    }

    /** What is left when the packet has so many bytes of transport; its IP header says so. */
    private static byte[] cut(final byte[] packet, final int transportLength) {
        final boolean ipv6 = 6 == (packet[0] & 0xFF) >>> 4;
        final byte[] cut = Arrays.copyOf(packet, (ipv6 ? IPV6_TRANSPORT : IPV4_TRANSPORT) + transportLength);
        final int length = ipv6 ? transportLength : cut.length;
        final int at = ipv6 ? 4 : 2;
        cut[at] = (byte) (length >>> 8);
        cut[at + 1] = (byte) length;
        if (!ipv6) {
            CraftedPacket.fixIpv4Checksum(cut);
        }
        return cut;
    }
}
