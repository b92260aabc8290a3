/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static io.weft.linux.SocketConstants.SOCK_CLOEXEC;
import static io.weft.linux.SocketConstants.SOCK_NONBLOCK;
import static io.weft.linux.SocketConstants.SOCK_RAW;
import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.nativeOrder;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Receives the ICMP or ICMPv6 messages of some types that come to this host, whoever they are for, and sends such. Needs CAP_NET_RAW.
 * Does not block.
 *
 * <p>Owned by one thread. Sources: raw(7), include/uapi/linux/icmp.h, icmpv6.h, in.h, in6.h.
 */
public final class IcmpSocket implements AutoCloseable {
    private static final int IPPROTO_ICMP = 1;
    private static final int IPPROTO_ICMPV6 = 58;
    private static final int SOL_RAW = 255;
    private static final int ICMP_FILTER = 1;
    private static final int ICMP_FILTER_LENGTH = Integer.BYTES;
    private static final int ICMPV6_FILTER = 1;
    private static final int ICMPV6_FILTER_LENGTH = 32;
    private static final byte ALL = (byte) 0xFF;

    private static final int IP_MTU_DISCOVER = 10;
    private static final int IPV6_MTU_DISCOVER = 23;
    private static final int IPV6_DONTFRAG = 62;
    private static final int IP_TTL = 2;
    private static final int IPV6_UNICAST_HOPS = 16;
    /** Don't fragment, whatever MTU of the path is remembered. */
    private static final int PMTUDISC_PROBE = 3;

    private static final int IHL_MASK = 0x0F;
    private static final int WORD_LENGTH = 4;

    private final int fd;
    private final IpFamily family;
    private final MessageVector message = new MessageVector(1);
    private final UnsafeBuffer name = allocate(SocketAddress.MAX_LENGTH);
    private final UnsafeBuffer iovec = allocate(MessageVector.IOVEC_LENGTH);
    private int offset;
    private boolean closed;

    private IcmpSocket(final int fd, final IpFamily family) {
        this.fd = fd;
        this.family = family;
        message.iovecs(0, iovec.addressOffset(), 1);
    }

