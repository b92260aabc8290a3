/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netfilter;

/** What a condition looks at: bytes as they are in the packet, or as nf_tables has them in a register. */
public enum Field {
    /** A byte: {@code NFPROTO_IPV4} or {@code NFPROTO_IPV6}. */
    FAMILY,
    /** Two bytes. */
    ETHERTYPE,
    /** A byte of the IP header, behind extension headers. */
    PROTOCOL,
    SOURCE,
    DESTINATION,
    SOURCE_PORT,
    DESTINATION_PORT,
    /** A byte of ICMP and of ICMPv6. */
    ICMP_TYPE,
    /** 16 bytes, filled with zeros. */
    IN_DEVICE_NAME,
    OUT_DEVICE_NAME,
    /** Four bytes in native order. */
    IN_DEVICE_INDEX,
    OUT_DEVICE_INDEX,
    MARK,
    /** Bits as nf_tables has them. */
    CONNECTION_STATE,
    /** By this host's routes: {@code RTN_UNICAST} and so on. */
    DESTINATION_TYPE,
    /** Whatever else there is, or what is not understood. */
    OTHER
}
