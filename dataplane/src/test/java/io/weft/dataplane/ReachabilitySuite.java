/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.Ports;
import io.weft.dataplane.testing.StaticNode;
import io.weft.linux.Poller;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.io.InputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.DatagramChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Pods of two weft nodes and of a kernel VXLAN node reach each other. */
@RequiresRoot
abstract class ReachabilitySuite {
    private static final int PORT = 5001;
    private static final int TIMEOUT_MS = Await.TIMEOUT_MS;
    private static final int MAX_UDP_PAYLOAD = 0xFFFF - 20 - 8;
    private static final int TCP_LENGTH = 3_000_001;

    /** Around every border: nothing much, one packet and one byte more, a fragmented one, the largest. */
    private static final int[] UDP_LENGTHS = {1, 2, 64, 1421, 1422, 1423, 1473, 8192, MAX_UDP_PAYLOAD};

    private final Ports ports;

    /** @param ports of weft's nodes. */
    ReachabilitySuite(final Ports ports) {
        this.ports = ports;
    }

    @ParameterizedTest
    @CsvSource({
        "INVOKER, 1",
        "SHARED, 1",
        "SHARED, 2",
        "SHARED_NETWORK, 1",
        "SHARED_NETWORK, 2",
        "DEDICATED, 1",
        "DEDICATED, 2"
    })
    void shouldCarryAllTrafficBetweenWeftAndKernelNodes(final ThreadingMode mode, final int workers) throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final Topology topology = resources.add(Topology.builder().nodes(3).build());
            final StaticNode.Options options = ports.options();
            options.threadingMode = mode;
            options.workers = workers;
            final StaticNode a = resources.add(StaticNode.start(topology, topology.node(0), options));
            final StaticNode b = resources.add(StaticNode.start(topology, topology.node(1), options));
            topology.kernelVxlan(topology.node(2));
            if (ThreadingMode.INVOKER == mode) {
                resources.add(new Invocation(a));
                resources.add(new Invocation(b));
            }
            exchange(topology.node(0), topology.node(1));
            exchange(topology.node(0), topology.node(2));
            exchange(topology.node(2), topology.node(0));
            assertTrue(a.errors().isEmpty(), () -> "node A: " + a.errors());
            assertTrue(b.errors().isEmpty(), () -> "node B: " + b.errors());
        }
    }

    private static void exchange(final Topology.Node from, final Topology.Node to) throws Exception {
        from.pod().exec("ping", "-c", "3", "-i", "0.01", "-W", "60", to.podAddress());
        from.pod().exec("ping", "-c", "2", "-i", "0.01", "-W", "60", "-s", "20000", to.podAddress());
        udp(from, to);
        tcp(from, to);
    }

    private static void udp(final Topology.Node from, final Topology.Node to) throws Exception {
        try (DatagramChannel sender = datagramChannel(from.pod(), from.podAddress());
                DatagramChannel receiver = datagramChannel(to.pod(), to.podAddress())) {
            final DatagramSocket socket = receiver.socket();
            socket.setSoTimeout(TIMEOUT_MS);
            final byte[] buffer = new byte[0x10000];
            for (final int length : UDP_LENGTHS) {
                final byte[] sent = CraftedPacket.payload(length, length);
                assertEquals(length, sender.send(ByteBuffer.wrap(sent), new InetSocketAddress(to.podAddress(), PORT)));
                final DatagramPacket received = new DatagramPacket(buffer, buffer.length);
                socket.receive(received);
                assertArrayEquals(sent, Arrays.copyOf(buffer, received.getLength()), () -> length + " bytes of UDP");
            }
        }
    }

    private static DatagramChannel datagramChannel(final NetworkNamespace pod, final String address) {
        return pod.call(
                () -> DatagramChannel.open(StandardProtocolFamily.INET).bind(new InetSocketAddress(address, PORT)));
    }

    private static void tcp(final Topology.Node from, final Topology.Node to) throws Exception {
        final byte[] there = CraftedPacket.payload(TCP_LENGTH, 1);
        final byte[] back = CraftedPacket.payload(TCP_LENGTH, 2);
        try (ServerSocketChannel listener = to.pod()
                        .call(() -> ServerSocketChannel.open(StandardProtocolFamily.INET)
                                .bind(new InetSocketAddress(to.podAddress(), PORT)));
                SocketChannel client = from.pod().call(() -> {
                    final SocketChannel channel = SocketChannel.open(StandardProtocolFamily.INET);
                    channel.connect(new InetSocketAddress(to.podAddress(), PORT));
                    return channel;
                });
                SocketChannel server = listener.accept()) {
            final List<FutureTask<byte[]>> tasks = List.of(
                    start(() -> write(client, there)),
                    start(() -> write(server, back)),
                    start(() -> read(server)),
                    start(() -> read(client)));
            assertArrayEquals(there, tasks.get(2).get(TIMEOUT_MS, TimeUnit.MILLISECONDS));
            assertArrayEquals(back, tasks.get(3).get(TIMEOUT_MS, TimeUnit.MILLISECONDS));
        }
    }

    private static FutureTask<byte[]> start(final Callable<byte[]> callable) {
        final FutureTask<byte[]> task = new FutureTask<>(callable);
        final Thread thread = new Thread(task, "tcp");
        thread.setDaemon(true);
        thread.start();
        return task;
    }

    private static byte[] write(final SocketChannel channel, final byte[] bytes) throws Exception {
        final ByteBuffer buffer = ByteBuffer.wrap(bytes);
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
        channel.shutdownOutput();
        return bytes;
    }

    private static byte[] read(final SocketChannel channel) throws Exception {
        final InputStream stream = Channels.newInputStream(channel);
        return stream.readAllBytes();
    }

    /** A thread that runs the duty cycles of a node without threads of its own. */
    private static final class Invocation implements AutoCloseable {
        private final Thread thread;
        private volatile boolean stopped;

        Invocation(final StaticNode node) {
            thread = new Thread(
                    () -> {
                        final Poller pause = new Poller(0);
                        while (!stopped) {
                            if (0 == node.dataPlane().invoke()) {
                                pause.poll(1);
                            }
                        }
                    },
                    "invocation");
            thread.setDaemon(true);
            thread.start();
        }

        @Override
        public void close() {
            stopped = true;
            Await.until("the end of the invocations", TIMEOUT_MS, () -> !thread.isAlive());
        }
    }
}
