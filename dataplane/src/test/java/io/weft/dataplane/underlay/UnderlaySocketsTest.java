/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.underlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpFamily;
import io.weft.dataplane.testing.UnderlayCapture;
import io.weft.encap.GatherList;
import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.MessageVector;
import io.weft.linux.SocketAddress;
import io.weft.linux.UdpSocket;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.List;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

class UnderlaySocketsTest {
    private static final InetAddress LOOPBACK = InetAddress.getLoopbackAddress();
    private static final int ANY_PORT = 0;
    private static final int SEND_SOCKETS = 4;
    private static final int ETHERNET_LENGTH = 14;
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

    @Test
    @RequiresRoot
    void shouldSayWhichPortsAreTooFew() {
        try (NetworkNamespace host = NetworkNamespace.create("host")) {
            host.ip("link", "set", "lo", "up");
            host.exec("sysctl", "-qw", "net.ipv4.ip_local_port_range=60000 60002");
            final LinuxException failure = assertThrows(
                    LinuxException.class,
                    () -> host.call(() -> UnderlaySockets.open(LOOPBACK, 8472, 1, SEND_SOCKETS, BUFFER_LENGTH)));
            assertTrue(
                    String.valueOf(failure.getMessage()).contains("net.ipv4.ip_local_port_range"), failure::getMessage);
        }
    }

    /** The first of those that another process left cannot be used, or no memory is left to open more than the first. */
    @Test
    void shouldLeaveNoSocketOpenWhenOneFails() throws IOException {
        final UdpSocket left = UdpSocket.open(IpFamily.IPV4);
        final Path leftSocket = Files.readSymbolicLink(descriptor(left));
        final int closed = left.fd() + 10_000;
        assertThrows(
                LinuxException.class,
                () -> UnderlaySockets.open(
                        LOOPBACK, ANY_PORT, 2, SEND_SOCKETS, BUFFER_LENGTH, List.of(closed, left.fd())));
        assertFalse(isOpen(left, leftSocket));

        final UdpSocket first = UdpSocket.open(IpFamily.IPV4);
        final Path firstSocket = Files.readSymbolicLink(descriptor(first));
        final List<Integer> withoutMemory = new AbstractList<>() {
            @Override
            public Integer get(final int index) {
                if (0 != index) {
                    throw new OutOfMemoryError("no memory for the second");
                }
                return first.fd();
            }

            @Override
            public int size() {
                return 2;
            }
        };
        assertThrows(
                OutOfMemoryError.class,
                () -> UnderlaySockets.open(LOOPBACK, ANY_PORT, 2, SEND_SOCKETS, BUFFER_LENGTH, withoutMemory));
        assertFalse(isOpen(first, firstSocket));
    }

    private static Path descriptor(final UdpSocket socket) {
        return Path.of("/proc/self/fd", String.valueOf(socket.fd()));
    }

    /** The JVM may have opened something else by that number meanwhile. */
    private static boolean isOpen(final UdpSocket socket, final Path link) {
        try {
            return link.equals(Files.readSymbolicLink(descriptor(socket)));
        } catch (final IOException closed) {
            return false;
        }
    }

    /** As the kernel's VXLAN has none: 28 bits behind the version and the traffic class. */
    @Test
    @RequiresRoot
    void shouldSendNoFlowLabel() throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final Topology topology =
                    resources.add(Topology.builder().dualStack().build());
            final Topology.Node node = topology.node(0);
            final UnderlayCapture capture = resources.add(new UnderlayCapture(topology.node(1)));
            final InetAddress local = InetAddress.getByName(node.underlayAddressV6());
            final InetAddress peer = InetAddress.getByName(topology.node(1).underlayAddressV6());
            final UnderlaySockets sockets = resources.add(
                    node.namespace().call(() -> UnderlaySockets.open(local, ANY_PORT, 1, SEND_SOCKETS, BUFFER_LENGTH)));
            for (final UdpSocket sender : sockets.sendPorts().get(0)) {
                send(sender, peer);
            }
            final List<byte[]> frames = new ArrayList<>();
            capture.framesUntil(frame -> {
                frames.add(frame);
                return SEND_SOCKETS == frames.size();
            });
            for (final byte[] frame : frames) {
                assertEquals(0x6000_0000, ByteBuffer.wrap(frame).getInt(ETHERNET_LENGTH));
            }
        }
    }

    private static void send(final UdpSocket from, final InetAddress to) {
        final UnsafeBuffer bytes = new UnsafeBuffer(BufferUtil.allocateDirectAligned(256, 64));
        final MessageVector vector = new MessageVector(1);
        final int nameLength = SocketAddress.put(bytes, 0, to, 8472);
        GatherList.put(bytes, 128, bytes.addressOffset() + 192, 8);
        vector.name(0, bytes.addressOffset(), nameLength);
        vector.iovecs(0, bytes.addressOffset() + 128, 1);
        assertEquals(1, from.send(vector, 0, 1));
    }

    /** Over the loopback a datagram has arrived when it is sent. */
    private static void send(final DatagramSocket from, final UdpSocket to) throws Exception {
        from.send(new DatagramPacket(new byte[1000], 1000, new InetSocketAddress(LOOPBACK, to.localPort())));
    }

    private static int receive(final UdpSocket socket) {
        return socket.receive(new MessageVector(1), 0, 1);
    }
}
