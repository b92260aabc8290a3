/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.agrona.BufferUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@RequiresRoot
class RawSocketTest {
    private static final byte[] PAYLOAD = "as the host's own".getBytes(StandardCharsets.US_ASCII);
    private static final int UDP_LENGTH = 8 + PAYLOAD.length;
    private static final int UDP = 17;

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "::1"})
    void shouldSendAPacketAsItIsByEitherFamily(final String loopback) throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final NetworkNamespace host = resources.add(NetworkNamespace.create("raw"));
            host.ip("link", "set", "lo", "up");
            final InetAddress address = InetAddress.getByName(loopback);
            final DatagramSocket receiver = host.call(() -> new DatagramSocket(new InetSocketAddress(address, 0)));
            resources.add(receiver);
            receiver.setSoTimeout(Await.TIMEOUT_MS);
            final RawSocket raw = host.call(RawSocket::open);
            resources.add(raw);
            final byte[] packet = packet(address, receiver.getLocalPort());
            assertEquals(packet.length, send(raw, packet));
            final DatagramPacket received = new DatagramPacket(new byte[100], 100);
            receiver.receive(received);
            assertArrayEquals(PAYLOAD, Arrays.copyOf(received.getData(), received.getLength()));
            assertEquals(address, received.getAddress());
            assertEquals(7, received.getPort());
        }
    }

    @Test
    void shouldRefuseWhatHasNoDestination() throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final NetworkNamespace host = resources.add(NetworkNamespace.create("raw"));
            final RawSocket raw = host.call(RawSocket::open);
            resources.add(raw);
            assertEquals(-Errno.EINVAL, send(raw, new byte[0]));
            assertEquals(-Errno.EINVAL, send(raw, Arrays.copyOf(new byte[] {0x45}, 19)));
            assertEquals(-Errno.EINVAL, send(raw, Arrays.copyOf(new byte[] {0x60}, 39)));
            final byte[] nowhere = packet(InetAddress.getByName("192.0.2.1"), 1);
            assertEquals(-Errno.ENETUNREACH, send(raw, nowhere));
        }
    }

    private static int send(final RawSocket raw, final byte[] packet) {
        final ByteBuffer bytes = BufferUtil.allocateDirectAligned(Math.max(1, packet.length), Long.BYTES);
        bytes.put(packet);
        return raw.send(BufferUtil.address(bytes), packet.length);
    }

    /** UDP from a host to itself. */
    private static byte[] packet(final InetAddress address, final int port) {
        final byte[] own = address.getAddress();
        final ByteBuffer packet = ByteBuffer.allocate((address instanceof Inet4Address ? 20 : 40) + UDP_LENGTH);
        if (address instanceof Inet4Address) {
            packet.putInt(0x4500_0000 | packet.capacity()).putInt(0).putInt(0x40 << 24 | UDP << 16);
        } else {
            packet.putInt(0x6000_0000).putInt(UDP_LENGTH << 16 | UDP << 8 | 0x40);
        }
        packet.put(own).put(own);
        final int udp = packet.position();
        packet.putShort((short) 7)
                .putShort((short) port)
                .putShort((short) UDP_LENGTH)
                .putShort((short) 0)
                .put(PAYLOAD);
        int sum = 2 * sum(own, 0) + UDP + UDP_LENGTH + sum(packet.array(), udp);
        while (sum > 0xFFFF) {
            sum = (sum & 0xFFFF) + (sum >>> 16);
        }
        return packet.putShort(udp + 6, (short) ~sum).array();
    }

    private static int sum(final byte[] bytes, final int from) {
        int sum = 0;
        for (int i = from; i < bytes.length; i++) {
            sum += (bytes[i] & 0xFF) << (0 == (i - from) % 2 ? 8 : 0);
        }
        return sum;
    }
}
