/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.nativeOrder;

import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Whether packet sockets take superframes of UDP (Linux 6.2), found out by sending one. It goes to a MAC address that the other
 * end does not have, so that the host drops it as another host's.
 *
 * <pre>
 *  0          10         24        44       52              54
 * +----------+----------+---------+--------+---------------+
 * | vnet     | Ethernet | IPv4    | UDP    | two segments  |
 * +----------+----------+---------+--------+---------------+
 * </pre>
 */
final class UdpSuperframeProbe {
    private static final int GSO_UDP_L4 = 5; // include/uapi/linux/virtio_net.h
    private static final int NEEDS_CSUM = 1;
    private static final int ETH_P_IP = 0x0800;
    private static final int IPPROTO_UDP = 17;
    private static final int IPV4_LENGTH = 20;
    private static final int UDP_LENGTH = 8;
    private static final int UDP_CHECKSUM_OFFSET = 6;
    private static final int SEGMENTS = 2;
    private static final long NOBODY = 0x0200_0000_0000L;

    private UdpSuperframeProbe() {}

    /**
     * @param fd of a packet socket that is bound to a link.
     * @param ethernet bytes of the vnet header.
     * @param linkHeaderLength bytes of the link's header.
     */
    static boolean takes(final int fd, final int ethernet, final int linkHeaderLength) {
        final int ip = ethernet + linkHeaderLength;
        final int udp = ip + IPV4_LENGTH;
        final int length = udp + UDP_LENGTH + SEGMENTS;
        final UnsafeBuffer frame = new UnsafeBuffer(BufferUtil.allocateDirectAligned(length, Long.BYTES));
        frame.putByte(0, (byte) NEEDS_CSUM);
        frame.putByte(1, (byte) GSO_UDP_L4);
        frame.putShort(2, (short) (udp + UDP_LENGTH - ethernet), nativeOrder());
        frame.putShort(4, (short) 1, nativeOrder());
        frame.putShort(6, (short) (udp - ethernet), nativeOrder());
        frame.putShort(8, (short) UDP_CHECKSUM_OFFSET, nativeOrder());
        frame.putLong(ethernet, NOBODY << Short.SIZE, BIG_ENDIAN);
        frame.putLong(ethernet + 6, NOBODY << Short.SIZE, BIG_ENDIAN);
        frame.putShort(ip - Short.BYTES, (short) ETH_P_IP, BIG_ENDIAN);
        frame.putByte(ip, (byte) 0x45);
        frame.putShort(ip + 2, (short) (length - ip), BIG_ENDIAN);
        frame.putByte(ip + 8, (byte) 1);
        frame.putByte(ip + 9, (byte) IPPROTO_UDP);
        frame.putShort(udp + 4, (short) (length - udp), BIG_ENDIAN);
        return Libc.LIBC.write(fd, frame.addressOffset(), length) > 0;
    }
}
