/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static io.weft.linux.SocketConstants.MSG_DONTWAIT;
import static io.weft.linux.SocketConstants.SOCK_RAW;
import static io.weft.linux.SocketConstants.SO_RCVBUF;
import static io.weft.linux.SocketConstants.SO_RCVBUFFORCE;

import java.util.ArrayList;
import java.util.List;
import org.agrona.CloseHelper;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A non-blocking packet socket that receives a tunnel's datagrams as the device hands them to the host, superframes unsegmented, each
 * with a {@code struct virtio_net_hdr} in front that says how it is to be cut and what is known of its checksums:
 *
 * <pre>
 *  0            10         24  44 or 64
 * +------------+----------+------+-----+---------
 * | vnet header| Ethernet | IP   | UDP | payload
 * +------------+----------+------+-----+---------
 * </pre>
 *
 * Fragments of IPv4 are put together by the kernel before ({@code PACKET_FANOUT_FLAG_DEFRAG}); those of IPv6 come as they are, with a
 * fragment header in the place of the UDP header. The host's IP stack gets each packet too, and
 * the host's firewall has no say in what this socket gets. It sends the same, past the host's IP stack, through the queues of the
 * device. Set up by one thread; then one may receive, one send, and another {@link #become}.
 *
 * <p>It is bound to one protocol, so it sees no packet that leaves, its own among them, and costs none. Sources: include/uapi/linux/if_packet.h,
 * net/packet/af_packet.c.
 */
public final class PacketSocket implements DatagramPort, AutoCloseable {
    private static final int FANOUT_DEFRAG = 0x8000; // PACKET_FANOUT_FLAG_DEFRAG

    /** In every network namespace: include/net/net_namespace.h, {@code LOOPBACK_IFINDEX}. */
    private static final int LOOPBACK_INDEX = 1;

    private static final int O_CLOEXEC = 0x80000; // include/uapi/asm-generic/fcntl.h

    private final int fd;
    private final UnsafeBuffer sendBufferOption = LinkSocket.allocate(Integer.BYTES);
    /** As it was set last, by the thread that sends; 0 for the host's default. */
    private volatile int sendBufferLength;

    private boolean closed;

    private PacketSocket(final int fd) {
        this.fd = fd;
    }

    /**
     * Opens sockets in the calling thread's network namespace, over which the kernel spreads flows.
     *
     * @param count how many, 1 or more.
     * @param bufferLength bytes received that each may buffer.
     * @throws LinuxException if the kernel refuses: CAP_NET_RAW is needed, and the device.
     */
    public static List<PacketSocket> open(final TunnelFilter filter, final int count, final int bufferLength) {
        final List<PacketSocket> sockets = new ArrayList<>(count);
        try {
            int group = 0;
            for (int i = 0; i < count; i++) {
                final PacketSocket socket = new PacketSocket(LinkSocket.open(SOCK_RAW));
                sockets.add(socket);
                socket.prepare(filter, bufferLength);
                if (0 == i) {
                    group = LinkSocket.newGroup(socket.fd, FANOUT_DEFRAG);
                } else {
                    LinkSocket.joinGroup(socket.fd, FANOUT_DEFRAG, group);
                }
                LinkSocket.filter(socket.fd, filter.taken());
            }
            return sockets;
        } catch (final LinuxException ex) {
            CloseHelper.closeAll(sockets);
            throw ex;
        }
    }

    /**
     * Whether the kernel (6.2 on) cuts superframes of UDP that such a socket sends. Tried on loopback in the calling thread's network
     * namespace, which must be up.
     *
     * @throws LinuxException if the kernel refuses a packet socket: CAP_NET_RAW is needed.
     */
    public static boolean cutsUdpSuperframes() {
        final int fd = LinkSocket.open(SOCK_RAW);
        try {
            LinkSocket.tellOffloads(fd);
            LinkSocket.bind(fd, 0, LOOPBACK_INDEX);
            return UdpSuperframeProbe.takes(fd, LinkSocket.VNET_HEADER_LENGTH, Framing.ETHERNET_LENGTH);
        } finally {
            Libc.LIBC.close(fd);
        }
    }

    /** Makes use of a socket that another process opened; the descriptor belongs to the new object. */
    public static PacketSocket adopt(final int fd) {
        return new PacketSocket(fd);
    }

    /** A socket gets what all others get until it has joined them: so it takes nothing before. */
    private void prepare(final TunnelFilter filter, final int bufferLength) {
        LinkSocket.tellOffloads(fd);
        LinkSocket.bufferLength(fd, SO_RCVBUFFORCE, SO_RCVBUF, bufferLength);
        LinkSocket.filter(fd, new SocketFilter().refuse());
        LinkSocket.bind(fd, filter.protocol(), filter.linkIndex());
    }

    /**
     * Receives and sends by another socket from now on, under the same descriptor: whoever uses this one does not notice. What this one
     * had not given yet is lost.
     *
     * @param other has no other use, and is closed.
     */
    public void become(final PacketSocket other) {
        final int length = sendBufferLength;
        if (0 != length) {
            other.sendBufferLength(length);
        }
        final int result = Libc.LIBC.dup3(other.fd, fd, O_CLOEXEC);
        final int errno = result < 0 ? Errno.last() : 0;
        other.close();
        if (0 != errno) {
            throw new LinuxException("replace a packet socket", errno);
        }
        if (length != sendBufferLength) { // set meanwhile, on what this one was before
            LinkSocket.sendBufferLength(fd, sendBufferLength, other.sendBufferOption);
        }
    }

    /** The link that it is bound to; negative when that is gone. */
    public int linkIndex() {
        return LinkSocket.boundTo(fd);
    }

    /** The file descriptor, to be polled. */
    @Override
    public int fd() {
        return fd;
    }

    /**
     * Receives up to {@code count} messages into those of the vector from {@code from} on.
     *
     * @return how many, or a negative errno; -{@link Errno#EAGAIN} if there is none, -{@link Errno#ENETDOWN} once after the device
     *     went down, -{@link Errno#EINVAL} for a packet whose offload the vnet header has no word for, which is lost.
     */
    @Override
    public int receive(final MessageVector messages, final int from, final int count) {
        final int received = Libc.LIBC.recvmmsg(fd, messages.address(from), count, MSG_DONTWAIT, 0);
        return received < 0 ? -Errno.last() : received;
    }

    /**
     * Sends up to {@code count} frames of the vector from {@code from} on.
     *
     * @return how many were sent, or a negative errno for the first: -{@link Errno#EMSGSIZE} if it is longer than the device takes,
     *     -{@link Errno#ENOBUFS} if the device's queue dropped it, -{@link Errno#ENETDOWN} or -{@link Errno#ENXIO} without the device,
     *     -{@link Errno#EINVAL} for what the kernel does not cut.
     */
    @Override
    public int send(final MessageVector messages, final int from, final int count) {
        final int sent = Libc.LIBC.sendmmsg(fd, messages.address(from), count, MSG_DONTWAIT);
        return sent < 0 ? -Errno.last() : sent;
    }

    @Override
    public void sendBufferLength(final int bytes) {
        sendBufferLength = bytes;
        LinkSocket.sendBufferLength(fd, bytes, sendBufferOption);
    }

    /** Packets that were lost since the last call, for they were not received in time. The thread that closes it. */
    public int takeLosses() {
        return closed ? 0 : LinkSocket.takeLosses(fd);
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Libc.LIBC.close(fd);
        }
    }
}
