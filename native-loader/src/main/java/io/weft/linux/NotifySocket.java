/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static io.weft.linux.SocketConstants.AF_UNIX;
import static io.weft.linux.SocketConstants.SOCK_CLOEXEC;
import static io.weft.linux.SocketConstants.SOCK_DGRAM;
import static io.weft.linux.SocketConstants.SOL_SOCKET;
import static io.weft.linux.SocketConstants.SO_SNDTIMEO;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteOrder;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Sends one datagram to a unix socket: what a service tells its manager (systemd's sd_notify(3)). Java has no datagrams on unix
 * sockets.
 *
 * <p>{@code struct sockaddr_un} (include/uapi/linux/un.h): u16 family; char path[108]. A path that begins with {@code @} is in
 * the abstract namespace: its first byte is zero, and its length counts.
 */
public final class NotifySocket {
    private static final int O_CLOEXEC = 0x80000; // include/uapi/asm-generic/fcntl.h
    private static final int PATH_OFFSET = Short.BYTES;
    private static final int PATH_LENGTH_MAX = 108;
    /** A manager that does not read its messages must not stop the sender. */
    private static final long TIMEOUT_S = 5;

    private NotifySocket() {}

    /** Sends a message without descriptors. */
    public static void send(final String path, final String message) {
        send(path, message, List.of());
    }

    /**
     * Sends a message and waits until its receiver has dealt with it and with all that came before (sd_notify_barrier(3)).
     *
     * @throws LinuxException if it has not within {@value #TIMEOUT_S} s.
     */
    public static void barrier(final String path) {
        final UnsafeBuffer ends = new UnsafeBuffer(BufferUtil.allocateDirectAligned(2 * Integer.BYTES, Long.BYTES));
        if (Libc.LIBC.pipe2(ends.addressOffset(), O_CLOEXEC) < 0) {
            throw new LinuxException("make a pipe", Errno.last());
        }
        final int reading = ends.getInt(0, ByteOrder.nativeOrder());
        final int writing = ends.getInt(Integer.BYTES, ByteOrder.nativeOrder());
        try {
            barrier(path, reading, writing);
        } finally {
            Libc.LIBC.close(reading);
        }
    }

    private static void barrier(final String path, final int reading, final int writing) {
        try {
            send(path, "BARRIER=1", List.of(writing));
        } finally {
            Libc.LIBC.close(writing);
        }
        final Poller poller = new Poller(1);
        poller.set(0, reading, Poller.POLLIN); // and that the last writing end is closed, which is what comes
        if (poller.poll((int) TimeUnit.SECONDS.toMillis(TIMEOUT_S)) <= 0) {
            throw new LinuxException("wait for who reads the socket " + path, Errno.ETIMEDOUT);
        }
    }

    /**
     * Sends a message.
     *
     * @param path of the socket, as the environment variable NOTIFY_SOCKET has it.
     * @param message such as {@code READY=1}.
     * @param descriptors that go with it, {@value UnixSocket#DESCRIPTORS_MAX} at most; they stay open here.
     * @throws LinuxException if nobody takes it within {@value #TIMEOUT_S} s.
     */
    public static void send(final String path, final String message, final List<Integer> descriptors) {
        final byte[] name = path.getBytes(UTF_8);
        if (0 == name.length || name.length > PATH_LENGTH_MAX) {
            throw new LinuxException("send to the socket '" + path + "'", Errno.ENAMETOOLONG);
        }
        final byte[] text = message.getBytes(UTF_8);
        final UnsafeBuffer address = new UnsafeBuffer(BufferUtil.allocateDirectAligned(128, Long.BYTES));
        address.putShort(0, (short) AF_UNIX, ByteOrder.nativeOrder());
        address.putBytes(PATH_OFFSET, name);
        if ('@' == name[0]) {
            address.putByte(PATH_OFFSET, (byte) 0);
        }
        final UnsafeBuffer payload = new UnsafeBuffer(BufferUtil.allocateDirectAligned(text.length + 1, Long.BYTES));
        payload.putBytes(0, text);
        final int fd = Libc.LIBC.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            throw new LinuxException("open a unix socket", Errno.last());
        }
        final boolean isSent = limitWait(fd)
                && 0 == Libc.LIBC.connect(fd, address.addressOffset(), PATH_OFFSET + name.length)
                && text.length == send(fd, payload, text.length, descriptors);
        final int errno = isSent ? 0 : Errno.last();
        Libc.LIBC.close(fd);
        if (!isSent) {
            throw new LinuxException("send " + message + " to the socket " + path, errno);
        }
    }

    private static long send(
            final int fd, final UnsafeBuffer payload, final int length, final List<Integer> descriptors) {
        final UnsafeBuffer iovec =
                new UnsafeBuffer(BufferUtil.allocateDirectAligned(MessageVector.IOVEC_LENGTH, Long.BYTES));
        iovec.putLong(0, payload.addressOffset(), ByteOrder.nativeOrder());
        iovec.putLong(Long.BYTES, length, ByteOrder.nativeOrder());
        final int controlLength = descriptors.isEmpty() ? 0 : ControlMessage.rightsLength(descriptors.size());
        final UnsafeBuffer control =
                new UnsafeBuffer(BufferUtil.allocateDirectAligned(Math.max(1, controlLength), Long.BYTES));
        if (0 != controlLength) {
            ControlMessage.putRights(control, descriptors);
        }
        final MessageVector message = new MessageVector(1);
        message.iovecs(0, iovec.addressOffset(), 1);
        message.control(0, 0 == controlLength ? 0 : control.addressOffset(), controlLength);
        return Libc.LIBC.sendmsg(fd, message.address(0), SocketConstants.MSG_NOSIGNAL);
    }

    /** {@code struct timeval} of 64-bit systems: s64 seconds; s64 microseconds. */
    private static boolean limitWait(final int fd) {
        final UnsafeBuffer timeval = new UnsafeBuffer(BufferUtil.allocateDirectAligned(2 * Long.BYTES, Long.BYTES));
        timeval.putLong(0, TIMEOUT_S, ByteOrder.nativeOrder());
        return 0 == Libc.LIBC.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, timeval.addressOffset(), timeval.capacity());
    }
}
