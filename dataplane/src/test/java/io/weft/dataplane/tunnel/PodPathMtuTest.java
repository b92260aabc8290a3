/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.tunnel;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.address.IpAddress;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.encap.IcmpFlyweight;
import io.weft.encap.IpPacket;
import io.weft.encap.IpProtocol;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PodPathMtuTest {
    private static final String ROUTER = "10.1.15.1";
    private static final String POD = "10.1.15.2";
    private static final String SENDER = "10.1.20.2";
    private static final int QUOTED_LENGTH = 28; // RFC 792: the header and 64 bits

    private final AtomicLong nowNs = new AtomicLong(Long.MAX_VALUE - 1); // as System.nanoTime() may be
    private final PodPathMtu mtu = new PodPathMtu(nowNs::get);

    @Test
    void shouldTakeTheLeastThatWasTold() {
        tell(ROUTER, SENDER, 1400, packet(SENDER, POD, 1450));
        assertEquals(1400, mtu.bytes());
        tell(ROUTER, SENDER, 1300, packet(SENDER, POD, 1450));
        assertEquals(1300, mtu.bytes());
        tell(ROUTER, SENDER, 1400, packet(SENDER, POD, 1450));
        assertEquals(1300, mtu.bytes());
    }

    @Test
    void shouldForgetWhatIsNotToldAgain() {
        tell(ROUTER, SENDER, 1400, packet(SENDER, POD, 1450));
        nowNs.addAndGet(PodPathMtu.VALID_NS / 2);
        tell(ROUTER, SENDER, 1400, packet(SENDER, POD, 1450));
        nowNs.addAndGet(PodPathMtu.VALID_NS);
        assertEquals(1400, mtu.bytes());
        nowNs.incrementAndGet();
        assertEquals(PodPathMtu.NOTHING_TOLD, mtu.bytes());
        tell(ROUTER, SENDER, 1430, packet(SENDER, POD, 1450));
        assertEquals(1430, mtu.bytes());
    }

    @Test
    void shouldNotBelieveLessThanEveryHostTakes() {
        tell(ROUTER, SENDER, 68, packet(SENDER, POD, 1450));
        assertEquals(PodPathMtu.LEAST_IPV4, mtu.bytes());
    }

    @ParameterizedTest
    @CsvSource({"1400, 1400", "600, 1280", "70000, 65535", "-1, 65535"})
    void shouldTakeWhatIcmpv6Tells(final int told, final int believed) {
        tell("fd01::1", "fd02::2", told, packet("fd02::2", "fd01::2", 1450));
        assertEquals(believed, mtu.bytes());
    }

    @ParameterizedTest
    @CsvSource({
        // quoted: from, to, how long, how much of it
        "10.1.20.9, 10.1.15.2, 1450, 28", // is not of the one that is told
        "10.1.15.2, 10.1.20.2, 1450, 28", // went the other way
        "10.1.20.2, 10.1.15.2, 1400, 28", // is not too long
        "10.1.20.2, 10.1.15.2, 1450, 19", // is cut off
        "10.1.20.2, 10.1.15.2, 1450, 0",
    })
    void shouldNotBelieveAMessageThatQuotesNoSuchPacket(
            final String from, final String to, final int length, final int quotedLength) {
        tell(ROUTER, SENDER, 1400, Arrays.copyOf(packet(from, to, length), quotedLength));
        assertEquals(PodPathMtu.NOTHING_TOLD, mtu.bytes());
    }

    private static byte[] packet(final String from, final String to, final int length) {
        final InetAddress source = address(from);
        final int headersLength = 4 == source.getAddress().length ? 28 : 48;
        return CraftedPacket.udp(source, address(to), 5000, 5001, new byte[length - headersLength])
                .bytes();
    }

    private void tell(final String from, final String to, final int told, final byte[] quoted) {
        final boolean isIpv6 = 16 == address(from).getAddress().length;
        final byte[] quote = isIpv6 ? quoted : Arrays.copyOf(quoted, Math.min(quoted.length, QUOTED_LENGTH));
        final ByteBuffer icmp = ByteBuffer.allocate(IcmpFlyweight.LENGTH + quote.length)
                .put((byte) (isIpv6 ? IcmpFlyweight.ICMPV6_PACKET_TOO_BIG : IcmpFlyweight.UNREACHABLE))
                .put((byte) (isIpv6 ? 0 : IcmpFlyweight.FRAGMENTATION_NEEDED))
                .putShort((short) 0)
                .putInt(told)
                .put(quote);
        final byte[] bytes = CraftedPacket.raw(
                        address(from), address(to), isIpv6 ? IpProtocol.ICMPV6 : IpProtocol.ICMP, icmp.array())
                .bytes();
        final UnsafeBuffer arena = new UnsafeBuffer(bytes);
        final IpPacket packet = new IpPacket();
        packet.parse(arena, 0, bytes.length, true);
        mtu.onLeaving(arena, packet);
    }

    private static InetAddress address(final String text) {
        return IpAddress.parse(text).toInetAddress();
    }
}
