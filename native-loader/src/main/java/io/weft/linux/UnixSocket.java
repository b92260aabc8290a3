/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static io.weft.linux.SocketConstants.AF_UNIX;
import static io.weft.linux.SocketConstants.MSG_CMSG_CLOEXEC;
import static io.weft.linux.SocketConstants.MSG_CTRUNC;
import static io.weft.linux.SocketConstants.MSG_NOSIGNAL;
import static io.weft.linux.SocketConstants.MSG_TRUNC;
import static io.weft.linux.SocketConstants.SCM_RIGHTS;
import static io.weft.linux.SocketConstants.SOCK_CLOEXEC;
import static io.weft.linux.SocketConstants.SOCK_NONBLOCK;
import static io.weft.linux.SocketConstants.SOCK_SEQPACKET;
import static io.weft.linux.SocketConstants.SOL_SOCKET;
import static io.weft.linux.SocketConstants.SO_PEERCRED;
import static java.nio.ByteOrder.nativeOrder;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A unix socket that keeps the bounds of messages ({@code SOCK_SEQPACKET}) and carries open descriptors with them ({@code
 * SCM_RIGHTS}), which Java's do not. Owned by one thread at a time; {@link #close} alone may come from another, and only while no
 * call is in progress.
 *
 * <pre>
 *   struct cmsghdr: u64 length, header and data; int level; int type; int fd[]
 *   struct ucred:   int pid; int uid; int gid
 * </pre>
 *
 * Sources: include/uapi/linux/un.h, include/linux/socket.h, net/core/scm.c.
 */
public final class UnixSocket implements AutoCloseable {
    /** Of a message's text, in bytes. */
    public static final int MESSAGE_LENGTH_MAX = 1 << 16;

    /** Of a message's descriptors ({@code SCM_MAX_FD}). */
    public static final int DESCRIPTORS_MAX = 253;

    private static final int PATH_OFFSET = Short.BYTES;
    private static final int PATH_LENGTH_MAX = 107; // and a zero
    private static final int BACKLOG = 8;

    private static final int CONTROL_LEVEL_OFFSET = Long.BYTES;
    private static final int CONTROL_TYPE_OFFSET = CONTROL_LEVEL_OFFSET + Integer.BYTES;
    private static final int CONTROL_DATA_OFFSET = CONTROL_TYPE_OFFSET + Integer.BYTES;
    private static final int CONTROL_LENGTH_MAX =
            CONTROL_DATA_OFFSET + (DESCRIPTORS_MAX + 1) * Integer.BYTES; // a multiple of eight

    private static final int UCRED_UID_OFFSET = Integer.BYTES;
    private static final int UCRED_LENGTH = 3 * Integer.BYTES;

    private final int fd;
    private final String name;
    private final UnsafeBuffer payload = allocate(MESSAGE_LENGTH_MAX);
    private final UnsafeBuffer control = allocate(CONTROL_LENGTH_MAX);
    private final UnsafeBuffer iovec = allocate(MessageVector.IOVEC_LENGTH);
    private final MessageVector message = new MessageVector(1);
    private final Poller poller = new Poller(1);
    private boolean closed;

    /**
     * What came.
     *
     * @param text as it was sent.
     * @param descriptors that came with it, in the order in which they were sent; they belong to whoever receives this.
     */
    public record Message(String text, List<Integer> descriptors) {}

    private UnixSocket(final int fd, final String name) {
        this.fd = fd;
        this.name = name;
    }

