/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static io.weft.linux.SocketConstants.AF_NETLINK;
import static io.weft.linux.SocketConstants.MSG_DONTWAIT;
import static io.weft.linux.SocketConstants.MSG_TRUNC;
import static io.weft.linux.SocketConstants.SOCK_CLOEXEC;
import static io.weft.linux.SocketConstants.SOCK_RAW;
import static io.weft.linux.SocketConstants.SOL_SOCKET;
import static io.weft.linux.SocketConstants.SO_RCVBUFFORCE;
import static io.weft.linux.SocketConstants.SO_RCVTIMEO;
import static java.nio.ByteOrder.nativeOrder;

import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A socket to the kernel's routing netlink, in the network namespace of the thread that opens it. Owned by one thread.
 *
 * <p>{@code struct sockaddr_nl}: u16 family; u16 zero; u32 port id (0 is the kernel); u32 groups. {@code struct msghdr}:
 *
 * <pre>
 *  0       8          12  16      24            32       40              48     52  56
 * +-------+----------+---+-------+-------------+--------+---------------+------+---+
 * | name  | its len  |   | iovec | iovec count | control| control length| flags|   |
 * +-------+----------+---+-------+-------------+--------+---------------+------+---+
 * </pre>
 *
 * Sources: include/uapi/linux/netlink.h, include/linux/socket.h, include/uapi/asm-generic/socket.h.
 */
public final class NetlinkSocket implements AutoCloseable {
    /** Links, addresses, routes and neighbours. */
    public static final int NETLINK_ROUTE = 0;

    /** Sockets of other families. */
    public static final int NETLINK_SOCK_DIAG = 4;

    /** IPsec's policies. */
    public static final int NETLINK_XFRM = 6;

    /** Rules of the firewall. */
    public static final int NETLINK_NETFILTER = 12;

    private static final int SOL_NETLINK = 270;
    private static final int NETLINK_ADD_MEMBERSHIP = 1;
    private static final int NETLINK_CAP_ACK = 10;
    private static final int NETLINK_EXT_ACK = 11;
    private static final int NETLINK_GET_STRICT_CHK = 12;

    private static final int ADDRESS_FAMILY_OFFSET = 0;
    private static final int ADDRESS_PORT_OFFSET = 4;
    private static final int ADDRESS_LENGTH = 12;

    private static final int NAME_OFFSET = 0;
    private static final int NAME_LENGTH_OFFSET = NAME_OFFSET + Long.BYTES;
    private static final int IOVEC_OFFSET = NAME_LENGTH_OFFSET + Long.BYTES;
    private static final int IOVEC_COUNT_OFFSET = IOVEC_OFFSET + Long.BYTES;
    private static final int CONTROL_OFFSET = IOVEC_COUNT_OFFSET + Long.BYTES;
    private static final int FLAGS_OFFSET = CONTROL_OFFSET + 2 * Long.BYTES;
    private static final int MESSAGE_LENGTH = FLAGS_OFFSET + Long.BYTES;

    // struct iovec: void *base; size_t length
    private static final int BASE_OFFSET = 0;
    private static final int LENGTH_OFFSET = BASE_OFFSET + Long.BYTES;
    private static final int IOVEC_LENGTH = LENGTH_OFFSET + Long.BYTES;

    /** The kernel answers before send returns; a wait as long as this means that the answer was lost. */
    private static final long RECEIVE_TIMEOUT_SECONDS = 5;

    private final int fd;
    private final UnsafeBuffer address = allocate(ADDRESS_LENGTH);
    private final UnsafeBuffer message = allocate(MESSAGE_LENGTH);
    private final UnsafeBuffer iovec = allocate(IOVEC_LENGTH);
    private boolean closed;

    private NetlinkSocket(final int fd) {
        this.fd = fd;
        message.putLong(NAME_OFFSET, address.addressOffset(), nativeOrder());
        message.putLong(IOVEC_OFFSET, iovec.addressOffset(), nativeOrder());
        message.putLong(IOVEC_COUNT_OFFSET, 1, nativeOrder());
    }

    /** A socket for {@link #NETLINK_ROUTE}. */
    public static NetlinkSocket open() {
        return open(NETLINK_ROUTE);
    }

    /**
     * Opens a socket with extended acknowledgements and, where the kernel (4.20 on) has it, strict checking of requests.
     *
     * @param protocol such as {@link #NETLINK_ROUTE}.
     * @return the bound socket.
     * @throws LinuxException if the kernel refuses; {@link Errno#EPROTONOSUPPORT} if it has none of that protocol.
     */
    public static NetlinkSocket open(final int protocol) {
        final int fd = Libc.LIBC.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
        if (fd < 0) {
            throw new LinuxException("open a netlink socket of protocol " + protocol, Errno.last());
        }
        final NetlinkSocket socket = new NetlinkSocket(fd);
        try {
            socket.configure();
        } catch (final LinuxException e) {
            socket.close();
            throw e;
        }
        return socket;
    }

