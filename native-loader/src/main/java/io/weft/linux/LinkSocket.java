/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static io.weft.linux.SocketConstants.AF_PACKET;
import static io.weft.linux.SocketConstants.SOCK_CLOEXEC;
import static io.weft.linux.SocketConstants.SOCK_NONBLOCK;
import static io.weft.linux.SocketConstants.SOL_SOCKET;
import static io.weft.linux.SocketConstants.SO_SNDBUF;
import static io.weft.linux.SocketConstants.SO_SNDBUFFORCE;
import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.nativeOrder;

import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * What all packet sockets ask of the kernel while they are set up: {@link DepartureSocket}, {@link PacketSocket} and
 * {@link FrameSocket}. Sources: packet(7), include/uapi/linux/if_packet.h, if_ether.h.
 */
final class LinkSocket {
    static final int SOL_PACKET = 263;
    static final int PACKET_VNET_HDR = 15;

    /** {@code sizeof(struct virtio_net_hdr)}: what {@code PACKET_VNET_HDR} means. */
    static final int VNET_HEADER_LENGTH = 10;

    static final int PACKET_OUTGOING = 4;
    static final int ETH_P_ALL = 3;
    static final int ETH_P_IP = 0x0800;
    static final int ETH_P_IPV6 = 0x86DD;

    /** {@code PACKET_FANOUT_FLAG_UNIQUEID}, in the half of the option's value that has the type, {@code PACKET_FANOUT_HASH}: 0. */
    private static final int FANOUT_NEW_GROUP = 0x2000;

    private static final int PACKET_FANOUT = 18;
    private static final int FANOUT_ID_MASK = 0xFFFF;

    // struct sockaddr_ll: u16 family; be16 protocol; int ifindex; ... 20 bytes
    private static final int NAME_PROTOCOL_OFFSET = Short.BYTES;
    private static final int NAME_INDEX_OFFSET = NAME_PROTOCOL_OFFSET + Short.BYTES;
    private static final int NAME_LENGTH = 20;

    private static final int PACKET_STATISTICS = 6;

    // struct tpacket_stats: u32 packets, those lost included; u32 lost
    private static final int STATISTICS_LOST_OFFSET = Integer.BYTES;
    private static final int STATISTICS_LENGTH = STATISTICS_LOST_OFFSET + Integer.BYTES;

    private LinkSocket() {}

    /**
     * Opens a non-blocking socket that is bound to nothing.
     *
     * @param type {@code SOCK_RAW}, or {@code SOCK_DGRAM} for packets without the link's header.
     * @throws LinuxException with the remedy if the kernel refuses.
     */
    static int open(final int type) {
        final int fd = Libc.LIBC.socket(AF_PACKET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            final int errno = Errno.last();
            throw new LinuxException("open a packet socket", errno, remedy(errno));
        }
        return fd;
    }

    private static String remedy(final int errno) {
        return switch (errno) {
            case Errno.EPERM, Errno.EACCES -> "It needs capability CAP_NET_RAW";
            case Errno.EAFNOSUPPORT -> "The kernel has none: 'modprobe af_packet', or build CONFIG_PACKET";
            default -> "";
        };
    }

    /** Binds it to a link, and to an EtherType or {@link #ETH_P_ALL}. */
    static void bind(final int fd, final int protocol, final int linkIndex) {
        final UnsafeBuffer name = allocate(NAME_LENGTH);
        name.putShort(0, (short) AF_PACKET, nativeOrder());
        name.putShort(NAME_PROTOCOL_OFFSET, (short) protocol, BIG_ENDIAN);
        name.putInt(NAME_INDEX_OFFSET, linkIndex, nativeOrder());
        if (Libc.LIBC.bind(fd, name.addressOffset(), NAME_LENGTH) < 0) {
            throw new LinuxException("bind a packet socket to interface " + linkIndex, Errno.last());
        }
    }

