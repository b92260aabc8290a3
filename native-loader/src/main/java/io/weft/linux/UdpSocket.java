/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static io.weft.linux.SocketConstants.MSG_DONTWAIT;
import static io.weft.linux.SocketConstants.SOCK_CLOEXEC;
import static io.weft.linux.SocketConstants.SOCK_DGRAM;
import static io.weft.linux.SocketConstants.SOCK_NONBLOCK;
import static io.weft.linux.SocketConstants.SOL_SOCKET;
import static io.weft.linux.SocketConstants.SO_DETACH_FILTER;
import static io.weft.linux.SocketConstants.SO_RCVBUF;
import static io.weft.linux.SocketConstants.SO_RCVBUFFORCE;
import static io.weft.linux.SocketConstants.SO_REUSEPORT;
import static io.weft.linux.SocketConstants.SO_SNDBUF;
import static io.weft.linux.SocketConstants.SO_SNDBUFFORCE;
import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.nativeOrder;

import io.weft.address.IpFamily;
import java.net.InetAddress;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A non-blocking UDP socket that sends and receives in batches. Set up by one thread; then one may send and another receive.
 *
 * <p>Sources: include/uapi/linux/udp.h, in.h, in6.h.
 */
public final class UdpSocket implements DatagramPort, AutoCloseable {
    private static final int IP_MTU_DISCOVER = 10;
    private static final int IP_RECVTOS = 13;
    private static final int IPV6_MTU_DISCOVER = 23;
    private static final int IPV6_V6ONLY = 26;
    private static final int IPV6_RECVTCLASS = 66;
    private static final int IPV6_AUTOFLOWLABEL = 70;
    private static final int PMTUDISC_DONT = 0;

    private static final int SO_MEMINFO = 55; // include/uapi/asm-generic/socket.h

    /** {@code SK_MEMINFO_DROPS} of the u32s that {@code SO_MEMINFO} gives, and their number: include/uapi/linux/sock_diag.h. */
    private static final int MEMINFO_DROPS_OFFSET = 8 * Integer.BYTES;

    private static final int MEMINFO_LENGTH = MEMINFO_DROPS_OFFSET + Integer.BYTES;

    private final int fd;
    private final IpFamily family;
    private final UnsafeBuffer sendBufferOption =
            new UnsafeBuffer(BufferUtil.allocateDirectAligned(Integer.BYTES, Integer.BYTES));
    private boolean closed;

    private UdpSocket(final int fd, final IpFamily family) {
        this.fd = fd;
        this.family = family;
    }

