/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import io.weft.linux.DatagramPort;
import io.weft.linux.Errno;
import io.weft.linux.MessageVector;
import io.weft.linux.UdpSocket;
import java.util.ArrayDeque;
import java.util.Queue;

/** A real socket that fails when the test says so. */
public final class ScriptedUnderlay implements DatagramPort {
    private final UdpSocket socket;
    private final Queue<Integer> sendErrors = new ArrayDeque<>();
    private final Queue<Integer> receiveErrors = new ArrayDeque<>();
    private int sendCalls;
    private boolean isFull;

    public ScriptedUnderlay(final UdpSocket socket) {
        this.socket = socket;
    }

    public void failSend(final int errno) {
        sendErrors.add(errno);
    }

    /** Whether it takes nothing from now on. */
    public void full(final boolean now) {
        isFull = now;
    }

    public void failReceive(final int errno) {
        receiveErrors.add(errno);
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
        return receiveErrors.isEmpty() ? socket.receive(messages, from, count) : -receiveErrors.remove();
    }

    @Override
    public void sendBufferLength(final int bytes) {
        socket.sendBufferLength(bytes);
    }

    @Override
    public int send(final MessageVector messages, final int from, final int count) {
        sendCalls++;
        if (isFull) {
            return -Errno.EAGAIN;
        }
        return sendErrors.isEmpty() ? socket.send(messages, from, count) : -sendErrors.remove();
    }
}
