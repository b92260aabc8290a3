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
import io.weft.routing.RoutingContext;
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

    private static VxlanDatagram forAll(final String source, final String destination) {
        return new VxlanDatagram(CraftedPacket.udp(
                                PodTun.inet(source), PodTun.inet(destination), 1000, 2000, CraftedPacket.payload(64, 1))
                        .bytes())
                .with(VxlanDatagram.DESTINATION_OFFSET, 255, 255, 255, 255, 255, 255);
    }

    /** As the kernel has it: what is for all hosts is for each of them, and forwarded by none. */
    @ParameterizedTest
    @CsvSource({
        "10.244.0.2, 10.244.1.0,",
        "10.244.0.2, 10.244.1.2, OTHERHOST",
        "10.244.0.2, 10.244.0.0, OTHERHOST",
        "fd00:244:0::2, fd00:244:1::,",
        "fd00:244:0::2, fd00:244:1::2, OTHERHOST"
    })
    void shouldTakeWhatIsForAllMacsForTheHostItselfAlone(
            final String source, final String destination, final @Nullable DropReason expected) {
        assertEquals(expected, leave(forAll(source, destination)));
    }

    /** What a tag is in front of, or what is cut short, is looked at no further than it goes. */
    @ParameterizedTest
    @CsvSource({"19, OTHERHOST", "12, OTHERHOST"})
    void shouldNotLookBeyondTheEnd(final int headerBytes, final DropReason expected) {
        final VxlanDatagram datagram = forAll("10.244.0.2", "10.244.1.0").tagged(0x8100_0000, 0x8100_0000);
        assertEquals(expected, leave(datagram.length(VxlanDatagram.IP_OFFSET + 8 + headerBytes)));
    }
}
