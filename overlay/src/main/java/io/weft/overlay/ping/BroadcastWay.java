/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.encap.EthernetFlyweight;
import io.weft.encap.InternetChecksum;
import io.weft.encap.IpProtocol;
import io.weft.encap.Ipv4Flyweight;
import io.weft.encap.Ipv6Flyweight;
import io.weft.encap.VxlanFlyweight;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.util.EnumMap;
import java.util.Map;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Puts questions into VXLAN by hand, past weftd, for the MAC that is all hosts': who answers these, and none that is for the MAC of its
 * lease, has another MAC. Every VTEP takes them for its own host, the kernel's and weft's.
 *
 * <pre>
 *  0              8                 14              20       22
 * +--------------+-----------------+---------------+--------+-----------+--------------
 * | flags, VNI   | ff:ff:...       | made up       | type   | IP header | ICMP message
 * +--------------+-----------------+---------------+--------+-----------+--------------
 * </pre>
 */
final class BroadcastWay implements EchoExchange.Way, AutoCloseable {
    /** Nobody's, of those that everybody may give out. */
    private static final long SOURCE_MAC = 0x02_77_65_66_74_00L;

    private static final int IP_OFFSET = VxlanFlyweight.LENGTH + EthernetFlyweight.LENGTH;
    private static final int HOPS = 64;
    private static final int VERSION_4_WITHOUT_OPTIONS = 0x45;
    private static final int VERSION_6 = 0x60;

    private final Map<IpAddress, IpAddress> peers;
    private final HostRoutes routes;
    private final ProbedTunnel tunnel;
    private final Map<IpFamily, DatagramSocket> sockets = new EnumMap<>(IpFamily.class);

    private BroadcastWay(final Map<IpAddress, IpAddress> peers, final HostRoutes routes, final ProbedTunnel tunnel) {
        this.peers = Map.copyOf(peers);
        this.routes = routes;
        this.tunnel = tunnel;
    }

    /**
     * Opens its sockets in the network namespace of the calling thread, on the addresses that weftd sends from.
     *
     * @param peers underlay addresses by overlay addresses.
     */
    static BroadcastWay open(final Map<IpAddress, IpAddress> peers, final HostRoutes routes, final ProbedTunnel tunnel)
            throws SocketException {
        final BroadcastWay way = new BroadcastWay(peers, routes, tunnel);
        boolean isOpen = false;
        try {
            for (final IpAddress local : tunnel.localAddresses()) {
                way.sockets.put(local.family(), new DatagramSocket(new InetSocketAddress(local.toInetAddress(), 0)));
            }
            isOpen = true;
            return way;
        } finally {
            if (!isOpen) {
                way.close();
            }
        }
    }

    @Override
    public long send(final EchoRequest request, final UnsafeBuffer message, final int length) {
        final @Nullable IpAddress peer = peers.get(request.to());
        final @Nullable IpAddress from = routes.source(request.to());
        final @Nullable DatagramSocket socket = null == peer ? null : sockets.get(peer.family());
        if (null == peer
                || null == socket
                || null == from
                || from.family() != request.to().family()) {
            return EchoExchange.NO_ANSWER;
        }
        final byte[] datagram = datagram(from, request.to(), message, length);
        try {
            socket.send(new DatagramPacket(datagram, datagram.length, peer.toInetAddress(), tunnel.port()));
            return 0;
        } catch (final IOException refused) {
            return EchoExchange.NO_ANSWER; // as the packet that weftd sends, which was told of
        }
    }

    private byte[] datagram(final IpAddress from, final IpAddress to, final UnsafeBuffer message, final int length) {
        final boolean isIpv4 = IpFamily.IPV4 == to.family();
        final int icmp = IP_OFFSET + (isIpv4 ? Ipv4Flyweight.MIN_LENGTH : Ipv6Flyweight.LENGTH);
        final byte[] bytes = new byte[icmp + length];
        final UnsafeBuffer datagram = new UnsafeBuffer(bytes);
        datagram.putInt(0, VxlanFlyweight.FLAGS_VNI_VALID, BIG_ENDIAN);
        datagram.putInt(Integer.BYTES, VxlanFlyweight.vniWord(tunnel.vni()), BIG_ENDIAN);
        EthernetFlyweight.put(
                datagram,
                VxlanFlyweight.LENGTH,
                EthernetFlyweight.BROADCAST,
                SOURCE_MAC,
                isIpv4 ? EthernetFlyweight.TYPE_IPV4 : EthernetFlyweight.TYPE_IPV6);
        datagram.putBytes(icmp, message, 0, length);
        if (isIpv4) {
            putIpv4(datagram, from, to, length);
        } else {
            putIpv6(datagram, from, to, length);
            final int checksum = icmp + EchoExchange.CHECKSUM_OFFSET;
            datagram.putShort(checksum, (short) 0);
            final long pseudo = InternetChecksum.pseudoHeader(datagram, IP_OFFSET, 6, IpProtocol.ICMPV6, length);
            InternetChecksum.put(datagram, checksum, InternetChecksum.sum(datagram, icmp, length, pseudo));
        }
        return bytes;
    }

    private static void putIpv4(
            final UnsafeBuffer datagram, final IpAddress from, final IpAddress to, final int length) {
        datagram.putByte(IP_OFFSET, (byte) VERSION_4_WITHOUT_OPTIONS);
        datagram.putShort(
                IP_OFFSET + Ipv4Flyweight.TOTAL_LENGTH_OFFSET, (short) (Ipv4Flyweight.MIN_LENGTH + length), BIG_ENDIAN);
        datagram.putByte(IP_OFFSET + Ipv4Flyweight.TTL_OFFSET, (byte) HOPS);
        datagram.putByte(IP_OFFSET + Ipv4Flyweight.PROTOCOL_OFFSET, (byte) IpProtocol.ICMP);
        datagram.putBytes(IP_OFFSET + Ipv4Flyweight.SOURCE_OFFSET, from.toBytes());
        datagram.putBytes(IP_OFFSET + Ipv4Flyweight.DESTINATION_OFFSET, to.toBytes());
        InternetChecksum.put(
                datagram,
                IP_OFFSET + Ipv4Flyweight.CHECKSUM_OFFSET,
                InternetChecksum.sum(datagram, IP_OFFSET, Ipv4Flyweight.MIN_LENGTH, 0));
    }

    private static void putIpv6(
            final UnsafeBuffer datagram, final IpAddress from, final IpAddress to, final int length) {
        datagram.putByte(IP_OFFSET, (byte) VERSION_6);
        Ipv6Flyweight.payloadLength(datagram, IP_OFFSET, length);
        datagram.putByte(IP_OFFSET + Ipv6Flyweight.NEXT_HEADER_OFFSET, (byte) IpProtocol.ICMPV6);
        datagram.putByte(IP_OFFSET + Ipv6Flyweight.HOP_LIMIT_OFFSET, (byte) HOPS);
        datagram.putBytes(IP_OFFSET + Ipv6Flyweight.SOURCE_OFFSET, from.toBytes());
        datagram.putBytes(IP_OFFSET + Ipv6Flyweight.DESTINATION_OFFSET, to.toBytes());
    }

    @Override
    public void close() {
        sockets.values().forEach(DatagramSocket::close);
    }
}
