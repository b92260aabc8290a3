/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.util.Arrays;

/**
 * Sends datagrams whose bytes follow from their length; the far end compares and returns them, the near end compares
 * again. A datagram that arrives changed comes back as one byte, {@link #WRONG}.
 */
final class UdpExchange {
    static final int PORT = 7001;

    /** The longest UDP payload over IPv4: 65535 less the IPv4 (20) and UDP (8) headers. */
    static final int MAX_LENGTH = 65_535 - 20 - 8;

    /** In the message when a datagram does not come back, though it was sent again and again. */
    static final String NOT_RETURNED = "not returned";

    private static final int TIMEOUT_MS = 2_000;
    private static final int TRIES = 10;
    private static final byte WRONG = '!';

    private UdpExchange() {}

    /**
     * Sends one datagram of each length and awaits it back.
     *
     * @return how many had to be sent again.
     * @throws IOException if one does not come back in {@value #TRIES} tries, or comes back changed.
     */
    static int send(final String address, final int minLength, final int maxLength) throws IOException {
        int repeated = 0;
        try (DatagramSocket socket = new DatagramSocket()) {
            socket.connect(InetAddress.getByName(address), PORT);
            socket.setSoTimeout(TIMEOUT_MS);
            for (int length = minLength; length <= maxLength; length++) {
                repeated += send(socket, length);
            }
        }
        return repeated;
    }

    private static int send(final DatagramSocket socket, final int length) throws IOException {
        final byte[] sent = new Pattern(length).bytes(0, length);
        final DatagramPacket reply = new DatagramPacket(new byte[MAX_LENGTH], MAX_LENGTH);
        for (int repeated = 0; repeated < TRIES; repeated++) {
            socket.send(new DatagramPacket(sent, length));
            try {
                do {
                    socket.receive(reply);
                } while (isLate(reply, length));
            } catch (final SocketTimeoutException ex) {
                continue;
            }
            if (!Arrays.equals(sent, 0, length, reply.getData(), 0, reply.getLength())) {
                throw new IOException("UDP, " + length + " bytes: changed on the way");
            }
            return repeated;
        }
        throw new IOException("UDP, " + length + " bytes: " + NOT_RETURNED + " in " + TRIES + " tries");
    }

    /** Whether it answers one that was sent again meanwhile, and is another's by now. */
    private static boolean isLate(final DatagramPacket reply, final int length) {
        final int replied = reply.getLength();
        return replied < length
                && Arrays.equals(new Pattern(replied).bytes(0, replied), 0, replied, reply.getData(), 0, replied);
    }

    /** Compares and returns datagrams until the socket is closed. */
    static void serve(final DatagramSocket socket) throws IOException {
        final byte[] buffer = new byte[MAX_LENGTH];
        while (true) {
            final DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
            socket.receive(packet);
            final int length = packet.getLength();
            final byte[] expected = new Pattern(length).bytes(0, length);
            final boolean right = Arrays.equals(expected, 0, length, buffer, 0, length);
            final byte[] reply = right ? expected : new byte[] {WRONG};
            socket.send(new DatagramPacket(reply, reply.length, packet.getSocketAddress()));
        }
    }

    /** A socket bound to the port at an address of this network namespace. */
    static DatagramSocket bind(final String address) throws IOException {
        return new DatagramSocket(new InetSocketAddress(address, PORT));
    }
}