    /** Opens an unbound socket in the calling thread's network namespace. */
    public static UdpSocket open(final IpFamily family) {
        final int fd = Libc.LIBC.socket(family.socketFamily(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            throw new LinuxException("open a UDP socket", Errno.last());
        }
        return new UdpSocket(fd, family);
    }

    /**
     * Makes use of a socket that another process opened.
     *
     * @param fd its descriptor, which belongs to the new object.
     */
    public static UdpSocket adopt(final int fd, final IpFamily family) {
        return new UdpSocket(fd, family);
    }

    /** The file descriptor, to be polled. */
    @Override
    public int fd() {
        return fd;
    }

    /** The family of the addresses it binds, sends and receives. */
    public IpFamily family() {
        return family;
    }

    /**
     * Binds to an address and a port.
     *
     * @param port 0 for one of the kernel's choice.
     * @throws LinuxException if that is not possible; {@link Errno#EADDRINUSE} if another socket owns the port.
     */
    public void bind(final InetAddress address, final int port) {
        final UnsafeBuffer name = new UnsafeBuffer(BufferUtil.allocateDirectAligned(SocketAddress.MAX_LENGTH, 8));
        final int length = SocketAddress.put(name, 0, address, port);
        if (Libc.LIBC.bind(fd, name.addressOffset(), length) < 0) {
            throw new LinuxException("bind UDP " + address.getHostAddress() + " port " + port, Errno.last());
        }
    }

    /** The port that the socket is bound to. */
    public int localPort() {
        final UnsafeBuffer name = new UnsafeBuffer(BufferUtil.allocateDirectAligned(SocketAddress.MAX_LENGTH, 8));
        final UnsafeBuffer length = new UnsafeBuffer(BufferUtil.allocateDirectAligned(Integer.BYTES, Integer.BYTES));
        length.putInt(0, SocketAddress.MAX_LENGTH, nativeOrder());
        if (Libc.LIBC.getsockname(fd, name.addressOffset(), length.addressOffset()) < 0) {
            throw new LinuxException("ask for a UDP socket's port", Errno.last());
        }
        return name.getShort(SocketAddress.PORT_OFFSET, BIG_ENDIAN) & 0xFFFF;
    }

    /** Lets several sockets share the port; the kernel spreads flows over them. To be called before bind. */
    public void reusePort() {
        require("share a UDP port", option(SOL_SOCKET, SO_REUSEPORT, 1));
    }

    /** Keeps an IPv6 socket from also taking the IPv4 port. To be called before bind. */
    public void ipv6Only() {
        require("make a UDP socket IPv6 only", option(ControlMessage.SOL_IPV6, IPV6_V6ONLY, 1));
    }

    /** Never sets DF and never shrinks to a path MTU, as the kernel's VXLAN device does by default. */
    public void doNotFragmentOff() {
        require(
                "switch path MTU discovery off",
                IpFamily.IPV6 == family
                        ? option(ControlMessage.SOL_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DONT)
                        : option(ControlMessage.SOL_IP, IP_MTU_DISCOVER, PMTUDISC_DONT));
    }

    /**
     * Has what is sent over IPv6 carry no flow label, as what the kernel's VXLAN sends has none: a socket's would be a hash that fragments
     * and frames of packet sockets have not ({@code net.ipv6.auto_flowlabels}). Kernels that know no such option send none.
     */
    public void flowLabelOff() {
        if (IpFamily.IPV6 == family) {
            final int errno = option(ControlMessage.SOL_IPV6, IPV6_AUTOFLOWLABEL, 0);
            require("switch flow labels off", Errno.ENOPROTOOPT == errno ? 0 : errno);
        }
    }

    /** Asks for the ECN and DSCP bits of each received datagram as a control message. */
    public void receiveTrafficClass() {
        require(
                "receive the type of service",
                IpFamily.IPV6 == family
                        ? option(ControlMessage.SOL_IPV6, IPV6_RECVTCLASS, 1)
                        : option(ControlMessage.SOL_IP, IP_RECVTOS, 1));
    }

    /**
     * Asks the kernel to join datagrams of one flow.
     *
     * @return false where the kernel (before 5.0) cannot.
     */
    public boolean receiveOffload() {
        return option(ControlMessage.SOL_UDP, ControlMessage.UDP_GRO, 1) == 0;
    }

    /** Whether the kernel (4.18 on) can cut datagrams for us. */
    public boolean segmentationOffload() {
        return option(ControlMessage.SOL_UDP, ControlMessage.UDP_SEGMENT, 0) == 0;
    }

    /**
     * Leaves to a {@link PacketSocket} what it takes, from now on or until the next {@link #receiveAll}. The kernel counts each such
     * datagram as an error of this socket's port.
     */
    public void leave(final TunnelFilter filter) {
        require("leave datagrams to a packet socket", -filter.left().attach(fd));
    }

    /** Is for sending only, from now on or until the next {@link #receiveAll}: what others send to its port is not kept. */
    public void receiveNothing() {
        require("receive nothing", -new SocketFilter().refuse().attach(fd));
    }

    /** Takes back {@link #leave} and {@link #receiveNothing}. */
    public void receiveAll() {
        final int errno = option(SOL_SOCKET, SO_DETACH_FILTER, 0);
        require("receive all datagrams", Errno.ENOENT == errno ? 0 : errno);
    }

    /** Sets both buffers to as much of {@code bytes} as the kernel lets us have. */
    public void bufferLengths(final int bytes) {
        receiveBufferLength(bytes);
        if (option(SOL_SOCKET, SO_SNDBUFFORCE, bytes) != 0) {
            require("set the send buffer", option(SOL_SOCKET, SO_SNDBUF, bytes));
        }
    }

    /** Sets the receive buffer to as much of {@code bytes} as the kernel lets us have. */
    public void receiveBufferLength(final int bytes) {
        if (option(SOL_SOCKET, SO_RCVBUFFORCE, bytes) != 0) {
            require("set the receive buffer", option(SOL_SOCKET, SO_RCVBUF, bytes));
        }
    }

    @Override
    public void sendBufferLength(final int bytes) {
        LinkSocket.sendBufferLength(fd, bytes, sendBufferOption);
    }

    /**
     * Datagrams that the kernel dropped at this socket since it was opened, for its buffer was full or their checksum wrong; those
     * that it {@link #leave}s count as well. Wraps at 2^32. Any thread; 0 where the kernel (before 4.12) does not tell.
     */
    public int drops() {
        final UnsafeBuffer memory = new UnsafeBuffer(BufferUtil.allocateDirectAligned(MEMINFO_LENGTH, Long.BYTES));
        final UnsafeBuffer length = new UnsafeBuffer(BufferUtil.allocateDirectAligned(Integer.BYTES, Integer.BYTES));
        length.putInt(0, MEMINFO_LENGTH, nativeOrder());
        final int result =
                Libc.LIBC.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory.addressOffset(), length.addressOffset());
        return result < 0 ? 0 : memory.getInt(MEMINFO_DROPS_OFFSET, nativeOrder());
    }

    private int option(final int level, final int option, final int value) {
        final UnsafeBuffer buffer = new UnsafeBuffer(BufferUtil.allocateDirectAligned(Integer.BYTES, Integer.BYTES));
        buffer.putInt(0, value, nativeOrder());
        return Libc.LIBC.setsockopt(fd, level, option, buffer.addressOffset(), Integer.BYTES) < 0 ? Errno.last() : 0;
    }

    private static void require(final String what, final int errno) {
        if (0 != errno) {
            throw new LinuxException(what, errno);
        }
    }

    /**
     * Receives up to {@code count} messages into those of the vector from {@code from} on.
     *
     * @return how many, or a negative errno; -{@link Errno#EAGAIN} if there is none.
     */
    @Override
    public int receive(final MessageVector messages, final int from, final int count) {
        final int received = Libc.LIBC.recvmmsg(fd, messages.address(from), count, MSG_DONTWAIT, 0);
        return received < 0 ? -Errno.last() : received;
    }

    /**
     * Sends up to {@code count} messages of the vector from {@code from} on.
     *
     * @return how many were sent; if it is not all, the next call tells why. Or a negative errno for the first one.
     */
    @Override
    public int send(final MessageVector messages, final int from, final int count) {
        final int sent = Libc.LIBC.sendmmsg(fd, messages.address(from), count, MSG_DONTWAIT);
        return sent < 0 ? -Errno.last() : sent;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Libc.LIBC.close(fd);
        }
    }
}
