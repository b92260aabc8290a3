/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

/** What stands in front of a pod's packet in a datagram between two nodes. */
public enum Encapsulation {
    /** VXLAN and inner Ethernet header (RFC 7348): a route leads to a gateway, whose MAC and underlay address are known. */
    VXLAN,
    /** Nothing, as in flannel's udp backend (pkg/backend/udp): a route leads to an underlay address. IPv4 alone. */
    BARE_IP
}
