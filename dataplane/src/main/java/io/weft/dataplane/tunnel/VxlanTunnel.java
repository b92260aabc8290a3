/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.tunnel;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.dataplane.counters.DropReason;
import io.weft.encap.Ecn;
import io.weft.encap.EthernetFlyweight;
import io.weft.encap.IpPacket;
import io.weft.encap.IpProtocol;
import io.weft.encap.Ipv4Flyweight;
import io.weft.encap.Ipv6Flyweight;
import io.weft.encap.VxlanFlyweight;
import io.weft.routing.RoutingContext;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * VXLAN (RFC 7348) as the kernel's device speaks it. The node's kernel is the router at both ends: it counts hops.
 *
 * <pre>
 *  0                 8                 14                20         22
 * +-----------------+-----------------+-----------------+----------+-----------
 * | flags, VNI      | destination MAC | source MAC      | type     | IP packet
 * +-----------------+-----------------+-----------------+----------+-----------
 * </pre>
 *
 * In front of the type there may be tags. One that names no VLAN is passed over, as the kernel does where it has no VLAN
 * device (net/core/dev.c, {@code __netif_receive_skb_core}).
 */
final class VxlanTunnel implements Tunnel {
    private static final int IP_OFFSET = VxlanFlyweight.LENGTH + EthernetFlyweight.LENGTH;
    private static final int TYPE_OFFSET = IP_OFFSET - Short.BYTES;
    private static final int MIN_DATAGRAM_LENGTH = IP_OFFSET + Ipv4Flyweight.MIN_LENGTH;

    private final int vniWord;
    /** Of the own VTEP, in the low 48 bits. */
    private final long vtepMac;

    private final IpAddress[] overlayAddresses;

    VxlanTunnel(final RoutingContext routing) {
        vniWord = VxlanFlyweight.vniWord(routing.vni());
        vtepMac = routing.vtepMac().value();
        overlayAddresses = routing.overlayAddresses().toArray(IpAddress[]::new);
    }

    @Override
    public int headerLength() {
        return IP_OFFSET;
    }

    @Override
    public int packetOffset(final UnsafeBuffer arena, final int datagram, final int length) {
        final int last = datagram + length - EthernetFlyweight.TAG_LENGTH - Short.BYTES;
        int type = datagram + TYPE_OFFSET;
        while (type <= last && EthernetFlyweight.isPriorityTag(arena, type)) {
            type += EthernetFlyweight.TAG_LENGTH;
        }
        return type + Short.BYTES;
    }

    @Override
    public @Nullable DropReason enter(final UnsafeBuffer arena, final IpPacket packet) {
        return null;
    }

    @Override
    public int outerTos(final int innerTos) {
        return Ecn.encapsulate(innerTos);
    }

    @Override
    public @Nullable DropReason leave(
            final UnsafeBuffer arena, final int datagram, final int length, final IpPacket packet) {
        if (length < MIN_DATAGRAM_LENGTH) {
            return DropReason.PKT_TOO_SMALL;
        }
        if (VxlanFlyweight.FLAGS_VNI_VALID != VxlanFlyweight.flags(arena, datagram)) {
            return DropReason.VXLAN_INVALID_HDR;
        }
        final int vni = VxlanFlyweight.vniAndReserved(arena, datagram);
        if (vni != vniWord) {
            return 0 == ((vni ^ vniWord) & ~0xFF) ? DropReason.VXLAN_INVALID_HDR : DropReason.VXLAN_VNI_NOT_FOUND;
        }
        final int ethernet = datagram + VxlanFlyweight.LENGTH;
        final long source = EthernetFlyweight.source(arena, ethernet);
        if (source == vtepMac) {
            return DropReason.LOCAL_MAC;
        }
        if (0 == source || 0 != (source & EthernetFlyweight.GROUP_BIT)) {
            return DropReason.MAC_INVALID_SOURCE;
        }
        final long destination = EthernetFlyweight.destination(arena, ethernet);
        final int ip = packetOffset(arena, datagram, length);
        if (destination != vtepMac
                && (EthernetFlyweight.BROADCAST != destination || !isForThisHost(arena, ip, datagram + length - ip))) {
            return DropReason.OTHERHOST;
        }
        final int available = datagram + length - ip;
        if (available < Ipv4Flyweight.MIN_LENGTH) {
            return DropReason.PKT_TOO_SMALL;
        }
        final int type = EthernetFlyweight.type(arena, ip - EthernetFlyweight.LENGTH);
        if (EthernetFlyweight.TYPE_IPV4 != type && EthernetFlyweight.TYPE_IPV6 != type) {
            return DropReason.UNHANDLED_PROTO;
        }
        final IpPacket.Fault fault = packet.parse(arena, ip, available, true);
        if (IpPacket.Fault.NONE == fault && 4 == packet.version() != (EthernetFlyweight.TYPE_IPV4 == type)) {
            return DropReason.INNER_IP_INHDR;
        }
        return Tunnel.innerFault(fault);
    }

    /**
     * Whether it is ICMP for this host itself, by which peers find out that the MAC of their lease is wrong. The kernel takes what is for all
     * MACs likewise, forwards it to nobody, and of TCP none of it (net/ipv4/tcp_ipv4.c, {@code tcp_v4_rcv}).
     */
    private boolean isForThisHost(final UnsafeBuffer arena, final int ip, final int available) {
        for (final IpAddress own : overlayAddresses) {
            if (IpFamily.IPV4 == own.family()
                    ? available >= Ipv4Flyweight.MIN_LENGTH
                            && Ipv4Flyweight.version(arena, ip) == 4
                            && Ipv4Flyweight.protocol(arena, ip) == IpProtocol.ICMP
                            && Ipv4Flyweight.destination(arena, ip) == own.ipv4()
                    : available >= Ipv6Flyweight.LENGTH
                            && Ipv4Flyweight.version(arena, ip) == 6
                            && Ipv6Flyweight.nextHeader(arena, ip) == IpProtocol.ICMPV6
                            && Ipv6Flyweight.destinationHigh(arena, ip) == own.high()
                            && Ipv6Flyweight.destinationLow(arena, ip) == own.low()) {
                return true;
            }
        }
        return false;
    }
}