    /**
     * Opens a socket in the calling thread's network namespace.
     *
     * @param types that are received, below 32 for ICMP.
     * @throws LinuxException if the kernel refuses: CAP_NET_RAW is needed.
     */
    public static IcmpSocket open(final IpFamily family, final int... types) {
        final boolean isIpv4 = IpFamily.IPV4 == family;
        final int fd = Libc.LIBC.socket(
                family.socketFamily(), SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, isIpv4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
        if (fd < 0) {
            throw new LinuxException("open an ICMP socket", Errno.last(), "It needs capability CAP_NET_RAW");
        }
        final UnsafeBuffer blocked = allocate(ICMPV6_FILTER_LENGTH);
        blocked.setMemory(0, ICMPV6_FILTER_LENGTH, ALL);
        for (final int type : types) {
            final int word = type / Integer.SIZE * Integer.BYTES;
            blocked.putInt(word, blocked.getInt(word, nativeOrder()) & ~(1 << type % Integer.SIZE), nativeOrder());
        }
        final int result = isIpv4
                ? Libc.LIBC.setsockopt(fd, SOL_RAW, ICMP_FILTER, blocked.addressOffset(), ICMP_FILTER_LENGTH)
                : Libc.LIBC.setsockopt(
                        fd, IPPROTO_ICMPV6, ICMPV6_FILTER, blocked.addressOffset(), ICMPV6_FILTER_LENGTH);
        if (result < 0) {
            final int errno = Errno.last();
            Libc.LIBC.close(fd);
            throw new LinuxException("choose the types of an ICMP socket", errno);
        }
        return new IcmpSocket(fd, family);
    }

    private static UnsafeBuffer allocate(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, BitUtil.CACHE_LINE_LENGTH));
    }

    /** The file descriptor, to be polled. */
    public int fd() {
        return fd;
    }

    /** What is sent is not to be fragmented, here or on its way: what is too long is refused, or dropped. */
    public void doNotFragment() {
        final int result = IpFamily.IPV4 == family
                ? option(ControlMessage.SOL_IP, IP_MTU_DISCOVER, PMTUDISC_PROBE)
                : Math.min(
                        option(ControlMessage.SOL_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_PROBE),
                        option(ControlMessage.SOL_IPV6, IPV6_DONTFRAG, 1));
        if (result < 0) {
            throw new LinuxException("keep an ICMP socket's packets whole", -result);
        }
    }

    /** So many hosts may hand on what is sent, and this one: the last of them tells that it was too far. */
    public void hops(final int hops) {
        final int result = IpFamily.IPV4 == family
                ? option(ControlMessage.SOL_IP, IP_TTL, hops)
                : option(ControlMessage.SOL_IPV6, IPV6_UNICAST_HOPS, hops);
        if (result < 0) {
            throw new LinuxException("limit the hops of an ICMP socket's packets", -result);
        }
    }

    private int option(final int level, final int option, final int value) {
        final UnsafeBuffer buffer = allocate(Integer.BYTES);
        buffer.putInt(0, value, nativeOrder());
        return Libc.LIBC.setsockopt(fd, level, option, buffer.addressOffset(), Integer.BYTES) < 0 ? -Errno.last() : 0;
    }

    /**
     * Sends a message.
     *
     * @param from off-heap, the message from the first byte on; of ICMP with its checksum, which for ICMPv6 the kernel puts in.
     * @return bytes that were sent, or a negative errno.
     */
    public int send(final IpAddress to, final UnsafeBuffer from, final int length) {
        message.name(0, name.addressOffset(), SocketAddress.put(name, 0, to.toInetAddress(), 0));
        message.control(0, 0, 0);
        iovec.putLong(0, from.addressOffset(), nativeOrder());
        iovec.putLong(Long.BYTES, length, nativeOrder());
        return Libc.LIBC.sendmmsg(fd, message.address(0), 1, SocketConstants.MSG_DONTWAIT) < 0
                ? -Errno.last()
                : message.length(0);
    }

    /**
     * Receives a message.
     *
     * @param into off-heap; what is longer is cut off.
     * @return bytes of the message, which is at {@link #offset}; or a negative errno: -{@link Errno#EAGAIN} if there is none.
     */
    public int receive(final UnsafeBuffer into) {
        message.name(0, name.addressOffset(), SocketAddress.MAX_LENGTH);
        message.control(0, 0, 0);
        iovec.putLong(0, into.addressOffset(), nativeOrder());
        iovec.putLong(Long.BYTES, into.capacity(), nativeOrder());
        if (Libc.LIBC.recvmmsg(fd, message.address(0), 1, SocketConstants.MSG_DONTWAIT, 0) < 0) {
            return -Errno.last();
        }
        // IPv4 gives the IP header as well, IPv6 does not.
        offset = IpFamily.IPV4 == family ? (into.getByte(0) & IHL_MASK) * WORD_LENGTH : 0;
        return Math.max(0, message.length(0) - offset);
    }

    /** Where in the buffer the message begins that was received last. */
    public int offset() {
        return offset;
    }

    /** Who sent the message that was received last. */
    public IpAddress sender() {
        return IpFamily.IPV4 == family
                ? IpAddress.ofIpv4(name.getInt(SocketAddress.IPV4_ADDRESS_OFFSET, BIG_ENDIAN))
                : new IpAddress(
                        IpFamily.IPV6,
                        name.getLong(SocketAddress.IPV6_ADDRESS_OFFSET, BIG_ENDIAN),
                        name.getLong(SocketAddress.IPV6_ADDRESS_OFFSET + Long.BYTES, BIG_ENDIAN));
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Libc.LIBC.close(fd);
        }
    }
}
