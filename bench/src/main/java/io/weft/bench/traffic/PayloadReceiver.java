/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import io.weft.address.IpFamily;
import io.weft.encap.GatherList;
import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.MessageVector;
import io.weft.linux.Poller;
import io.weft.linux.UdpSocket;
import java.io.IOException;
import java.net.InetAddress;
import org.agrona.concurrent.UnsafeBuffer;

/** Counts the bytes of payload of the datagrams that come to a port. */
final class PayloadReceiver implements AutoCloseable {
    private static final int BATCH = 64;
    private static final int SLOT_LENGTH = 0x10000;

    private final UdpSocket socket;
    private final MessageVector vector = new MessageVector(BATCH);
    private final UnsafeBuffer slots = Superframes.allocate(BATCH * SLOT_LENGTH);
    private final UnsafeBuffer iovecs = Superframes.allocate(BATCH * GatherList.ENTRY_LENGTH);
    private volatile long receivedBytes;
    private volatile boolean isClosed;

    private PayloadReceiver(final UdpSocket socket, final String own, final int port) throws IOException {
        this.socket = socket;
        socket.bind(InetAddress.getByName(own), port);
        for (int i = 0; i < BATCH; i++) {
            final int iovec = i * GatherList.ENTRY_LENGTH;
            GatherList.put(iovecs, iovec, slots.addressOffset() + (long) i * SLOT_LENGTH, SLOT_LENGTH);
            vector.iovecs(i, iovecs.addressOffset() + iovec, 1);
        }
        final Thread thread = new Thread(this::receive, "payload-receiver");
        thread.setDaemon(true);
        thread.start();
    }

    /** Of {@link Superframes}, whole or cut, in a buffer for many of them. */
    static PayloadReceiver ofSuperframes(final String own) throws IOException {
        final UdpSocket socket = UdpSocket.open(IpFamily.IPV4);
        socket.bufferLengths(Superframes.SOCKET_BUFFER_LENGTH);
        socket.receiveOffload();
        return new PayloadReceiver(socket, own, Superframes.PORT);
    }

    /** Of {@link FlowSender}s, as a program receives that has set nothing. */
    static PayloadReceiver ofFlows(final String own) throws IOException {
        return new PayloadReceiver(UdpSocket.open(IpFamily.IPV4), own, FlowSender.PORT);
    }

    /** Bytes of payload that have come since it was made. */
    long receivedBytes() {
        return receivedBytes;
    }

    private void receive() {
        final Poller poller = new Poller(1);
        poller.set(0, socket.fd(), Poller.POLLIN);
        try (socket) {
            while (!isClosed) {
                final int received = socket.receive(vector, 0, BATCH);
                if (received > 0) {
                    // One writer: this thread.
                    long bytes = receivedBytes;
                    for (int i = 0; i < received; i++) {
                        bytes += vector.length(i);
                    }
                    receivedBytes = bytes;
                } else if (-Errno.EAGAIN == received) {
                    poller.poll(Superframes.POLL_MS);
                } else {
                    throw new LinuxException("receive datagrams", -received);
                }
            }
        }
    }

    /** Its thread closes the socket, at its next look. */
    @Override
    public void close() {
        isClosed = true;
    }
}
