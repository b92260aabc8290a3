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
import static io.weft.linux.SocketConstants.SO_SNDBUF;
import static io.weft.linux.SocketConstants.SO_SNDBUFFORCE;
import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.nativeOrder;

import io.weft.linux.SocketFilter.Label;
import java.util.ArrayList;
import java.util.List;
import org.agrona.BufferUtil;
import org.agrona.CloseHelper;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A packet socket at one end of a veth pair, in the place of a TUN queue: each read gives one Ethernet frame that the host sent
 * to the other end, a superframe of up to 64 KB too, behind a {@code struct virtio_net_hdr}; each write takes the same, and comes
 * out of the other end. IP alone passes the socket's filter, and no frame that is sent here.
 *
 * <p>Several sockets of one device share its frames by flow, so that a flow keeps its order ({@code PACKET_FANOUT_HASH}).
 *
 * <p>Owned by one thread, but for its writes and {@link #takeLosses}, which any may call.
 * Sources: include/uapi/linux/if_packet.h, net/packet/af_packet.c, include/linux/virtio_net.h.
 */
public final class FrameSocket implements PacketPort, FrameBatchSink, AutoCloseable {
    /** {@code sizeof(struct virtio_net_hdr)}: what {@code PACKET_VNET_HDR} means. */
    private static final int VNET_HEADER_LENGTH = 10;

    private static final int ETH_P_ALL = 3;
    private static final int ETH_P_IP = 0x0800;
    private static final int ETH_P_IPV6 = 0x86DD;
    private static final int PACKET_OUTGOING = 4;

    private static final int SOL_PACKET = 263;
    private static final int PACKET_STATISTICS = 6;
    private static final int PACKET_VNET_HDR = 15;
    private static final int PACKET_FANOUT = 18;
    private static final int PACKET_IGNORE_OUTGOING = 23;

    /** {@code PACKET_FANOUT_FLAG_UNIQUEID}, in the half of the option's value that has {@code PACKET_FANOUT_HASH}, 0. */
    private static final int FANOUT_BY_FLOW_IN_NEW_GROUP = 0x2000 << Short.SIZE;

    private static final int GROUP_MASK = 0xFFFF;

    // struct sockaddr_ll: u16 family; be16 protocol; int ifindex; ... 20 bytes
    private static final int NAME_PROTOCOL_OFFSET = Short.BYTES;
    private static final int NAME_INDEX_OFFSET = NAME_PROTOCOL_OFFSET + Short.BYTES;
    private static final int NAME_LENGTH = 20;

    // struct tpacket_stats: u32 packets, those lost included; u32 lost
    private static final int STATISTICS_LOST_OFFSET = Integer.BYTES;
    private static final int STATISTICS_LENGTH = STATISTICS_LOST_OFFSET + Integer.BYTES;

    private final int fd;
    private final UnsafeBuffer statistics = allocate(STATISTICS_LENGTH);
    private final UnsafeBuffer statisticsLength = allocate(Integer.BYTES);
    private Framing framing;
    private boolean closed;

    private FrameSocket(final int fd, final Framing framing) {
        this.fd = fd;
        this.framing = framing;
    }

    /**
     * Opens sockets in the calling thread's network namespace.
     *
     * @param linkIndex of the end of the pair that frames come out of; it has to be up.
     * @param hostMac of the other end, which is the host's, in the low 48 bits.
     * @param ownMac of this end.
     * @param count 1 or more.
     * @param bufferLength bytes that each socket may buffer each way.
     * @throws LinuxException if the kernel refuses: CAP_NET_RAW is needed.
     */
    public static List<FrameSocket> open(
            final int linkIndex, final long hostMac, final long ownMac, final int count, final int bufferLength) {
        final List<FrameSocket> sockets = new ArrayList<>(count);
        try {
            final Framing framing = Framing.ofEthernet(VNET_HEADER_LENGTH, hostMac, ownMac, true);
            for (int i = 0; i < count; i++) {
                final FrameSocket socket = new FrameSocket(openSocket(), framing);
                sockets.add(socket);
                socket.prepare(bufferLength);
                socket.bind(linkIndex);
            }
            if (count > 1) {
                shareByFlow(sockets);
            }
            final boolean takesUdp = UdpSuperframeProbe.takes(sockets.get(0));
            for (final FrameSocket socket : sockets) {
                socket.framing = Framing.ofEthernet(VNET_HEADER_LENGTH, hostMac, ownMac, takesUdp);
                socket.filter();
            }
            return sockets;
        } catch (final LinuxException ex) {
            CloseHelper.closeAll(sockets);
            throw ex;
        }
    }

    /**
     * Checks that there can be packet sockets.
     *
     * @throws LinuxException with the remedy if there cannot.
     */
    public static void require() {
        Libc.LIBC.close(openSocket());
    }

    private static int openSocket() {
        final int fd = Libc.LIBC.socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            final int errno = Errno.last();
            throw new LinuxException("open a packet socket", errno, remedy(errno));
        }
        return fd;
    }

    private static String remedy(final int errno) {
        return switch (errno) {
            case Errno.EPERM, Errno.EACCES -> "Give it capability CAP_NET_RAW";
            case Errno.EAFNOSUPPORT -> "The kernel has none: 'modprobe af_packet', or build CONFIG_PACKET";
            default -> "";
        };
    }

    /** Nothing gets in before all sockets share the frames: until then each would have all. */
    private void prepare(final int bufferLength) {
        require("close a packet socket for now", -new SocketFilter().refuse().attach(fd));
        require("have a packet socket tell of offloads", option(SOL_PACKET, PACKET_VNET_HDR, 1));
        option(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1); // before Linux 4.20 the filter alone sees to it, at some cost
        bufferLength("set the receive buffer", SO_RCVBUFFORCE, SO_RCVBUF, bufferLength);
        bufferLength("set the send buffer", SO_SNDBUFFORCE, SO_SNDBUF, bufferLength);
    }

    /** As much as the kernel lets us have: in a user namespace of its own CAP_NET_ADMIN does not force it. */
    private void bufferLength(final String what, final int force, final int ask, final int bytes) {
        if (0 != option(SOL_SOCKET, force, bytes)) {
            require(what, option(SOL_SOCKET, ask, bytes));
        }
    }

    private void bind(final int linkIndex) {
        final UnsafeBuffer name = allocate(NAME_LENGTH);
        name.putShort(0, (short) AF_PACKET, nativeOrder());
        name.putShort(NAME_PROTOCOL_OFFSET, (short) ETH_P_ALL, BIG_ENDIAN);
        name.putInt(NAME_INDEX_OFFSET, linkIndex, nativeOrder());
        if (Libc.LIBC.bind(fd, name.addressOffset(), NAME_LENGTH) < 0) {
            throw new LinuxException("bind a packet socket to interface " + linkIndex, Errno.last());
        }
    }

    private static void shareByFlow(final List<FrameSocket> sockets) {
        final FrameSocket first = sockets.get(0);
        require("share frames by flow", first.option(SOL_PACKET, PACKET_FANOUT, FANOUT_BY_FLOW_IN_NEW_GROUP));
        final UnsafeBuffer value = allocate(Integer.BYTES);
        final UnsafeBuffer length = allocate(Integer.BYTES);
        length.putInt(0, Integer.BYTES, nativeOrder());
        if (Libc.LIBC.getsockopt(first.fd, SOL_PACKET, PACKET_FANOUT, value.addressOffset(), length.addressOffset())
                < 0) {
            throw new LinuxException("ask for the group that shares frames", Errno.last());
        }
        final int group = value.getInt(0, nativeOrder()) & GROUP_MASK;
        for (final FrameSocket socket : sockets.subList(1, sockets.size())) {
            require("share frames by flow", socket.option(SOL_PACKET, PACKET_FANOUT, group));
        }
    }

    /** IPv4 and IPv6, and not what is sent here. What a tag stands in front of is of another type. */
    private void filter() {
        final Label refuse = new Label();
        final Label accept = new Label();
        final int errno = new SocketFilter()
                .loadByte(SocketFilter.ANCILLARY_PACKET_TYPE)
                .jumpIfEqual(PACKET_OUTGOING, refuse, null)
                .loadHalf(SocketFilter.ANCILLARY_PROTOCOL)
                .jumpIfEqual(ETH_P_IP, accept, null)
                .jumpIfEqual(ETH_P_IPV6, accept, refuse)
                .place(refuse)
                .refuse()
                .place(accept)
                .accept(Integer.MAX_VALUE)
                .attach(fd);
        require("filter a packet socket", -errno);
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

    /** Ethernet frames; superframes of UDP from Linux 6.2 on. */
    @Override
    public Framing framing() {
        return framing;
    }

    @Override
    public int fd() {
        return fd;
    }

    @Override
    public int read(final long address, final int capacity) {
        final long length = Libc.LIBC.read(fd, address, capacity);
        return length < 0 ? -Errno.last() : (int) length;
    }

    @Override
    public int write(final long address, final int length) {
        final long written = Libc.LIBC.write(fd, address, length);
        return written < 0 ? -Errno.last() : (int) written;
    }

    @Override
    public int writev(final long iovecs, final int count) {
        final long written = Libc.LIBC.writev(fd, iovecs, count);
        return written < 0 ? -Errno.last() : (int) written;
    }

    @Override
    public int write(final MessageVector frames, final int from, final int count) {
        final int written = Libc.LIBC.sendmmsg(fd, frames.address(from), count, MSG_DONTWAIT);
        return written < 0 ? -Errno.last() : written;
    }

    @Override
    public synchronized int takeLosses() {
        statisticsLength.putInt(0, STATISTICS_LENGTH, nativeOrder());
        return Libc.LIBC.getsockopt(
                                fd,
                                SOL_PACKET,
                                PACKET_STATISTICS,
                                statistics.addressOffset(),
                                statisticsLength.addressOffset())
                        < 0
                ? 0
                : statistics.getInt(STATISTICS_LOST_OFFSET, nativeOrder());
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            Libc.LIBC.close(fd);
        }
    }

    private static UnsafeBuffer allocate(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, Long.BYTES));
    }
}
