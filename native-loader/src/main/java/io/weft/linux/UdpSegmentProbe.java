/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static java.nio.ByteOrder.nativeOrder;

import io.weft.address.IpFamily;
import java.net.InetAddress;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/** Finds by trial how many datagrams the kernel cuts from one send, with a UDP socket that is connected to itself. */
final class UdpSegmentProbe {
    private static final int[] LIMITS = {KernelFeatures.MAX_UDP_SEGMENTS, 64
    }; // UDP_MAX_SEGMENTS of newer and of older kernels
    private static final int SEGMENT_LENGTH = 8;

    private UdpSegmentProbe() {}

    /** The greatest number of segments that a send takes, 0 if none of the known limits works. */
    static int maxSegments(final InetAddress loopback) {
        try (UdpSocket socket = UdpSocket.open(IpFamily.IPV4)) {
            socket.bind(loopback, 0);
            connectToItself(socket.fd());
            final UnsafeBuffer segmentLength = allocate(Integer.BYTES);
            segmentLength.putInt(0, SEGMENT_LENGTH, nativeOrder());
            require(
                    "set the length of UDP segments",
                    Libc.LIBC.setsockopt(
                            socket.fd(),
                            ControlMessage.SOL_UDP,
                            ControlMessage.UDP_SEGMENT,
                            segmentLength.addressOffset(),
                            Integer.BYTES));
            final UnsafeBuffer payload = allocate(LIMITS[0] * SEGMENT_LENGTH);
            for (final int limit : LIMITS) {
                if (Libc.LIBC.write(socket.fd(), payload.addressOffset(), (long) limit * SEGMENT_LENGTH) > 0) {
                    return limit;
                }
            }
            return 0;
        }
    }

    private static void connectToItself(final int fd) {
        final UnsafeBuffer name = allocate(SocketAddress.MAX_LENGTH);
        final UnsafeBuffer nameLength = allocate(Integer.BYTES);
        nameLength.putInt(0, SocketAddress.MAX_LENGTH, nativeOrder());
        require(
                "read the port of a UDP socket",
                Libc.LIBC.getsockname(fd, name.addressOffset(), nameLength.addressOffset()));
        require(
                "connect a UDP socket on loopback",
                Libc.LIBC.connect(fd, name.addressOffset(), nameLength.getInt(0, nativeOrder())));
    }

    private static void require(final String tried, final int result) {
        if (result < 0) {
            throw new LinuxException(tried, Errno.last());
        }
    }

    private static UnsafeBuffer allocate(final int length) {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, Long.BYTES));
    }
}
