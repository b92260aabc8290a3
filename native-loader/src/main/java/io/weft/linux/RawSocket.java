/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static io.weft.linux.SocketConstants.AF_INET;
import static io.weft.linux.SocketConstants.AF_INET6;
import static io.weft.linux.SocketConstants.SOCK_CLOEXEC;
import static io.weft.linux.SocketConstants.SOCK_NONBLOCK;
import static io.weft.linux.SocketConstants.SOCK_RAW;
import static java.nio.ByteOrder.nativeOrder;

import io.weft.address.IpFamily;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Sends whole IP packets of either family as the host's own: by its routes and its firewall's OUTPUT chain. Receives nothing.
 *
 * <p>Owned by one thread. Sources: raw(7), net/ipv4/raw.c, net/ipv6/raw.c; RFC 791, RFC 8200.
 */
public final class RawSocket implements HostOutput, AutoCloseable {
    private static final int IPPROTO_RAW = 255; // the header is the sender's, in both families

    private static final int IPV4_DESTINATION_OFFSET = 16;
    private static final int IPV4_MIN_LENGTH = IPV4_DESTINATION_OFFSET + Integer.BYTES;
    private static final int IPV6_DESTINATION_OFFSET = 24;
    private static final int IPV6_LENGTH = IPV6_DESTINATION_OFFSET + 16;

    private final int ipv4Fd;
    private final int ipv6Fd;
    private final MessageVector message = new MessageVector(1);
    private final UnsafeBuffer name = allocate(SocketAddress.MAX_LENGTH);
    private final UnsafeBuffer iovec = allocate(MessageVector.IOVEC_LENGTH);
    private final UnsafeBuffer packet = new UnsafeBuffer(0, 0);
    private boolean closed;

    private RawSocket(final int ipv4Fd, final int ipv6Fd) {
        this.ipv4Fd = ipv4Fd;
        this.ipv6Fd = ipv6Fd;
        message.iovecs(0, iovec.addressOffset(), 1);
        message.control(0, 0, 0);
    }

    /**
     * Opens the socket in the calling thread's network namespace. Of a family that the host does not have, nothing is sent.
     *
     * @throws LinuxException if the kernel refuses: CAP_NET_RAW is needed.
     */
    public static RawSocket open() {
        final int ipv4Fd = open(IpFamily.IPV4);
        if (ipv4Fd < 0) {
            throw new LinuxException("open a raw socket", -ipv4Fd, "It needs capability CAP_NET_RAW");
        }
        return new RawSocket(ipv4Fd, open(IpFamily.IPV6));
    }

    private static int open(final IpFamily family) {
        final int domain = IpFamily.IPV4 == family ? AF_INET : AF_INET6;
        final int fd = Libc.LIBC.socket(domain, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);
        if (fd < 0) {
            return -Errno.last();
        }
        final int errno = new SocketFilter().refuse().attach(fd);
        if (0 != errno) {
            Libc.LIBC.close(fd);
            return errno;
        }
        return fd;
    }

    private static UnsafeBuffer allocate(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, BitUtil.CACHE_LINE_LENGTH));
    }

    @Override
    public int send(final long address, final int length) {
        packet.wrap(address, length);
        final boolean isIpv4 = length > 0 && 4 == (packet.getByte(0) & 0xF0) >> 4;
        final int fd = isIpv4 ? ipv4Fd : ipv6Fd;
        if (fd < 0 || length < (isIpv4 ? IPV4_MIN_LENGTH : IPV6_LENGTH)) {
            return fd < 0 ? fd : -Errno.EINVAL;
        }
        name.setMemory(0, SocketAddress.MAX_LENGTH, (byte) 0);
        name.putShort(SocketAddress.FAMILY_OFFSET, (short) (isIpv4 ? AF_INET : AF_INET6), nativeOrder());
        if (isIpv4) {
            name.putBytes(SocketAddress.IPV4_ADDRESS_OFFSET, packet, IPV4_DESTINATION_OFFSET, Integer.BYTES);
        } else {
            name.putBytes(SocketAddress.IPV6_ADDRESS_OFFSET, packet, IPV6_DESTINATION_OFFSET, 16);
        }
        message.name(0, name.addressOffset(), isIpv4 ? SocketAddress.IPV4_LENGTH : SocketAddress.IPV6_LENGTH);
        iovec.putLong(0, address, nativeOrder());
        iovec.putLong(Long.BYTES, length, nativeOrder());
        return Libc.LIBC.sendmmsg(fd, message.address(0), 1, 0) < 0 ? -Errno.last() : message.length(0);
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Libc.LIBC.close(ipv4Fd);
            if (ipv6Fd >= 0) {
                Libc.LIBC.close(ipv6Fd);
            }
        }
    }
}
