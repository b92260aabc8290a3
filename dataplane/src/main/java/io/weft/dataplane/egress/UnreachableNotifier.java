/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.egress;

import io.weft.encap.IpPacket;
import io.weft.encap.IpProtocol;
import io.weft.encap.Ipv4Flyweight;
import io.weft.encap.Ipv6Flyweight;
import io.weft.linux.HostOutput;
import org.agrona.concurrent.NanoClock;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Tells a pod that its destination has no route, if it may be told, at a limited rate (RFC 1812, section 4.3.2.8). The message is
 * one of the host's own: it does not come in from weft's device, where the host takes a packet with one of its own addresses as
 * source for forged. Belongs to the egress receiver.
 */
public final class UnreachableNotifier {
    private static final int ICMP_ECHO_REQUEST = 8;
    private static final int ICMPV6_FIRST_INFORMATIONAL = 128;

    private static final int MULTICAST_IPV4_PREFIX = 0xE;
    private static final int MULTICAST_IPV6_PREFIX = 0xFF;

    private static final int BURST = 50;
    private static final long REFILL_INTERVAL_NS = 10_000_000;

    private final boolean hasIpv4Source;
    private final boolean hasIpv6Source;
    private final @Nullable HostOutput host;
    private final IcmpUnreachable message;
    private final TokenBucket tokens;

    /**
     * @param host sends the messages; null to send none.
     * @param ipv4Source address that the messages come from, first byte highest, or 0 to send none.
     * @param ipv6Source the same for IPv6, or null to send none.
     */
    public UnreachableNotifier(
            final @Nullable HostOutput host,
            final int ipv4Source,
            final byte @Nullable [] ipv6Source,
            final NanoClock clock) {
        this.host = host;
        hasIpv4Source = 0 != ipv4Source;
        hasIpv6Source = null != ipv6Source;
        message = new IcmpUnreachable(ipv4Source, ipv6Source);
        tokens = new TokenBucket(BURST, REFILL_INTERVAL_NS, clock);
    }

    /** Whether the packet goes to a multicast or broadcast address, of which nobody is to be told. */
    static boolean isGroupAddressed(final UnsafeBuffer frames, final IpPacket packet) {
        if (4 == packet.version()) {
            final int destination = Ipv4Flyweight.destination(frames, packet.offset());
            return destination >>> (Integer.SIZE - 4) == MULTICAST_IPV4_PREFIX || 0xFFFF_FFFF == destination;
        }
        return Ipv6Flyweight.destinationHigh(frames, packet.offset()) >>> (Long.SIZE - Byte.SIZE)
                == MULTICAST_IPV6_PREFIX;
    }

    /**
     * Sends a message, unless none is due.
     *
     * @return whether one was sent.
     */
    boolean notify(final UnsafeBuffer frames, final IpPacket packet) {
        if (null == host || !mayAnswer(frames, packet) || !tokens.take()) {
            return false;
        }
        final int length = message.put(frames, packet);
        return host.send(message.address(), length) > 0;
    }

    /** RFC 1122, section 3.2.2: not about an ICMP error, a later fragment, or a packet from nobody in particular. */
    private boolean mayAnswer(final UnsafeBuffer frames, final IpPacket packet) {
        final int ip = packet.offset();
        final int type = packet.transportLength() > 0 ? frames.getByte(packet.transportOffset()) & 0xFF : 0;
        if (4 == packet.version()) {
            final int source = Ipv4Flyweight.source(frames, ip);
            final boolean laterFragment =
                    0 != (Ipv4Flyweight.fragment(frames, ip) & Ipv4Flyweight.FRAGMENT_OFFSET_MASK);
            final boolean groupSource = source >>> (Integer.SIZE - 4) >= MULTICAST_IPV4_PREFIX;
            final boolean error = IpProtocol.ICMP == packet.protocol() && ICMP_ECHO_REQUEST != type;
            return hasIpv4Source && 0 != source && !groupSource && !laterFragment && !error;
        }
        final long sourceHigh = Ipv6Flyweight.sourceHigh(frames, ip);
        final boolean unspecified = 0 == sourceHigh && 0 == Ipv6Flyweight.sourceLow(frames, ip);
        final boolean groupSource = sourceHigh >>> (Long.SIZE - Byte.SIZE) == MULTICAST_IPV6_PREFIX;
        final boolean error = IpProtocol.ICMPV6 == packet.protocol() && type < ICMPV6_FIRST_INFORMATIONAL;
        return hasIpv6Source && !unspecified && !groupSource && !packet.isFragment() && !error;
    }
}
