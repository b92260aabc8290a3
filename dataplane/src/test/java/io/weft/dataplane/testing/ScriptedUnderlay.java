/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import static java.nio.ByteOrder.nativeOrder;

import io.weft.linux.DatagramPort;
import io.weft.linux.Errno;
import io.weft.linux.MessageVector;
import io.weft.linux.UdpSocket;
import java.util.ArrayDeque;
import java.util.Queue;
import org.agrona.concurrent.UnsafeBuffer;

/** A real socket that fails when the test says so. */
public final class ScriptedUnderlay implements DatagramPort {
    private static final int SHORT_LENGTH = 40;

    private final UdpSocket socket;
    private final Queue<Integer> sendErrors = new ArrayDeque<>();
    private final Queue<Integer> receiveErrors = new ArrayDeque<>();
    private int sendCalls;
    private int room = Integer.MAX_VALUE;
    private boolean isShort;

    public ScriptedUnderlay(final UdpSocket socket) {
        this.socket = socket;
    }

    public void failSend(final int errno) {
        sendErrors.add(errno);
    }

    /** So many messages are taken from now on, and then none. */
    public void room(final int messages) {
        room = messages;
    }

    public void failReceive(final int errno) {
        receiveErrors.add(errno);
    }

    /** The next datagram is longer than what there is room for. */
    public void truncateNext() {
        isShort = true;
    }

    public int sendCalls() {
        return sendCalls;
    }

    @Override
    public int fd() {
        return socket.fd();
    }

    @Override
    public int receive(final MessageVector messages, final int from, final int count) {
        if (!receiveErrors.isEmpty()) {
            return -receiveErrors.remove();
        }
        return isShort ? receiveShort(messages, from) : socket.receive(messages, from, count);
    }

    /** The kernel is given room for some bytes alone, and says what it says then. */
    private int receiveShort(final MessageVector messages, final int index) {
        final UnsafeBuffer room = new UnsafeBuffer(messages.iovecs(index), MessageVector.IOVEC_LENGTH);
        final long length = room.getLong(Long.BYTES, nativeOrder());
        room.putLong(Long.BYTES, SHORT_LENGTH, nativeOrder());
        final int received = socket.receive(messages, index, 1);
        room.putLong(Long.BYTES, length, nativeOrder());
        isShort = received <= 0;
        return received;
    }

    @Override
    public void sendBufferLength(final int bytes) {
        socket.sendBufferLength(bytes);
    }

    @Override
    public int send(final MessageVector messages, final int from, final int count) {
        sendCalls++;
        if (!sendErrors.isEmpty()) {
            return -sendErrors.remove();
        }
        if (0 == room) {
            return -Errno.EAGAIN;
        }
        final int sent = socket.send(messages, from, Math.min(room, count));
        room -= Math.max(0, sent);
        return sent;
    }
}
