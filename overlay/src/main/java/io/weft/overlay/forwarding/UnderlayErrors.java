/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static java.lang.System.Logger.Level.WARNING;
import static java.nio.ByteOrder.BIG_ENDIAN;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.dataplane.counters.IcmpError;
import io.weft.dataplane.counters.PeerTable;
import io.weft.encap.IcmpFlyweight;
import io.weft.encap.IpProtocol;
import io.weft.encap.Ipv4Flyweight;
import io.weft.encap.Ipv6Flyweight;
import io.weft.encap.UdpFlyweight;
import io.weft.linux.IcmpSocket;
import io.weft.linux.LinuxException;
import java.util.Set;
import org.agrona.BitUtil;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The ICMP errors that come for what was sent to peers. They are taken from a socket of their own: on the sending sockets, which all
 * peers share, an error would be the answer to a send to another peer (docs/decisions/0081). Control thread alone.
 */
final class UnderlayErrors implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(UnderlayErrors.class.getName());

    /** Destination unreachable, time exceeded, parameter problem: RFC 792. */
    private static final int[] IPV4_TYPES = {IcmpFlyweight.UNREACHABLE, 11, 12};

    /** The same, and packet too big: RFC 4443. */
    private static final int[] IPV6_TYPES = {IcmpFlyweight.ICMPV6_UNREACHABLE, IcmpFlyweight.ICMPV6_PACKET_TOO_BIG, 3, 4
    };

    private static final int MTU_OFFSET = 6;
    private static final int ICMPV6_MTU_OFFSET = 4;
    /** Of a look at once, so that a flood takes little of the control thread's time; what is more, the kernel drops. */
    private static final int MESSAGES_MAX = 256;

    /** What a router quotes of a packet is less: RFC 1812 section 4.3.2.3, RFC 4443 section 3.1. */
    private static final int MESSAGE_LENGTH_MAX = 2048;

    /** No link has less: RFC 791 section 3.2, RFC 8200 section 5. Whoever says so lies, as does who says more than a packet can be. */
    private static final int IPV4_MTU_MIN = 68;

    private static final int IPV6_MTU_MIN = 1280;
    private static final int MTU_MAX = 0xFFFF;

    private final IcmpSocket socket;
    private final IpFamily family;
    private final IpAddress local;
    private final Set<Integer> sourcePorts;
    private final int port;
    private final PeerTable peers;
    private final UnsafeBuffer buffer =
            new UnsafeBuffer(BufferUtil.allocateDirectAligned(MESSAGE_LENGTH_MAX, BitUtil.CACHE_LINE_LENGTH));

    private UnderlayErrors(
            final IcmpSocket socket,
            final IpAddress local,
            final Set<Integer> sourcePorts,
            final int port,
            final PeerTable peers) {
        this.socket = socket;
        family = local.family();
        this.local = local;
        this.sourcePorts = Set.copyOf(sourcePorts);
        this.port = port;
        this.peers = peers;
    }

    /**
     * Listens for them; null where the kernel refuses, which costs this knowledge and nothing else. An error is believed when what it
     * quotes was sent from here: who has seen no packet of weft's, as a pod, does not know by which ports.
     *
     * @param local that is sent from.
     * @param sourcePorts that is sent by.
     * @param port UDP port of peers.
     */
    static @Nullable UnderlayErrors open(
            final IpAddress local, final Set<Integer> sourcePorts, final int port, final PeerTable peers) {
        try {
            final IcmpSocket socket =
                    IcmpSocket.open(local.family(), IpFamily.IPV4 == local.family() ? IPV4_TYPES : IPV6_TYPES);
            return new UnderlayErrors(socket, local, sourcePorts, port, peers);
        } catch (final LinuxException failure) {
            LOG.log(WARNING, "{0}. weft show peers will tell no ICMP errors", failure.getMessage());
            return null;
        }
    }

    /** Takes those that came since the last time. */
    void take(final long nowMs) {
        for (int i = 0; i < MESSAGES_MAX; i++) {
            final int length = socket.receive(buffer);
            if (length < 0) {
                return;
            }
            take(socket.offset(), length, nowMs);
        }
    }

    private void take(final int icmp, final int length, final long nowMs) {
        final int quoted = icmp + IcmpFlyweight.LENGTH;
        final IpAddress peer = IpFamily.IPV4 == family
                ? ipv4Destination(quoted, length - IcmpFlyweight.LENGTH)
                : ipv6Destination(quoted, length - IcmpFlyweight.LENGTH);
        final int number = null == peer ? PeerTable.NOBODY : peers.find(peer);
        if (PeerTable.NOBODY == number) {
            return;
        }
        final int type = buffer.getByte(icmp + IcmpFlyweight.TYPE_OFFSET) & 0xFF;
        final int code = buffer.getByte(icmp + IcmpFlyweight.CODE_OFFSET) & 0xFF;
        peers.error(number, new IcmpError(type, code, socket.sender(), nowMs));
        final int mtu = mtu(icmp, type, code);
        if (mtu >= (IpFamily.IPV4 == family ? IPV4_MTU_MIN : IPV6_MTU_MIN) && mtu <= MTU_MAX) {
            peers.pathMtu(number, mtu);
        }
    }

    /** What the path carries, in bytes; 0 where the message tells nothing of it. */
    private int mtu(final int icmp, final int type, final int code) {
        if (IpFamily.IPV6 == family) {
            return IcmpFlyweight.ICMPV6_PACKET_TOO_BIG == type
                    ? buffer.getInt(icmp + ICMPV6_MTU_OFFSET, BIG_ENDIAN)
                    : 0;
        }
        return IcmpFlyweight.UNREACHABLE == type && IcmpFlyweight.FRAGMENTATION_NEEDED == code
                ? buffer.getShort(icmp + MTU_OFFSET, BIG_ENDIAN) & 0xFFFF
                : 0;
    }

    /** Where the quoted datagram was sent to; null if it was none of the overlay's. */
    private @Nullable IpAddress ipv4Destination(final int ip, final int length) {
        if (length < Ipv4Flyweight.MIN_LENGTH) {
            return null;
        }
        final int headerLength = Ipv4Flyweight.headerLength(buffer, ip);
        return IpProtocol.UDP == Ipv4Flyweight.protocol(buffer, ip)
                        && local.equals(IpAddress.ofIpv4(Ipv4Flyweight.source(buffer, ip)))
                        && isOurs(ip + headerLength, length - headerLength)
                ? IpAddress.ofIpv4(Ipv4Flyweight.destination(buffer, ip))
                : null;
    }

    private @Nullable IpAddress ipv6Destination(final int ip, final int length) {
        return length >= Ipv6Flyweight.LENGTH
                        && IpProtocol.UDP == Ipv6Flyweight.nextHeader(buffer, ip)
                        && local.high() == Ipv6Flyweight.sourceHigh(buffer, ip)
                        && local.low() == Ipv6Flyweight.sourceLow(buffer, ip)
                        && isOurs(ip + Ipv6Flyweight.LENGTH, length - Ipv6Flyweight.LENGTH)
                ? new IpAddress(
                        IpFamily.IPV6,
                        Ipv6Flyweight.destinationHigh(buffer, ip),
                        Ipv6Flyweight.destinationLow(buffer, ip))
                : null;
    }

    private boolean isOurs(final int udp, final int length) {
        return length >= UdpFlyweight.LENGTH
                && port == UdpFlyweight.destinationPort(buffer, udp)
                && sourcePorts.contains(buffer.getShort(udp + UdpFlyweight.SOURCE_PORT_OFFSET, BIG_ENDIAN) & 0xFFFF);
    }

    @Override
    public void close() {
        socket.close();
    }
}