    private static UnsafeBuffer allocate(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, Long.BYTES));
    }

    private static UnixSocket open(final Path path) {
        final int fd = Libc.LIBC.socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0) {
            throw new LinuxException("open a unix socket", Errno.last());
        }
        return new UnixSocket(fd, path.toString());
    }

    /** {@code struct sockaddr_un}: u16 family; char path[108]. */
    private static UnsafeBuffer address(final Path path) {
        final byte[] name = path.toString().getBytes(UTF_8);
        if (name.length > PATH_LENGTH_MAX) {
            throw new LinuxException("use the socket '" + path + "'", Errno.ENAMETOOLONG);
        }
        final UnsafeBuffer address = allocate(PATH_OFFSET + PATH_LENGTH_MAX + 1);
        address.putShort(0, (short) AF_UNIX, nativeOrder());
        address.putBytes(PATH_OFFSET, name);
        return address;
    }

    /**
     * Listens at a path that is not there yet.
     *
     * @throws LinuxException if that is not possible.
     */
    public static UnixSocket listen(final Path path) {
        final UnsafeBuffer address = address(path); // first: it may throw
        final UnixSocket socket = open(path);
        final boolean isDone = 0 == Libc.LIBC.bind(socket.fd, address.addressOffset(), address.capacity())
                && 0 == Libc.LIBC.listen(socket.fd, BACKLOG);
        return socket.orFail(isDone, "listen at " + path);
    }

    /**
     * Connects to who listens at a path.
     *
     * @throws LinuxException {@link Errno#ENOENT} or {@link Errno#ECONNREFUSED} if nobody does.
     */
    public static UnixSocket connect(final Path path) {
        final UnsafeBuffer address = address(path); // first: it may throw
        final UnixSocket socket = open(path);
        return socket.orFail(
                0 == Libc.LIBC.connect(socket.fd, address.addressOffset(), address.capacity()), "connect to " + path);
    }

    private UnixSocket orFail(final boolean isDone, final String tried) {
        if (!isDone) {
            final int errno = Errno.last();
            close();
            throw new LinuxException(tried, errno);
        }
        return this;
    }

    /**
     * Waits for somebody to connect.
     *
     * @param timeoutMs 0 to only look.
     * @return null if nobody has.
     */
    public @Nullable UnixSocket accept(final int timeoutMs) {
        if (!isReadyWithin(timeoutMs)) {
            return null;
        }
        final int accepted = Libc.LIBC.accept4(fd, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (accepted >= 0) {
            return new UnixSocket(accepted, name);
        }
        final int errno = Errno.last();
        if (Errno.EAGAIN == errno || Errno.EINTR == errno) {
            return null;
        }
        throw new LinuxException("accept a connection at " + name, errno);
    }

    /** The user that the process at the other end had when it connected or began to listen. */
    public int peerUid() {
        final UnsafeBuffer credentials = allocate(UCRED_LENGTH);
        final UnsafeBuffer length = allocate(Integer.BYTES);
        length.putInt(0, UCRED_LENGTH, nativeOrder());
        if (Libc.LIBC.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials.addressOffset(), length.addressOffset())
                < 0) {
            throw new LinuxException("ask who is at the other end of " + name, Errno.last());
        }
        return credentials.getInt(UCRED_UID_OFFSET, nativeOrder());
    }

    /** The user of this process. */
    public static int ownUid() {
        return Libc.LIBC.geteuid();
    }

    /**
     * Sends a message.
     *
     * @param text not empty, of {@value #MESSAGE_LENGTH_MAX} bytes at most.
     * @param descriptors that go with it, {@value #DESCRIPTORS_MAX} at most; they stay open here.
     * @throws LinuxException if nobody is there to take it, or its queue is full.
     */
    public void send(final String text, final List<Integer> descriptors) {
        final byte[] bytes = text.getBytes(UTF_8);
        if (0 == bytes.length || bytes.length > MESSAGE_LENGTH_MAX || descriptors.size() > DESCRIPTORS_MAX) {
            throw new LinuxException("send " + bytes.length + " bytes to " + name, Errno.EMSGSIZE);
        }
        payload.putBytes(0, bytes);
        int controlLength = 0;
        if (!descriptors.isEmpty()) {
            ControlMessage.putRights(control, descriptors);
            controlLength = ControlMessage.rightsLength(descriptors.size());
        }
        prepare(bytes.length, controlLength);
        if (Libc.LIBC.sendmsg(fd, message.address(0), MSG_NOSIGNAL) < 0) {
            throw new LinuxException("send a message to " + name, Errno.last());
        }
    }

    private void prepare(final int length, final int controlLength) {
        iovec.putLong(0, payload.addressOffset(), nativeOrder());
        iovec.putLong(Long.BYTES, length, nativeOrder());
        message.iovecs(0, iovec.addressOffset(), 1);
        message.control(0, 0 == controlLength ? 0 : control.addressOffset(), controlLength);
    }

    /**
     * Waits for a message.
     *
     * @return null if the other end is closed.
     * @throws LinuxException {@link Errno#ETIMEDOUT} if none comes in time.
     */
    public @Nullable Message receive(final int timeoutMs) {
        if (!isReadyWithin(timeoutMs)) {
            throw new LinuxException("wait " + timeoutMs + " ms for a message from " + name, Errno.ETIMEDOUT);
        }
        prepare(MESSAGE_LENGTH_MAX, CONTROL_LENGTH_MAX);
        final long length = Libc.LIBC.recvmsg(fd, message.address(0), MSG_CMSG_CLOEXEC);
        final int errno = length < 0 ? Errno.last() : 0;
        if (Errno.ECONNRESET == errno || 0 == length) {
            return null; // the other end is gone, with something unread or without
        }
        if (0 != errno) {
            throw new LinuxException("receive a message from " + name, errno);
        }
        final List<Integer> descriptors = descriptors();
        if (0 != (message.flags(0) & (MSG_TRUNC | MSG_CTRUNC))) {
            descriptors.forEach(Libc.LIBC::close);
            throw new LinuxException("receive a message from " + name, Errno.EMSGSIZE);
        }
        return new Message(payload.getStringWithoutLengthUtf8(0, (int) length), descriptors);
    }

    /** There is one control message: no other kind was asked for. */
    private List<Integer> descriptors() {
        final List<Integer> descriptors = new ArrayList<>();
        if (message.controlLength(0) >= CONTROL_DATA_OFFSET
                && SOL_SOCKET == control.getInt(CONTROL_LEVEL_OFFSET, nativeOrder())
                && SCM_RIGHTS == control.getInt(CONTROL_TYPE_OFFSET, nativeOrder())) {
            final int end = (int) Math.min(control.getLong(0, nativeOrder()), message.controlLength(0));
            for (int at = CONTROL_DATA_OFFSET; at + Integer.BYTES <= end; at += Integer.BYTES) {
                descriptors.add(control.getInt(at, nativeOrder()));
            }
        }
        return descriptors;
    }

    private boolean isReadyWithin(final int timeoutMs) {
        final long deadlineNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs);
        int leftMs = timeoutMs;
        while (true) {
            poller.set(0, fd, Poller.POLLIN);
            final int ready = poller.poll(leftMs);
            if (ready > 0) {
                return true;
            }
            if (ready < 0 && -Errno.EINTR != ready) {
                throw new LinuxException("wait for " + name, -ready);
            }
            leftMs = (int) TimeUnit.NANOSECONDS.toMillis(deadlineNs - System.nanoTime());
            if (leftMs <= 0) {
                return false;
            }
        }
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Libc.LIBC.close(fd);
        }
    }
}
