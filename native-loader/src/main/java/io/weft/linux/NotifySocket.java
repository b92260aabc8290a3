/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static io.weft.linux.SocketConstants.AF_UNIX;
import static io.weft.linux.SocketConstants.SOCK_CLOEXEC;
import static io.weft.linux.SocketConstants.SOCK_DGRAM;
import static io.weft.linux.SocketConstants.SOL_SOCKET;
import static io.weft.linux.SocketConstants.SO_SNDTIMEO;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteOrder;
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
    private static final int PATH_OFFSET = Short.BYTES;
    private static final int PATH_LENGTH_MAX = 108;
    /** A manager that does not read its messages must not stop the sender. */
    private static final long TIMEOUT_S = 5;

    private NotifySocket() {}

    /**
     * Sends a message.
     *
     * @param path of the socket, as the environment variable NOTIFY_SOCKET has it.
     * @param message such as {@code READY=1}.
     * @throws LinuxException if nobody takes it within {@value #TIMEOUT_S} s.
     */
    public static void send(final String path, final String message) {
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
                && text.length == Libc.LIBC.write(fd, payload.addressOffset(), text.length);
        final int errno = isSent ? 0 : Errno.last();
        Libc.LIBC.close(fd);
        if (!isSent) {
            throw new LinuxException("send " + message + " to the socket " + path, errno);
        }
    }

    /** {@code struct timeval} of 64-bit systems: s64 seconds; s64 microseconds. */
    private static boolean limitWait(final int fd) {
        final UnsafeBuffer timeval = new UnsafeBuffer(BufferUtil.allocateDirectAligned(2 * Long.BYTES, Long.BYTES));
        timeval.putLong(0, TIMEOUT_S, ByteOrder.nativeOrder());
        return 0 == Libc.LIBC.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, timeval.addressOffset(), timeval.capacity());
    }
}
