/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.tunnel;

import io.weft.dataplane.counters.DropReason;
import io.weft.encap.IpPacket;
import io.weft.routing.RoutingContext;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * What a pod's packet goes through at the two ends of its way between nodes. What is written in front of it is not asked
 * here: that lies ready in the next hop's rewrite block. A process has one implementation in use, so the compiler sees no
 * interface. No state that changes: any thread.
 */
public sealed interface Tunnel permits VxlanTunnel, BareIpTunnel {
    /** The tunnel that the routing tables encapsulate for. */
    static Tunnel of(final RoutingContext routing) {
        return switch (routing.encapsulation()) {
            case VXLAN -> new VxlanTunnel(routing);
            case BARE_IP -> new BareIpTunnel();
        };
    }

    /** Bytes of a datagram in front of the IP packet, at least. */
    int headerLength();

    /**
     * Where in the arena the IP packet of a datagram begins, if the datagram has one.
     *
     * @param datagram where it begins.
     * @param length of the datagram in bytes.
     */
    int packetOffset(UnsafeBuffer arena, int datagram, int length);

    /**
     * A packet from the host that has a route is about to leave: does to its header what this tunnel asks for.
     *
     * @return why it may not leave, or null.
     */
    @Nullable
    DropReason enter(UnsafeBuffer arena, IpPacket packet);

    /** The type of service of the datagram, of which DSCP is zero, for that of the packet in it. */
    int outerTos(int innerTos);

    /**
     * A datagram has come: checks all in front of the packet and the packet's IP header, and does to it what this tunnel
     * asks for.
     *
     * @param datagram where it begins.
     * @param length of the datagram in bytes.
     * @param packet set to the packet in the datagram.
     * @return why it is refused, or null.
     */
    @Nullable
    DropReason leave(UnsafeBuffer arena, int datagram, int length, IpPacket packet);

    /** What is wrong with a packet from a peer, in terms of drop reasons; null if nothing is. */
    static @Nullable DropReason innerFault(final IpPacket.Fault fault) {
        return switch (fault) {
            case NONE -> null;
            case HEADER_CHECKSUM -> DropReason.IP_CSUM;
            default -> DropReason.INNER_IP_INHDR;
        };
    }
}