    private void configure() {
        address.putShort(ADDRESS_FAMILY_OFFSET, (short) AF_NETLINK, nativeOrder());
        if (Libc.LIBC.bind(fd, address.addressOffset(), ADDRESS_LENGTH) < 0) {
            throw new LinuxException("bind a netlink socket", Errno.last());
        }
        // Kernels without these options lack only the text of errors and the filters of dumps, which are filtered
        // again.
        setOption(SOL_NETLINK, NETLINK_EXT_ACK, 1);
        setOption(SOL_NETLINK, NETLINK_CAP_ACK, 1);
        setOption(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);

        final UnsafeBuffer timeval = allocate(2 * Long.BYTES); // struct timeval: long seconds; long microseconds
        timeval.putLong(0, RECEIVE_TIMEOUT_SECONDS, nativeOrder());
        if (Libc.LIBC.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeval.addressOffset(), timeval.capacity()) < 0) {
            throw new LinuxException("set a receive timeout on a netlink socket", Errno.last());
        }
    }

    /**
     * Subscribes to the notifications of a group.
     *
     * @param group a number of {@code enum rtnetlink_groups} (include/uapi/linux/rtnetlink.h).
     * @throws LinuxException if there is no such group.
     */
    public void join(final int group) {
        final int errno = setOption(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
        if (0 != errno) {
            throw new LinuxException("join netlink group " + group, errno);
        }
    }

    /**
     * Sets how much the kernel queues for us before it drops notifications.
     *
     * @param bytes of kernel memory.
     * @throws LinuxException without CAP_NET_ADMIN.
     */
    public void receiveBufferLength(final int bytes) {
        final int errno = setOption(SOL_SOCKET, SO_RCVBUFFORCE, bytes);
        if (0 != errno) {
            throw new LinuxException("set the receive buffer of a netlink socket to " + bytes + " bytes", errno);
        }
    }

    /**
     * Has the kernel send only what a program accepts.
     *
     * @param filter whose accumulator loads from the netlink message.
     * @return 0 or a negative errno: the socket goes on to get everything then.
     */
    public int attach(final SocketFilter filter) {
        return filter.attach(fd);
    }

    /** The descriptor, to be polled. */
    public int fd() {
        return fd;
    }

    /**
     * Sends a request to the kernel.
     *
     * @param buffer in direct memory, the request at its start.
     * @param length of the request.
     * @return 0 or a negative errno.
     */
    public int send(final UnsafeBuffer buffer, final int length) {
        return Libc.LIBC.write(fd, buffer.addressOffset(), length) < 0 ? -Errno.last() : 0;
    }

    /**
     * Receives what the kernel sent, and only what the kernel sent: datagrams of other processes are passed over. Waits up
     * to 5 s.
     *
     * @param buffer in direct memory, filled from its start.
     * @return the length, at most the buffer's capacity, or a negative errno: -{@link Errno#EAGAIN} if nothing came,
     *     -{@link Errno#ENOBUFS} if notifications were lost, -{@link Errno#EMSGSIZE} if the buffer was too small.
     */
    public int receive(final UnsafeBuffer buffer) {
        return receive(buffer, 0);
    }

    /**
     * As {@link #receive}, without waiting.
     *
     * @param buffer in direct memory, filled from its start.
     * @return as {@link #receive}.
     */
    public int receiveNow(final UnsafeBuffer buffer) {
        return receive(buffer, MSG_DONTWAIT);
    }

    private int receive(final UnsafeBuffer buffer, final int flags) {
        while (true) {
            message.putInt(NAME_LENGTH_OFFSET, ADDRESS_LENGTH, nativeOrder());
            iovec.putLong(BASE_OFFSET, buffer.addressOffset(), nativeOrder());
            iovec.putLong(LENGTH_OFFSET, buffer.capacity(), nativeOrder());
            final long length = Libc.LIBC.recvmsg(fd, message.addressOffset(), flags);
            if (length < 0) {
                final int errno = Errno.last();
                if (Errno.EINTR == errno) {
                    continue;
                }
                return -errno;
            }
            if (0 == address.getInt(ADDRESS_PORT_OFFSET, nativeOrder())) {
                return 0 == (message.getInt(FLAGS_OFFSET, nativeOrder()) & MSG_TRUNC) ? (int) length : -Errno.EMSGSIZE;
            }
        }
    }

    private int setOption(final int level, final int option, final int value) {
        final UnsafeBuffer buffer = allocate(Integer.BYTES);
        buffer.putInt(0, value, nativeOrder());
        return Libc.LIBC.setsockopt(fd, level, option, buffer.addressOffset(), Integer.BYTES) < 0 ? Errno.last() : 0;
    }

    private static UnsafeBuffer allocate(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, Long.BYTES));
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Libc.LIBC.close(fd);
        }
    }
}
