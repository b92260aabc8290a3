/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static io.weft.linux.SocketConstants.AF_PACKET;
import static io.weft.linux.SocketConstants.MSG_DONTWAIT;
import static io.weft.linux.SocketConstants.SOCK_CLOEXEC;
import static io.weft.linux.SocketConstants.SOCK_NONBLOCK;
import static io.weft.linux.SocketConstants.SOCK_RAW;
import static io.weft.linux.SocketConstants.SOL_SOCKET;
import static io.weft.linux.SocketConstants.SO_RCVBUF;
import static io.weft.linux.SocketConstants.SO_RCVBUFFORCE;
import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.nativeOrder;

import java.util.ArrayList;
import java.util.List;
import org.agrona.BufferUtil;
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
 * the host's firewall has no say in what this socket gets. Set up by one thread; then one may receive, and another {@link #become}.
 *
 * <p>It is bound to one protocol, so it sees no packet that leaves, and costs none. Sources: include/uapi/linux/if_packet.h,
 * net/packet/af_packet.c.
 */
public final class PacketSocket implements ReceivePort, AutoCloseable {
    /** {@code sizeof(struct virtio_net_hdr)}. */
    public static final int VNET_HEADER_LENGTH = 10;

    private static final int SOL_PACKET = 263;
    private static final int PACKET_VNET_HDR = 15;
    private static final int PACKET_FANOUT = 18;
    private static final int PACKET_FANOUT_HASH = 0;
    private static final int PACKET_FANOUT_FLAG_UNIQUEID = 0x2000;
    private static final int PACKET_FANOUT_FLAG_DEFRAG = 0x8000;
    private static final int FANOUT_ID_MASK = 0xFFFF;

    private static final int O_CLOEXEC = 0x80000; // include/uapi/asm-generic/fcntl.h

    // struct sockaddr_ll: u16 family; be16 protocol; int ifindex; ... 20 bytes
    private static final int NAME_PROTOCOL_OFFSET = Short.BYTES;
    private static final int NAME_INDEX_OFFSET = NAME_PROTOCOL_OFFSET + Short.BYTES;
    private static final int NAME_LENGTH = 20;

    private final int fd;
    private boolean closed;

    private PacketSocket(final int fd) {
        this.fd = fd;
    }

    /**
     * Opens sockets in the calling thread's network namespace, over which the kernel spreads flows.
     *
     * @param count how many, 1 or more.
     * @param bufferLength bytes that each may buffer.
     * @throws LinuxException if the kernel refuses: CAP_NET_RAW is needed, and the device.
     */
    public static List<PacketSocket> open(final TunnelFilter filter, final int count, final int bufferLength) {
        final List<PacketSocket> sockets = new ArrayList<>(count);
        try {
            for (int i = 0; i < count; i++) {
                final int fd = Libc.LIBC.socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
                if (fd < 0) {
                    throw new LinuxException("open a packet socket", Errno.last(), "It needs capability CAP_NET_RAW");
                }
                final PacketSocket socket = new PacketSocket(fd);
                sockets.add(socket);
                socket.setUp(filter, bufferLength, sockets.get(0));
            }
            return sockets;
        } catch (final LinuxException ex) {
            CloseHelper.closeAll(sockets);
            throw ex;
        }
    }

    /** A socket gets what all others get until it has joined them: so it takes nothing before. */
    private void setUp(final TunnelFilter filter, final int bufferLength, final PacketSocket first) {
        require("have a packet socket tell of offloads", option(SOL_PACKET, PACKET_VNET_HDR, 1));
        if (0 != option(SOL_SOCKET, SO_RCVBUFFORCE, bufferLength)) {
            require("set a packet socket's buffer", option(SOL_SOCKET, SO_RCVBUF, bufferLength));
        }
        require("filter a packet socket", -new SocketFilter().refuse().attach(fd));
        bind(filter.protocol(), filter.linkIndex());
        final int type = PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG;
        final int group = this == first
                ? (type | PACKET_FANOUT_FLAG_UNIQUEID) << Short.SIZE
                : type << Short.SIZE | first.fanoutId();
        require("spread packets over packet sockets", option(SOL_PACKET, PACKET_FANOUT, group));
        require("filter a packet socket", -filter.taken().attach(fd));
    }

    private void bind(final int protocol, final int linkIndex) {
        final UnsafeBuffer name = allocate(NAME_LENGTH);
        name.putShort(0, (short) AF_PACKET, nativeOrder());
        name.putShort(NAME_PROTOCOL_OFFSET, (short) protocol, BIG_ENDIAN);
        name.putInt(NAME_INDEX_OFFSET, linkIndex, nativeOrder());
        if (Libc.LIBC.bind(fd, name.addressOffset(), NAME_LENGTH) < 0) {
            throw new LinuxException("bind a packet socket to interface " + linkIndex, Errno.last());
        }
    }

    private int fanoutId() {
        final UnsafeBuffer value = allocate(Integer.BYTES);
        final UnsafeBuffer length = allocate(Integer.BYTES);
        length.putInt(0, Integer.BYTES, nativeOrder());
        if (Libc.LIBC.getsockopt(fd, SOL_PACKET, PACKET_FANOUT, value.addressOffset(), length.addressOffset()) < 0) {
            throw new LinuxException("ask for a packet socket's group", Errno.last());
        }
        return value.getInt(0, nativeOrder()) & FANOUT_ID_MASK;
    }

    private int option(final int level, final int option, final int value) {
        final UnsafeBuffer buffer = allocate(Integer.BYTES);
        buffer.putInt(0, value, nativeOrder());
        return Libc.LIBC.setsockopt(fd, level, option, buffer.addressOffset(), Integer.BYTES) < 0 ? Errno.last() : 0;
    }

    private static void require(final String what, final int errno) {
        if (0 != errno) {
            throw new LinuxException(what, errno);
        }
    }

    /**
     * Receives by another socket from now on, under the same descriptor: whoever receives by this one does not notice. What this one
     * had not given yet is lost.
     *
     * @param other has no other use, and is closed.
     */
    public void become(final PacketSocket other) {
        final int result = Libc.LIBC.dup3(other.fd, fd, O_CLOEXEC);
        final int errno = result < 0 ? Errno.last() : 0;
        other.close();
        require("replace a packet socket", errno);
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

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Libc.LIBC.close(fd);
        }
    }

    private static UnsafeBuffer allocate(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, Long.BYTES));
    }
}