    /** The link that it is bound to, 0 for all; negative when that is gone. */
    static int boundTo(final int fd) {
        final UnsafeBuffer name = allocate(NAME_LENGTH);
        final UnsafeBuffer length = allocate(Integer.BYTES);
        length.putInt(0, NAME_LENGTH, nativeOrder());
        if (Libc.LIBC.getsockname(fd, name.addressOffset(), length.addressOffset()) < 0) {
            throw new LinuxException("ask for a packet socket's interface", Errno.last());
        }
        return name.getInt(NAME_INDEX_OFFSET, nativeOrder());
    }

    /** Has a bound socket get what the filter accepts. */
    static void filter(final int fd, final SocketFilter filter) {
        require("filter a packet socket", -filter.attach(fd));
    }

    /** Has frames come and go with a {@code struct virtio_net_hdr} in front. */
    static void tellOffloads(final int fd) {
        require("have a packet socket tell of offloads", option(fd, SOL_PACKET, PACKET_VNET_HDR, 1));
    }

    /** As much as the kernel lets us have: in a user namespace of its own CAP_NET_ADMIN does not force it. */
    static void bufferLength(final int fd, final int force, final int ask, final int bytes) {
        if (0 != option(fd, SOL_SOCKET, force, bytes)) {
            require("set a packet socket's buffer", option(fd, SOL_SOCKET, ask, bytes));
        }
    }

    /**
     * Sets the send buffer of any socket, or as much of it as the kernel lets us have. It doubles what it is told (net/core/sock.c,
     * {@code sk_setsockopt}).
     *
     * @param bytes after that.
     * @param value memory for an int.
     */
    static void sendBufferLength(final int fd, final int bytes, final UnsafeBuffer value) {
        value.putInt(0, bytes / 2, nativeOrder());
        if (Libc.LIBC.setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, value.addressOffset(), Integer.BYTES) < 0) {
            Libc.LIBC.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, value.addressOffset(), Integer.BYTES);
        }
    }

    /** Begins a group of bound sockets, over which the kernel spreads flows; gives its number to {@link #joinGroup}. */
    static int newGroup(final int fd, final int flags) {
        spread(fd, (flags | FANOUT_NEW_GROUP) << Short.SIZE);
        final UnsafeBuffer value = allocate(Integer.BYTES);
        final UnsafeBuffer length = allocate(Integer.BYTES);
        length.putInt(0, Integer.BYTES, nativeOrder());
        if (Libc.LIBC.getsockopt(fd, SOL_PACKET, PACKET_FANOUT, value.addressOffset(), length.addressOffset()) < 0) {
            throw new LinuxException("ask for a packet socket's group", Errno.last());
        }
        return value.getInt(0, nativeOrder()) & FANOUT_ID_MASK;
    }

    static void joinGroup(final int fd, final int flags, final int group) {
        spread(fd, flags << Short.SIZE | group);
    }

    private static void spread(final int fd, final int value) {
        require("spread flows over packet sockets", option(fd, SOL_PACKET, PACKET_FANOUT, value));
    }

    /** Sets an option; returns 0 or the errno. */
    static int option(final int fd, final int level, final int option, final int value) {
        final UnsafeBuffer buffer = allocate(Integer.BYTES);
        buffer.putInt(0, value, nativeOrder());
        return Libc.LIBC.setsockopt(fd, level, option, buffer.addressOffset(), Integer.BYTES) < 0 ? Errno.last() : 0;
    }

    private static void require(final String what, final int errno) {
        if (0 != errno) {
            throw new LinuxException(what, errno);
        }
    }

    /** Frames that were lost since the last call, for they were not read in time. Any thread; 0 where the kernel does not tell. */
    static int takeLosses(final int fd) {
        final UnsafeBuffer statistics = allocate(STATISTICS_LENGTH);
        final UnsafeBuffer length = allocate(Integer.BYTES);
        length.putInt(0, STATISTICS_LENGTH, nativeOrder());
        final int result = Libc.LIBC.getsockopt(
                fd, SOL_PACKET, PACKET_STATISTICS, statistics.addressOffset(), length.addressOffset());
        return result < 0 ? 0 : statistics.getInt(STATISTICS_LOST_OFFSET, nativeOrder());
    }

    static UnsafeBuffer allocate(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, Long.BYTES));
    }
}
