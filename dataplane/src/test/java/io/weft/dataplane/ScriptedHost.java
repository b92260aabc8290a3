/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import io.weft.linux.Errno;
import io.weft.linux.PacketPort;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import org.agrona.concurrent.UnsafeBuffer;

/** A host that gives the packets a test puts in and fails when the test says so. */
final class ScriptedHost implements PacketPort {
    private final Queue<byte[]> packets = new ArrayDeque<>();
    private final Queue<Integer> readErrors = new ArrayDeque<>();
    private final Queue<Integer> writeErrors = new ArrayDeque<>();
    private final List<byte[]> written = new ArrayList<>();

    /** The next read gives this frame, vnet header first. */
    void give(final byte[] frame) {
        packets.add(frame);
    }

    void failRead(final int errno) {
        readErrors.add(errno);
    }

    void failWrite(final int errno) {
        writeErrors.add(errno);
    }

    /** The frames written, vnet header first; those in pieces as their first piece. */
    List<byte[]> written() {
        return written;
    }

    @Override
    public int fd() {
        return -1;
    }

    @Override
    public int read(final long address, final int capacity) {
        if (!readErrors.isEmpty()) {
            return -readErrors.remove();
        }
        if (packets.isEmpty()) {
            return -Errno.EAGAIN;
        }
        final byte[] packet = packets.remove();
        new UnsafeBuffer(address, capacity).putBytes(0, packet);
        return packet.length;
    }

    @Override
    public int write(final long address, final int length) {
        if (!writeErrors.isEmpty()) {
            return -writeErrors.remove();
        }
        final byte[] packet = new byte[length];
        new UnsafeBuffer(address, length).getBytes(0, packet);
        written.add(packet);
        return length;
    }

    @Override
    public int writev(final long iovecs, final int count) {
        final UnsafeBuffer first = new UnsafeBuffer(iovecs, Long.BYTES * 2);
        return write(first.getLong(0), (int) first.getLong(Long.BYTES));
    }
}
