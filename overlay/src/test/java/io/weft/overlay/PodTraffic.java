/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Traffic between the pods of two nodes, each byte compared. */
final class PodTraffic {
    private static final int PORT = 7000;
    private static final int TIMEOUT_MS = Await.TIMEOUT_MS;
    /** After which a datagram is taken for lost and sent again. */
    private static final int TRY_TIMEOUT_MS = 500;

    private static final int STREAM_LENGTH = 4 << 20;
    /** Around the pods' MTU, in fragments, and the longest. */
    private static final int[] LENGTHS = {1, 2, 15, 1_000, 1_381, 1_382, 1_383, 1_402, 1_403, 2_000, 9_000, 65_487};

    private PodTraffic() {}

    /** Fails unless ping, TCP and UDP arrive as they were sent. */
    static void assertCarried(final Topology.Node from, final Topology.Node to, final boolean ipv6) throws Exception {
        // IPv6 of a fresh bridge works when the kernel has told it of its carrier, up to seconds later.
        Await.until(() -> "no way to " + address(to, ipv6), TIMEOUT_MS, () -> reaches(from, to, ipv6));
        assertPing(from, to, ipv6);
        assertTcp(from, to, ipv6);
        assertUdp(from, to, ipv6);
    }

    /** An iperf3 server in a node's pod, which listens. */
    static BackgroundProcess startStreamReceiver(final Topology.Node node) {
        final BackgroundProcess receiver = node.pod().start("iperf3", "--server", "--forceflush");
        receiver.awaitOutput("Server listening", Await.TIMEOUT_MS);
        return receiver;
    }

    static boolean reaches(final Topology.Node from, final Topology.Node to, final boolean ipv6) {
        return 0
                == from.pod()
                        .tryExec("ping", "-c", "1", "-W", "1", address(to, ipv6))
                        .exitCode();
    }

    /** Fails unless weftd tells a pod, by ICMP, of a subnet that no lease has. */
    static void assertToldOfNoRoute(final Topology.Node from, final BackgroundProcess weftd) {
        final String output =
                from.pod().tryExec("ping", "-c", "1", "-W", "60", "10.244.99.2").output();
        assertTrue(output.contains("Destination Net Unreachable"), () -> output + weftd.output());
    }

    private static String address(final Topology.Node node, final boolean ipv6) {
        return ipv6 ? node.podAddressV6() : node.podAddress();
    }

    private static void assertPing(final Topology.Node from, final Topology.Node to, final boolean ipv6) {
        for (final int length : LENGTHS) {
            final Command.Result result = from.pod()
                    .tryExec("ping", "-c", "2", "-i", "0.01", "-W", "60", "-s", "" + length, address(to, ipv6));
            assertEquals(0, result.exitCode(), () -> length + " bytes: " + result.output() + result.errors());
            assertFalse(result.output().contains("wrong data"), result::output);
        }
    }

    private static byte[] bytes(final int length) {
        final byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    private static void assertTcp(final Topology.Node from, final Topology.Node to, final boolean ipv6)
            throws Exception {
        final byte[] sent = bytes(STREAM_LENGTH);
        final InetAddress target = InetAddress.getByName(address(to, ipv6));
        try (ServerSocket server = to.pod().call(() -> new ServerSocket(PORT, 1, target));
                Socket client = from.pod().call(() -> connect(new InetSocketAddress(target, PORT)));
                Socket accepted = server.accept()) {
            accepted.setSoTimeout(TIMEOUT_MS);
            final CompletableFuture<Void> sending = CompletableFuture.runAsync(() -> send(client, sent));
            assertArrayEquals(sent, accepted.getInputStream().readAllBytes());
            sending.get(TIMEOUT_MS, TimeUnit.MILLISECONDS);
        }
    }

    private static Socket connect(final InetSocketAddress target) throws IOException {
        final Socket socket = new Socket();
        socket.connect(target, TIMEOUT_MS);
        return socket;
    }

    private static void send(final Socket client, final byte[] bytes) {
        try {
            client.getOutputStream().write(bytes);
            client.shutdownOutput();
        } catch (final IOException failure) {
            throw new AssertionError(failure);
        }
    }

    private static void assertUdp(final Topology.Node from, final Topology.Node to, final boolean ipv6)
            throws Exception {
        final InetAddress source = InetAddress.getByName(address(from, ipv6));
        final InetAddress target = InetAddress.getByName(address(to, ipv6));
        try (DatagramSocket sender = from.pod().call(() -> new DatagramSocket(PORT, source));
                DatagramSocket receiver = to.pod().call(() -> new DatagramSocket(PORT, target))) {
            receiver.setSoTimeout(TRY_TIMEOUT_MS);
            for (final int length : LENGTHS) {
                final byte[] sent = bytes(length);
                assertArrayEquals(sent, exchange(sender, receiver, sent, new InetSocketAddress(target, PORT)));
            }
        }
    }

    /**
     * UDP may lose a datagram, but not change it. One that comes after it was sent again is still on its way when the next is
     * awaited; it has another length.
     */
    private static byte[] exchange(
            final DatagramSocket sender,
            final DatagramSocket receiver,
            final byte[] sent,
            final InetSocketAddress target)
            throws IOException {
        final DatagramPacket received = new DatagramPacket(new byte[1 << 16], 1 << 16);
        for (int waitedMs = 0; waitedMs < TIMEOUT_MS; waitedMs += TRY_TIMEOUT_MS) {
            sender.send(new DatagramPacket(sent, sent.length, target));
            try {
                do {
                    receiver.receive(received);
                } while (received.getLength() != sent.length);
                return Arrays.copyOf(received.getData(), received.getLength());
            } catch (final SocketTimeoutException loss) {
                // Sent again.
            }
        }
        throw new AssertionError(sent.length + " bytes did not arrive");
    }
}
