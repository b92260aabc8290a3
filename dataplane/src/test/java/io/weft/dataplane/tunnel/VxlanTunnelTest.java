/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.tunnel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.address.IpAddress;
import io.weft.address.MacAddress;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.PodTun;
import io.weft.dataplane.testing.VxlanDatagram;
import io.weft.encap.IpPacket;
import io.weft.encap.IpProtocol;
import io.weft.encap.TcpFlyweight;
import io.weft.routing.RoutingContext;
import java.net.Inet4Address;
import java.net.InetAddress;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which packets are this node's by their MAC; all else of datagrams is the conformance suites'. */
class VxlanTunnelTest {
    private static final int SLOT = 2_048;

    private final Tunnel tunnel = Tunnel.of(new RoutingContext()
            .vni(1)
            .vtepMac(MacAddress.parse("02:00:00:00:00:02"))
            .addOverlayAddress(IpAddress.parse("10.244.1.0"))
            .addOverlayAddress(IpAddress.parse("fd00:244:1::")));

    private @Nullable DropReason leave(final VxlanDatagram datagram) {
        final byte[] bytes = datagram.bytes();
        final UnsafeBuffer arena = new UnsafeBuffer(new byte[SLOT]);
        arena.putBytes(0, bytes);
        return tunnel.leave(arena, 0, bytes.length, new IpPacket());
    }

    private static VxlanDatagram forAll(final String protocol, final String source, final String destination) {
        final byte[] payload = CraftedPacket.payload(64, 1);
        final InetAddress from = PodTun.inet(source);
        final InetAddress to = PodTun.inet(destination);
        final CraftedPacket packet = switch (protocol) {
            case "icmp" ->
                CraftedPacket.raw(from, to, to instanceof Inet4Address ? IpProtocol.ICMP : IpProtocol.ICMPV6, payload);
            case "tcp" -> CraftedPacket.tcp(from, to, 1000, 2000, 1, TcpFlyweight.ACK, new byte[0], payload);
            default -> CraftedPacket.udp(from, to, 1000, 2000, payload);
        };
        return new VxlanDatagram(packet.bytes()).with(VxlanDatagram.DESTINATION_OFFSET, 255, 255, 255, 255, 255, 255);
    }

    /** By ICMP peers find out which MAC is wrong; nothing else is reached without the right one. */
    @ParameterizedTest
    @CsvSource({
        "icmp, 10.244.0.2, 10.244.1.0,",
        "icmp, 10.244.0.2, 10.244.1.2, OTHERHOST",
        "icmp, 10.244.0.2, 10.244.0.0, OTHERHOST",
        "tcp,  10.244.0.2, 10.244.1.0, OTHERHOST",
        "udp,  10.244.0.2, 10.244.1.0, OTHERHOST",
        "icmp, fd00:244:0::2, fd00:244:1::,",
        "icmp, fd00:244:0::2, fd00:244:1::2, OTHERHOST",
        "tcp,  fd00:244:0::2, fd00:244:1::, OTHERHOST"
    })
    void shouldTakeWhatIsForAllMacsForTheHostItselfAlone(
            final String protocol, final String source, final String destination, final @Nullable DropReason expected) {
        assertEquals(expected, leave(forAll(protocol, source, destination)));
    }

    /** What a tag is in front of, or what is cut short, is looked at no further than it goes. */
    @ParameterizedTest
    @CsvSource({"19, OTHERHOST", "12, OTHERHOST"})
    void shouldNotLookBeyondTheEnd(final int headerBytes, final DropReason expected) {
        final VxlanDatagram datagram =
                forAll("icmp", "10.244.0.2", "10.244.1.0").tagged(0x8100_0000, 0x8100_0000);
        assertEquals(expected, leave(datagram.length(VxlanDatagram.IP_OFFSET + 8 + headerBytes)));
    }
}
