/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static io.weft.linux.LinkSocket.ETH_P_ALL;
import static io.weft.linux.LinkSocket.ETH_P_IP;
import static io.weft.linux.LinkSocket.PACKET_OUTGOING;
import static io.weft.linux.SocketConstants.SOCK_DGRAM;

import io.weft.linux.SocketFilter.Label;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Sees unsegmented superframes of VXLAN over IPv4 leave by a device: a packet socket whose filter lets by what carries an inner
 * packet that is longer than one packet can be. The kernel makes a clone of every packet that leaves while the socket is
 * open, so it is opened for moments. Owned by one thread.
 *
 * <pre>
 *  0         9       20        22            50        52       54          offsets from the outer IP header
 * +----+----+--------+---------+-------------+---------+--------+-----------+
 * | outer   | UDP    | source  | VXLAN port  | version | length | length    |
 * | IPv4    |        | port    |  ...        |         | (IPv4) | (IPv6)    |
 * +----+----+--------+---------+-------------+---------+--------+-----------+
 * </pre>
 *
 * <p>Sources: include/uapi/linux/if_packet.h, if_ether.h, filter.h; Documentation/networking/filter.rst.
 */
public final class DepartureSocket implements AutoCloseable {
    private static final int IPPROTO_UDP = 17;

    private static final int BUFFER_LENGTH = 64;

    private static final int IP_PROTOCOL_OFFSET = 9;
    private static final int UDP_OFFSET = 20; // the header of a tunnel has no options
    private static final int UDP_DESTINATION_PORT_OFFSET = UDP_OFFSET + 2;
    private static final int INNER_IP_OFFSET = UDP_OFFSET + 8 + 8 + 14; // UDP, VXLAN, Ethernet
    private static final int INNER_IPV4_LENGTH_OFFSET = INNER_IP_OFFSET + 2;
    private static final int INNER_IPV6_LENGTH_OFFSET = INNER_IP_OFFSET + 4;
    private static final int IPV6_HEADER_LENGTH = 40; // which its length field leaves out
    private static final int VERSION_MASK = 0xF0;
    private static final int VERSION_6 = 0x60;

    private final int fd;
    private final UnsafeBuffer buffer = LinkSocket.allocate(BUFFER_LENGTH);
    private boolean closed;

    private DepartureSocket(final int fd) {
        this.fd = fd;
    }

    /**
     * Opens a socket in the calling thread's network namespace.
     *
     * @param linkIndex the device that packets leave by.
     * @param udpPort their destination port.
     * @param mtu of the packets inside: what is longer is no single packet.
     * @throws LinuxException if the kernel refuses: CAP_NET_RAW is needed.
     */
    public static DepartureSocket open(final int linkIndex, final int udpPort, final int mtu) {
        final DepartureSocket socket = new DepartureSocket(LinkSocket.open(SOCK_DGRAM));
        try {
            socket.filter(udpPort, mtu);
            LinkSocket.bind(socket.fd, ETH_P_ALL, linkIndex);
            return socket;
        } catch (final LinuxException ex) {
            socket.close();
            throw ex;
        }
    }

    private void filter(final int udpPort, final int mtu) {
        final Label refuse = new Label();
        final Label accept = new Label();
        final Label version6 = new Label();
        final SocketFilter filter = new SocketFilter()
                .loadByte(SocketFilter.ANCILLARY_PACKET_TYPE)
                .jumpIfEqual(PACKET_OUTGOING, null, refuse)
                .loadHalf(SocketFilter.ANCILLARY_PROTOCOL)
                .jumpIfEqual(ETH_P_IP, null, refuse)
                .loadByte(IP_PROTOCOL_OFFSET)
                .jumpIfEqual(IPPROTO_UDP, null, refuse)
                .loadHalf(UDP_DESTINATION_PORT_OFFSET)
                .jumpIfEqual(udpPort, null, refuse)
                .loadByte(INNER_IP_OFFSET)
                .and(VERSION_MASK)
                .jumpIfEqual(VERSION_6, version6, null)
                .loadHalf(INNER_IPV4_LENGTH_OFFSET)
                .jumpIfGreater(mtu, accept, refuse)
                .place(version6)
                .loadHalf(INNER_IPV6_LENGTH_OFFSET)
                .jumpIfGreater(mtu - IPV6_HEADER_LENGTH, accept, refuse)
                .place(refuse)
                .refuse()
                .place(accept)
                .accept(BUFFER_LENGTH);
        LinkSocket.filter(fd, filter);
    }

    /** Whether a superframe has left since the last question. An interface that is down lets none leave. */
    public boolean hasSeen() {
        boolean seen = false;
        while (Libc.LIBC.read(fd, buffer.addressOffset(), BUFFER_LENGTH) > 0) {
            seen = true;
        }
        return seen;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Libc.LIBC.close(fd);
        }
    }
}
