/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

/**
 * Every way in which a packet can end but for being forwarded or delivered. Ids are stable: a new reason takes a new id,
 * an old one is never used again. Where the kernel has the same reason, its name is used
 * (include/net/dropreason-core.h, drivers/net/vxlan/vxlan_core.c).
 */
public enum DropReason {
    IP_INHDR(0, Direction.EGRESS, "IP header from the host is malformed"),
    IP_OUTNOROUTES(1, Direction.EGRESS, "no route to the destination; the sender was told by ICMP"),
    MULTICAST(2, Direction.EGRESS, "destination is multicast or broadcast, which this overlay does not carry"),
    NEIGH_FAILED(3, Direction.EGRESS, "no neighbour entry gives the VTEP MAC of the gateway"),
    VXLAN_NO_REMOTE(4, Direction.EGRESS, "no FDB entry gives the underlay address of the VTEP MAC"),
    GSO_INVALID(5, Direction.EGRESS, "superframe from the host contradicts its vnet header"),
    UNDERLAY_BUSY(6, Direction.EGRESS, "underlay did not take the packet in time"),
    UNDERLAY_UNREACHABLE(7, Direction.EGRESS, "host has no way to the peer's underlay address"),
    UNDERLAY_REFUSED(8, Direction.EGRESS, "host's firewall refused the datagram"),
    UNDERLAY_ERROR(9, Direction.EGRESS, "underlay socket failed otherwise"),
    GSO_HEADERS_TOO_LONG(10, Direction.EGRESS, "superframe's headers are longer than any that weft cuts"),
    TTL_EXPIRED(11, Direction.EGRESS, "time to live ended at this end of the tunnel"),
    FQ_FLOW_LIMIT(12, Direction.EGRESS, "more is sent than leaves, and the flow has its share of what waits"),
    QDISC_CONGESTED(13, Direction.EGRESS, "more is sent than leaves, and the flow has waited for too long"),

    PKT_TOO_SMALL(32, Direction.INGRESS, "datagram ends before the inner IP header"),
    VXLAN_INVALID_HDR(33, Direction.INGRESS, "VXLAN flags or reserved bits are wrong"),
    VXLAN_VNI_NOT_FOUND(34, Direction.INGRESS, "VNI is not ours"),
    OTHERHOST(35, Direction.INGRESS, "inner destination MAC is not ours"),
    MAC_INVALID_SOURCE(36, Direction.INGRESS, "inner source MAC is zero or a group address"),
    LOCAL_MAC(37, Direction.INGRESS, "inner source MAC is our own"),
    UNHANDLED_PROTO(38, Direction.INGRESS, "inner packet is of a protocol that the tunnel does not carry"),
    INNER_IP_INHDR(39, Direction.INGRESS, "inner IP header is malformed"),
    IP_CSUM(40, Direction.INGRESS, "inner IPv4 header checksum is wrong"),
    IP_TUNNEL_ECN(41, Direction.INGRESS, "congestion was marked outside of a packet that cannot carry the mark"),
    DATAGRAM_TRUNCATED(42, Direction.INGRESS, "datagram is longer than any that weft takes"),
    HOST_DOWN(44, Direction.INGRESS, "host's device is down"),
    HOST_REFUSED(45, Direction.INGRESS, "host's device took the packet for malformed"),
    HOST_ERROR(46, Direction.INGRESS, "host's device failed otherwise"),
    INNER_TTL_EXPIRED(47, Direction.INGRESS, "inner time to live ended at this end of the tunnel"),
    UDP_CSUM(48, Direction.INGRESS, "outer UDP checksum is wrong; seen by a packet socket, whose host drops it too"),
    OUTER_HEADER(49, Direction.INGRESS, "outer IP or UDP header is malformed; seen by a packet socket"),
    PKT_TOO_BIG(50, Direction.INGRESS, "inner packet is longer than the host's device takes"),
    UNKNOWN_SENDER(51, Direction.INGRESS, "outer source is of no lease and no Node"),
    IP_LOCAL_SOURCE(52, Direction.INGRESS, "inner source is an address of this node"),
    IP_INVALID_SOURCE(53, Direction.INGRESS, "inner source is multicast, broadcast, unspecified or IPv4-mapped"),
    IP_LOCALNET(54, Direction.INGRESS, "inner source or destination is of the loopback network"),
    OWN_SUBNET_SOURCE(55, Direction.INGRESS, "inner source is of this node's subnet, and came from another node"),
    OTHER_NODES_SOURCE(
            56, Direction.INGRESS, "inner source is of the subnet of another node than the one that sent it"),
    UNANNOUNCED_SOURCE(
            57,
            Direction.INGRESS,
            "inner source is neither of the sender's subnet nor an address that it announces; --ingress-sources=known"
                    + " admits it"),
    FOREIGN_DESTINATION(
            58,
            Direction.INGRESS,
            "inner destination is neither of this node's subnet nor its address; --ingress-sources=any admits it"),
    OUTER_INVALID_SOURCE(
            59,
            Direction.INGRESS,
            "outer source is loopback, multicast, broadcast, unspecified, IPv4-mapped or an address of this node"),
    FRAG_REASM_TIMEOUT(60, Direction.INGRESS, "fragments of an outer datagram are missing; seen by a packet socket"),
    FRAG_NO_ROOM(
            61, Direction.INGRESS, "more outer datagrams came in fragments than are kept; seen by a packet socket"),
    FRAG_INVALID(
            62, Direction.INGRESS, "fragments of an outer datagram are malformed or overlap; seen by a packet socket");

    /** All ids are below this. */
    public static final int ID_LIMIT = 64;

    private final int id;
    private final Direction direction;
    private final String description;

    DropReason(final int id, final Direction direction, final String description) {
        this.id = id;
        this.direction = direction;
        this.description = description;
    }

    /** The stable id. */
    public int id() {
        return id;
    }

    /** Which way the packet was going. */
    public Direction direction() {
        return direction;
    }

    /** What happened, for people. */
    public String description() {
        return description;
    }
}
