/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static io.weft.linux.LinkSocket.ETH_P_IP;
import static io.weft.linux.LinkSocket.ETH_P_IPV6;

import io.weft.linux.SocketFilter.Label;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;

/**
 * Which datagrams of a UDP port a {@link PacketSocket} takes. The {@link UdpSocket} that is bound to the port sees them as well and
 * leaves them to it, by the same program over the same bytes: so each is received once, whatever comes.
 *
 * <p>Taken is what comes to this host by one Ethernet device, in IP without options or extension headers. All else is the UDP
 * socket's: other devices and addresses, options, which the host may refuse, and what came inside of IPsec, whose bytes on the wire
 * are not UDP. Fragments of IPv4 have been put together when the packet socket is asked. It takes all fragments of UDP over IPv6,
 * since only the first of them has a port; the UDP socket sees them put together, without a fragment header.
 *
 * <pre>
 *  0          14            20        23         30            34                 offsets from the Ethernet header
 * +----------+-------------+---------+----------+-------------+-----------------+------
 * | Ethernet | version     | fragment| protocol | destination | UDP destination | payload
 * |          | and length  |         |          | address     | port            |
 * +----------+-------------+---------+----------+-------------+-----------------+------
 *  0          14            20            38            54
 * +----------+-------------+-------------+-------------+--------------------------+------
 * | Ethernet | version     | next header | destination | UDP, or fragment header  | payload
 * +----------+-------------+-------------+-------------+--------------------------+------
 * </pre>
 *
 * <p>Sources: include/uapi/linux/if_packet.h, if_ether.h, filter.h; RFC 791, RFC 768, RFC 8200.
 *
 * @param linkIndex the device that they come by.
 * @param local the address that they are sent to.
 * @param port the UDP port that they are sent to.
 */
public record TunnelFilter(int linkIndex, InetAddress local, int port) {

    private static final int PACKET_HOST = 0;
    private static final int IPPROTO_UDP = 17;
    private static final int IPPROTO_FRAGMENT = 44;
    private static final int UDP_PORT_OFFSET = 2;
    private static final int IP_OFFSET = 14;

    private static final int FRAGMENT_OFFSET = IP_OFFSET + 6;
    private static final int PROTOCOL_OFFSET = IP_OFFSET + 9;
    private static final int DESTINATION_OFFSET = IP_OFFSET + 16;
    private static final int UDP_OFFSET = IP_OFFSET + 20;
    private static final int VERSION_4_WITHOUT_OPTIONS = 0x45;

    /** Of the fragment field all but "do not fragment". */
    private static final int IS_FRAGMENT = 0x3FFF;

    private static final int IPV6_NEXT_HEADER_OFFSET = IP_OFFSET + 6;
    private static final int IPV6_DESTINATION_OFFSET = IP_OFFSET + 24;
    private static final int IPV6_UDP_OFFSET = IP_OFFSET + 40;
    private static final int VERSION_MASK = 0xF0;
    private static final int VERSION_6 = 0x60;

    /** The EtherType of what is taken. */
    int protocol() {
        return local instanceof Inet4Address ? ETH_P_IP : ETH_P_IPV6;
    }

    /** For the packet socket. */
    SocketFilter taken() {
        return program(0, SocketFilter.WHOLE, 0);
    }

    /** For the UDP socket, which is asked when the packet's data begins behind the IP header. */
    SocketFilter left() {
        return program(SocketFilter.LINK_LAYER, 0, SocketFilter.WHOLE);
    }

    /** The device comes first: packets of others may have no Ethernet header, and a load that fails refuses a packet. */
    private SocketFilter program(final int frame, final int ifTaken, final int ifLeft) {
        final Label isLeft = new Label();
        final SocketFilter filter = new SocketFilter()
                .loadWord(SocketFilter.ANCILLARY_LINK_INDEX)
                .jumpIfEqual(linkIndex, null, isLeft)
                .loadByte(SocketFilter.ANCILLARY_PACKET_TYPE)
                .jumpIfEqual(PACKET_HOST, null, isLeft)
                .loadHalf(SocketFilter.ANCILLARY_PROTOCOL)
                .jumpIfEqual(protocol(), null, isLeft);
        final Label isTaken = new Label();
        if (local instanceof Inet4Address) {
            requireIpv4(filter, frame, isLeft);
        } else {
            requireIpv6(filter, frame, isTaken, isLeft);
        }
        return filter.place(isTaken).accept(ifTaken).place(isLeft).accept(ifLeft);
    }

    private void requireIpv4(final SocketFilter filter, final int frame, final Label isLeft) {
        filter.loadByte(frame + IP_OFFSET)
                .jumpIfEqual(VERSION_4_WITHOUT_OPTIONS, null, isLeft)
                .loadByte(frame + PROTOCOL_OFFSET)
                .jumpIfEqual(IPPROTO_UDP, null, isLeft)
                .loadHalf(frame + FRAGMENT_OFFSET)
                .and(IS_FRAGMENT)
                .jumpIfEqual(0, null, isLeft);
        requireDestination(filter, frame + DESTINATION_OFFSET, isLeft);
        filter.loadHalf(frame + UDP_OFFSET + UDP_PORT_OFFSET).jumpIfEqual(port, null, isLeft);
    }

    private void requireIpv6(final SocketFilter filter, final int frame, final Label isTaken, final Label isLeft) {
        final Label isUdp = new Label();
        filter.loadByte(frame + IP_OFFSET).and(VERSION_MASK).jumpIfEqual(VERSION_6, null, isLeft);
        requireDestination(filter, frame + IPV6_DESTINATION_OFFSET, isLeft);
        filter.loadByte(frame + IPV6_NEXT_HEADER_OFFSET)
                .jumpIfEqual(IPPROTO_UDP, isUdp, null)
                .jumpIfEqual(IPPROTO_FRAGMENT, null, isLeft)
                .loadByte(frame + IPV6_UDP_OFFSET)
                .jumpIfEqual(IPPROTO_UDP, isTaken, isLeft)
                .place(isUdp)
                .loadHalf(frame + IPV6_UDP_OFFSET + UDP_PORT_OFFSET)
                .jumpIfEqual(port, isTaken, isLeft);
    }

    private void requireDestination(final SocketFilter filter, final int offset, final Label isLeft) {
        final ByteBuffer address = ByteBuffer.wrap(local.getAddress());
        while (address.hasRemaining()) {
            filter.loadWord(offset + address.position()).jumpIfEqual(address.getInt(), null, isLeft);
        }
    }
}
