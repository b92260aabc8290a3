/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.underlay;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.linux.Errno;
import io.weft.linux.MessageVector;
import io.weft.linux.UdpSocket;
import io.weft.linux.testing.CloseAll;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import org.junit.jupiter.api.Test;

class UnderlaySocketsTest {
    private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();
    private static final int ANY_PORT = 0;
    private static final int SEND_SOCKETS = 4;
    private static final int BUFFER_LENGTH = 1 << 16;

    @Test
    void shouldKeepNothingThatOthersSendToASocketForSending() throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final UnderlaySockets sockets =
                    resources.add(UnderlaySockets.open(LOOPBACK, ANY_PORT, 1, SEND_SOCKETS, BUFFER_LENGTH));
            final DatagramSocket stranger = resources.add(new DatagramSocket(ANY_PORT, LOOPBACK));
            final List<UdpSocket> senders = sockets.sendPorts().get(0);
            assertEquals(SEND_SOCKETS, senders.size());
            for (final UdpSocket sender : senders) {
                send(stranger, sender);
                assertEquals(-Errno.EAGAIN, receive(sender));
            }
            final UdpSocket receiver = sockets.receivePorts().get(0);
            send(stranger, receiver);
            assertEquals(1, receive(receiver));
        }
    }

    /** Over the loopback a datagram has arrived when it is sent. */
    private static void send(final DatagramSocket from, final UdpSocket to) throws Exception {
        from.send(new DatagramPacket(new byte[1000], 1000, new InetSocketAddress(LOOPBACK, to.localPort())));
    }

    private static int receive(final UdpSocket socket) {
        return socket.receive(new MessageVector(1), 0, 1);
    }
}
