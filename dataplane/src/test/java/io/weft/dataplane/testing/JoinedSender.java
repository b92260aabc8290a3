/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import io.weft.address.IpFamily;
import io.weft.encap.GatherList;
import io.weft.linux.ControlMessage;
import io.weft.linux.LinuxException;
import io.weft.linux.MessageVector;
import io.weft.linux.SocketAddress;
import io.weft.linux.UdpSocket;
import java.net.InetAddress;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Sends messages of many datagrams by {@code UDP_SEGMENT}. The loopback device does not cut them, so that a socket with
 * {@code UDP_GRO} gets each as it was sent.
 */
final class JoinedSender implements AutoCloseable {
    private static final int CAPACITY = 0x10000;

    private final UdpSocket socket = UdpSocket.open(IpFamily.IPV4);
    private final MessageVector vector = new MessageVector(1);
    private final UnsafeBuffer bytes = allocate(CAPACITY);
    private final UnsafeBuffer iovec = allocate(GatherList.ENTRY_LENGTH);
    private final UnsafeBuffer name = allocate(SocketAddress.MAX_LENGTH);
    private final UnsafeBuffer control = allocate(ControlMessage.SPACE);

    private static UnsafeBuffer allocate(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, 64));
    }

    /**
     * Sends one message.
     *
     * @param segmentLength bytes of each datagram but the last.
     */
    void send(final byte[] message, final int segmentLength, final InetAddress address, final int port) {
        bytes.putBytes(0, message);
        GatherList.put(iovec, 0, bytes.addressOffset(), message.length);
        vector.iovecs(0, iovec.addressOffset(), 1);
        vector.name(0, name.addressOffset(), SocketAddress.put(name, 0, address, port));
        ControlMessage.putShort(control, 0, ControlMessage.SOL_UDP, ControlMessage.UDP_SEGMENT, segmentLength);
        vector.control(0, control.addressOffset(), ControlMessage.SPACE);
        final int sent = socket.send(vector, 0, 1);
        if (1 != sent) {
            throw new LinuxException("send " + message.length + " bytes by UDP_SEGMENT", -sent);
        }
    }

    @Override
    public void close() {
        socket.close();
    }
}
