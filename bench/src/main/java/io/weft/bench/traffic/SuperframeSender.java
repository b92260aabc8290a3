/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.traffic;

import io.weft.address.IpFamily;
import io.weft.encap.GatherList;
import io.weft.linux.ControlMessage;
import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.MessageVector;
import io.weft.linux.Poller;
import io.weft.linux.SocketAddress;
import io.weft.linux.UdpSocket;
import java.io.IOException;
import java.net.InetAddress;
import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.UnsafeBuffer;

/** Sends {@link Superframes} as fast as it can. One thread. */
final class SuperframeSender implements AutoCloseable {
    private final UdpSocket socket = UdpSocket.open(IpFamily.IPV4);
    private final Poller poller = new Poller(1);
    private final MessageVector vector = new MessageVector(1);
    private final UnsafeBuffer bytes = Superframes.allocate(Superframes.LENGTH);
    private final UnsafeBuffer iovec = Superframes.allocate(GatherList.ENTRY_LENGTH);
    private final UnsafeBuffer name = Superframes.allocate(SocketAddress.MAX_LENGTH);
    private final UnsafeBuffer control = Superframes.allocate(ControlMessage.SPACE);

    SuperframeSender(final String own, final String peer) throws IOException {
        socket.bufferLengths(Superframes.SOCKET_BUFFER_LENGTH);
        socket.bind(InetAddress.getByName(own), 0);
        poller.set(0, socket.fd(), Poller.POLLOUT);
        GatherList.put(iovec, 0, bytes.addressOffset(), Superframes.LENGTH);
        vector.iovecs(0, iovec.addressOffset(), 1);
        final int nameLength = SocketAddress.put(name, 0, InetAddress.getByName(peer), Superframes.PORT);
        vector.name(0, name.addressOffset(), nameLength);
        ControlMessage.putShort(
                control, 0, ControlMessage.SOL_UDP, ControlMessage.UDP_SEGMENT, Superframes.SEGMENT_LENGTH);
        vector.control(0, control.addressOffset(), ControlMessage.SPACE);
    }

    /** Returns how many bytes the kernel took. */
    long send(final long durationMs) {
        final long endNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(durationMs);
        long sentBytes = 0;
        while (System.nanoTime() < endNs) {
            final int sent = socket.send(vector, 0, 1);
            if (sent > 0) {
                sentBytes += Superframes.LENGTH;
            } else if (-Errno.EAGAIN == sent) {
                poller.poll(Superframes.POLL_MS);
            } else {
                throw new LinuxException("send a UDP superframe", -sent);
            }
        }
        return sentBytes;
    }

    @Override
    public void close() {
        socket.close();
    }
}
