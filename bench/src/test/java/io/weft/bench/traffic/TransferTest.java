/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.linux.testing.Await;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TransferTest {
    /** One of loopback's, that no other program is likely to listen on. */
    private static final String ADDRESS = "127.77.1.1";

    private static ServerSocket server;
    private static DatagramSocket echo;

    @BeforeAll
    static void serve() throws IOException {
        server = new ServerSocket(TcpTransfer.PORT, 4, InetAddress.getByName(ADDRESS));
        echo = UdpExchange.bind(ADDRESS);
        Peer.serve("tcp", () -> TcpTransfer.serve(server));
        Peer.serve("udp", () -> UdpExchange.serve(echo));
    }

    @AfterAll
    static void close() throws IOException {
        server.close();
        echo.close();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 7, 8, 65_535, 65_536, 65_537, 1_000_003})
    void shouldTransferStreamsOfEachLength(final long length) throws IOException {
        TcpTransfer.send(ADDRESS, length);
    }

    @Test
    void shouldNameTheFirstWrongByteOfAStream() throws IOException {
        final byte[] bytes = new Pattern(7).bytes(0, 100_000);
        bytes[70_001]++;

        assertEquals(70_001, sendRaw(bytes, bytes.length));
    }

    @Test
    void shouldNameTheFirstMissingByteOfAStream() throws IOException {
        assertEquals(1_000, sendRaw(new Pattern(7).bytes(0, 1_000), 2_000));
    }

    private static long sendRaw(final byte[] bytes, final long announcedLength) throws IOException {
        try (Socket socket = new Socket(ADDRESS, TcpTransfer.PORT)) {
            final DataOutputStream output = new DataOutputStream(socket.getOutputStream());
            output.writeLong(7);
            output.writeLong(announcedLength);
            output.write(bytes);
            socket.shutdownOutput();
            return new DataInputStream(socket.getInputStream()).readLong();
        }
    }

    @Test
    void shouldReturnDatagramsOfEachLength() throws IOException {
        UdpExchange.send(ADDRESS, 1, 300);
        UdpExchange.send(ADDRESS, UdpExchange.MAX_LENGTH - 2, UdpExchange.MAX_LENGTH);
    }

    @Test
    void shouldReturnOneByteWhenADatagramArrivesChanged() throws IOException {
        final byte[] bytes = new Pattern(100).bytes(0, 100);
        bytes[50]++;
        try (DatagramSocket socket = new DatagramSocket()) {
            socket.setSoTimeout(Await.TIMEOUT_MS);
            socket.send(new DatagramPacket(bytes, bytes.length, InetAddress.getByName(ADDRESS), UdpExchange.PORT));
            final DatagramPacket reply = new DatagramPacket(new byte[200], 200);
            socket.receive(reply);

            assertEquals(1, reply.getLength());
        }
    }

    @Test
    void shouldMakeTheSameBytesWhereverAPatternIsEntered() {
        final byte[] whole = new Pattern(3).bytes(0, 1_000);

        assertArrayEquals(Arrays.copyOfRange(whole, 64, 1_000), new Pattern(3).bytes(64, 1_000 - 64));
    }
}
