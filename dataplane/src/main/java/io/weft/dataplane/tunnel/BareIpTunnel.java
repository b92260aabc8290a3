/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.tunnel;

import io.weft.dataplane.counters.DropReason;
import io.weft.encap.Ecn;
import io.weft.encap.IpPacket;
import io.weft.encap.Ipv4Flyweight;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * flannel's udp backend (pkg/backend/udp/proxy_amd64.c): a datagram is an IPv4 packet and nothing else. Each end counts as
 * a router and takes one from the time to live; nobody is told of a packet that dies of it, as there. Since peers of
 * that kind do not look at congestion marks of the datagram, none may be set on it (RFC 6040, section 4.3).
 */
final class BareIpTunnel implements Tunnel {
    @Override
    public int headerLength() {
        return 0;
    }

    @Override
    public int packetOffset(final UnsafeBuffer arena, final int datagram, final int length) {
        return datagram;
    }

    @Override
    public @Nullable DropReason enter(final UnsafeBuffer arena, final IpPacket packet) {
        if (Ipv4Flyweight.ttl(arena, packet.offset()) <= 1) {
            return DropReason.TTL_EXPIRED;
        }
        Ipv4Flyweight.decrementTtl(arena, packet.offset());
        return null;
    }

    @Override
    public int outerTos(final int innerTos) {
        return Ecn.NOT_ECT;
    }

    @Override
    public @Nullable DropReason leave(
            final UnsafeBuffer arena, final int datagram, final int length, final IpPacket packet) {
        if (length < Ipv4Flyweight.MIN_LENGTH) {
            return DropReason.PKT_TOO_SMALL;
        }
        if (4 != Ipv4Flyweight.version(arena, datagram)) {
            return DropReason.UNHANDLED_PROTO;
        }
        final IpPacket.Fault fault = packet.parse(arena, datagram, length, true);
        if (IpPacket.Fault.NONE != fault) {
            return Tunnel.innerFault(fault);
        }
        if (Ipv4Flyweight.ttl(arena, datagram) <= 1) {
            return DropReason.INNER_TTL_EXPIRED;
        }
        Ipv4Flyweight.decrementTtl(arena, datagram);
        return null;
    }
}
