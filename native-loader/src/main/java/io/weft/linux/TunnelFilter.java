/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import io.weft.linux.SocketFilter.Label;
import java.net.Inet4Address;
import java.nio.ByteBuffer;

/**
 * Which datagrams of a UDP port a {@link PacketSocket} takes. The {@link UdpSocket} that is bound to the port sees them as well and
 * leaves them to it, by the same program over the same bytes: so each is received once, whatever comes.
 *
 * <p>Taken is what comes to this host by one Ethernet device, in IPv4 without options. All else is the UDP socket's: other devices
 * and addresses, options, which the host may refuse, and what came inside of IPsec, whose bytes on the wire are not UDP.
 *
 * <pre>
 *  0          14            20        23         30            36                42     offsets from the Ethernet header
 * +----------+-------------+---------+----------+-------------+-----------------+------
 * | Ethernet | version     | fragment| protocol | destination | UDP destination | payload
 * |          | and length  |         |          | address     | port            |
 * +----------+-------------+---------+----------+-------------+-----------------+------
 * </pre>
 *
 * <p>Sources: include/uapi/linux/if_packet.h, if_ether.h, filter.h; RFC 791, RFC 768.
 *
 * @param linkIndex the device that they come by.
 * @param local the address that they are sent to.
 * @param port the UDP port that they are sent to.
 */
public record TunnelFilter(int linkIndex, Inet4Address local, int port) {
    private static final int PACKET_HOST = 0;
    private static final int ETH_P_IP = 0x0800;
    private static final int IPPROTO_UDP = 17;

    private static final int IP_OFFSET = 14;
    private static final int FRAGMENT_OFFSET = IP_OFFSET + 6;
    private static final int PROTOCOL_OFFSET = IP_OFFSET + 9;
    private static final int DESTINATION_OFFSET = IP_OFFSET + 16;
    private static final int PORT_OFFSET = IP_OFFSET + 20 + 2;

    private static final int VERSION_4_WITHOUT_OPTIONS = 0x45;

    /** Of the fragment field all but "do not fragment". */
    private static final int IS_FRAGMENT = 0x3FFF;

    /** For the packet socket. Fragments have been put together when it is asked. */
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
        return new SocketFilter()
                .loadWord(SocketFilter.ANCILLARY_LINK_INDEX)
                .jumpIfEqual(linkIndex, null, isLeft)
                .loadByte(SocketFilter.ANCILLARY_PACKET_TYPE)
                .jumpIfEqual(PACKET_HOST, null, isLeft)
                .loadHalf(SocketFilter.ANCILLARY_PROTOCOL)
                .jumpIfEqual(ETH_P_IP, null, isLeft)
                .loadByte(frame + IP_OFFSET)
                .jumpIfEqual(VERSION_4_WITHOUT_OPTIONS, null, isLeft)
                .loadByte(frame + PROTOCOL_OFFSET)
                .jumpIfEqual(IPPROTO_UDP, null, isLeft)
                .loadHalf(frame + FRAGMENT_OFFSET)
                .and(IS_FRAGMENT)
                .jumpIfEqual(0, null, isLeft)
                .loadWord(frame + DESTINATION_OFFSET)
                .jumpIfEqual(ByteBuffer.wrap(local.getAddress()).getInt(), null, isLeft)
                .loadHalf(frame + PORT_OFFSET)
                .jumpIfEqual(port, null, isLeft)
                .accept(ifTaken)
                .place(isLeft)
                .accept(ifLeft);
    }
}
