/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.encap;

import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static java.nio.ByteOrder.nativeOrder;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** Offsets are written out here, as include/uapi/linux/virtio_net.h and the RFCs have them. */
class TunnelSuperframeTest {
    private static final int TUNNEL_LENGTH = 8 + 14;
    private static final int VXLAN = TunnelSuperframe.LENGTH;
    private static final int INNER = VXLAN + TUNNEL_LENGTH;
    private static final int FRAME = 24;
    private static final int IP = FRAME + 14;
    private static final int UDP = IP + 20;
    private static final int PAYLOAD_LENGTH = 3_000;
    private static final int INNER_LENGTH = 20 + 32 + PAYLOAD_LENGTH;

    private final UnsafeBuffer buffer = Bytes.zeroed(INNER + INNER_LENGTH);
    private final IpPacket packet = new IpPacket();

    private void write() {
        buffer.putByte(INNER, (byte) 0x45);
        buffer.putShort(INNER + 2, (short) INNER_LENGTH, BIG_ENDIAN);
        buffer.putByte(INNER + 9, (byte) 6);
        buffer.putByte(INNER + 20 + 12, (byte) 0x80);
        assertEquals(IpPacket.Fault.NONE, packet.parse(buffer, INNER, INNER_LENGTH, false));
        TunnelSuperframe.putHeaders(
                buffer,
                VXLAN,
                TUNNEL_LENGTH + INNER_LENGTH,
                0x0200_0000_00ABL,
                2,
                0x1234,
                65,
                0xC0A8_6401,
                0xC0A8_6402,
                40_000,
                8472);
        TunnelSuperframe.putVnetHeader(buffer, VXLAN, packet, 0x81, 1_398);
    }

    @Test
    void shouldWriteHeadersOfTheUncutLength() {
        write();
        assertEquals(0x0200_0000_00ABL, EthernetFlyweight.destination(buffer, FRAME));
        assertEquals(0x0800, buffer.getShort(FRAME + 12, BIG_ENDIAN));
        assertEquals(0x45, buffer.getByte(IP));
        assertEquals(2, buffer.getByte(IP + 1));
        assertEquals(20 + 8 + TUNNEL_LENGTH + INNER_LENGTH, buffer.getShort(IP + 2, BIG_ENDIAN) & 0xFFFF);
        assertEquals(0x1234, buffer.getShort(IP + 4, BIG_ENDIAN));
        assertEquals(0, buffer.getShort(IP + 6, BIG_ENDIAN), "may be fragmented, as what the sockets send");
        assertEquals(65, buffer.getByte(IP + 8));
        assertEquals(17, buffer.getByte(IP + 9));
        assertTrue(Ipv4Flyweight.isChecksumRight(buffer, IP, 20));
        assertEquals(0xC0A8_6401, buffer.getInt(IP + 12, BIG_ENDIAN));
        assertEquals(0xC0A8_6402, buffer.getInt(IP + 16, BIG_ENDIAN));
        assertEquals(40_000, buffer.getShort(UDP, BIG_ENDIAN) & 0xFFFF);
        assertEquals(8472, buffer.getShort(UDP + 2, BIG_ENDIAN));
        assertEquals(8 + TUNNEL_LENGTH + INNER_LENGTH, buffer.getShort(UDP + 4, BIG_ENDIAN) & 0xFFFF);
    }

    @Test
    void shouldLeaveTheOuterChecksumToWhoeverCuts() {
        write();
        final int udpLength = 8 + TUNNEL_LENGTH + INNER_LENGTH;
        int sum = 0xC0A8 + 0x6401 + 0xC0A8 + 0x6402 + 17 + udpLength;
        sum = (sum & 0xFFFF) + (sum >>> 16);
        assertEquals(sum, buffer.getShort(UDP + 6, BIG_ENDIAN) & 0xFFFF, "the sum of the pseudo header, not inverted");
    }

    @Test
    void shouldNoteWhereTheHeadersLie() {
        write();
        assertEquals(1 | 8, buffer.getByte(0), "NEEDS_CSUM, UDP_TUNNEL_CSUM");
        assertEquals((byte) (0x81 | 0x20), buffer.getByte(1), "TCPV4, ECN, UDP_TUNNEL_IPV4");
        final int innerTransport = 14 + 20 + 8 + TUNNEL_LENGTH + 20;
        assertEquals(innerTransport + 32, buffer.getShort(2, nativeOrder()));
        assertEquals(1_398, buffer.getShort(4, nativeOrder()));
        assertEquals(innerTransport, buffer.getShort(6, nativeOrder()));
        assertEquals(16, buffer.getShort(8, nativeOrder()));
        assertEquals(0, buffer.getLong(10) | buffer.getShort(18), "the hash is not there");
        assertEquals(14 + 20, buffer.getShort(20, LITTLE_ENDIAN));
        assertEquals(14 + 20 + 8 + TUNNEL_LENGTH, buffer.getShort(22, LITTLE_ENDIAN));
    }

    @Test
    void shouldFitUpToTheLongestIpPacket() {
        assertTrue(TunnelSuperframe.fits(TUNNEL_LENGTH, 0xFFFF - 50));
        assertFalse(TunnelSuperframe.fits(TUNNEL_LENGTH, 0xFFFF - 49));
    }
}
