/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.testing;

import io.weft.encap.GatherList;
import io.weft.encap.VirtioNetHeaderFlyweight;
import io.weft.linux.Errno;
import io.weft.linux.Framing;
import io.weft.linux.PacketPort;
import java.io.ByteArrayOutputStream;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import org.agrona.concurrent.UnsafeBuffer;

/** A host that gives the frames a test puts in and fails when the test says so. */
public class ScriptedHost implements PacketPort {
    private final Framing framing;
    private final Queue<byte[]> packets = new ArrayDeque<>();
    private final Queue<Integer> readErrors = new ArrayDeque<>();
    private final Queue<Integer> writeErrors = new ArrayDeque<>();
    private final List<byte[]> written = new ArrayList<>();

    /** A device of bare packets. */
    public ScriptedHost() {
        this(Framing.ofPackets(VirtioNetHeaderFlyweight.LENGTH, true));
    }

    public ScriptedHost(final Framing framing) {
        this.framing = framing;
    }

    @Override
    public Framing framing() {
        return framing;
    }

    /** The next read gives this frame, vnet header first. */
    public void give(final byte[] frame) {
        packets.add(frame);
    }

    public void failRead(final int errno) {
        readErrors.add(errno);
    }

    /** The next write that was not told to fail yet fails; with 0 it does not. */
    public void failWrite(final int errno) {
        writeErrors.add(errno);
    }

    /** The frames written, vnet header first. */
    public List<byte[]> written() {
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
        final byte[] frame = new byte[length];
        new UnsafeBuffer(address, length).getBytes(0, frame);
        return take(frame);
    }

    private int take(final byte[] frame) {
        final int errno = writeErrors.isEmpty() ? 0 : writeErrors.remove();
        if (0 != errno) {
            return -errno;
        }
        written.add(frame);
        return frame.length;
    }

    @Override
    public int writev(final long iovecs, final int count) {
        final UnsafeBuffer list = new UnsafeBuffer(iovecs, count * GatherList.ENTRY_LENGTH);
        final ByteArrayOutputStream frame = new ByteArrayOutputStream();
        for (int i = 0; i < count; i++) {
            final int entry = i * GatherList.ENTRY_LENGTH;
            final byte[] piece = new byte[GatherList.length(list, entry)];
            new UnsafeBuffer(GatherList.address(list, entry), piece.length).getBytes(0, piece);
            frame.writeBytes(piece);
        }
        return take(frame.toByteArray());
    }
}
