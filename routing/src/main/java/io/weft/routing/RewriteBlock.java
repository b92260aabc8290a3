/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import org.agrona.BitUtil;
import org.agrona.DirectBuffer;

/**
 * What a next hop puts in front of a packet, ready to copy: 128 bytes, two cache lines, of which a packet needs the
 * first only. Written once by the control thread, then immutable.
 *
 * <pre>
 *   0                8                                      22     24
 *   +----------------+----------------+----------+----------+------+
 *   | 08 000000 | VNI, 00 | peer VTEP MAC | own VTEP MAC | 0800 | 22 |   tunnel header, network order; its length
 *   +----------------+----------------+----------+----------+------+
 *  24                                                   52     56      60       64
 *   +---------------------------------------------------+------+-------+--------+
 *   | sockaddr_in (16) or sockaddr_in6 (28) of the peer | len  | state | peer   |   ints in native order
 *   +---------------------------------------------------+------+-------+--------+
 *  64               68   72                         88
 *   +----------------+----+--------------------------+
 *   | gateway family | -- | gateway high, low        |   native order; not for each packet
 *   +----------------+----+--------------------------+
 * </pre>
 *
 * <p>The tunnel header is the VXLAN header of RFC 7348 section 5 and the inner Ethernet header with the ethertype of
 * IPv4. With {@link Encapsulation#BARE_IP} it is zero, and so is its length.
 */
public final class RewriteBlock {
    /** Two cache lines of x86-64, as VPP's rewrite has. */
    public static final int LENGTH = 128;

    /** VXLAN header (8 bytes) and inner Ethernet header (14). */
    public static final int TUNNEL_HEADER_OFFSET = 0;

    public static final int VXLAN_HEADER_LENGTH = 8;
    public static final int ETHERNET_HEADER_LENGTH = 14;

    /** The longest there is. */
    public static final int TUNNEL_HEADER_LENGTH = VXLAN_HEADER_LENGTH + ETHERNET_HEADER_LENGTH;

    public static final int DESTINATION_MAC_OFFSET = TUNNEL_HEADER_OFFSET + VXLAN_HEADER_LENGTH;
    public static final int MAC_LENGTH = 6;
    public static final int SOURCE_MAC_OFFSET = DESTINATION_MAC_OFFSET + MAC_LENGTH;
    public static final int ETHERTYPE_OFFSET = SOURCE_MAC_OFFSET + MAC_LENGTH;

    static final int TUNNEL_LENGTH_OFFSET = TUNNEL_HEADER_OFFSET + TUNNEL_HEADER_LENGTH;

    /** {@code struct sockaddr_in} or {@code struct sockaddr_in6} of the peer, for {@code msg_name}. */
    public static final int SOCKADDR_OFFSET = BitUtil.align(TUNNEL_LENGTH_OFFSET + Short.BYTES, Long.BYTES);

    /** Length of {@code struct sockaddr_in}, linux/in.h. */
    public static final int SOCKADDR_IN_LENGTH = 16;

    /** Length of {@code struct sockaddr_in6}, linux/in6.h. */
    public static final int SOCKADDR_IN6_LENGTH = 28;

    static final int SIN_PORT_OFFSET = Short.BYTES;
    static final int SIN_ADDR_OFFSET = SIN_PORT_OFFSET + Short.BYTES;
    static final int SIN6_ADDR_OFFSET = SIN_ADDR_OFFSET + Integer.BYTES; // after sin6_flowinfo
    static final int SIN6_SCOPE_ID_OFFSET = SIN6_ADDR_OFFSET + 2 * Long.BYTES;

    static final int SOCKADDR_LENGTH_OFFSET = SOCKADDR_OFFSET + SOCKADDR_IN6_LENGTH;
    static final int STATE_OFFSET = SOCKADDR_LENGTH_OFFSET + Integer.BYTES;
    static final int PEER_OFFSET = STATE_OFFSET + Integer.BYTES;
    static final int GATEWAY_FAMILY_OFFSET = PEER_OFFSET + Integer.BYTES;
    static final int GATEWAY_OFFSET = GATEWAY_FAMILY_OFFSET + Long.BYTES; // aligned

    /** The block is complete: packets may be sent with it. */
    public static final int RESOLVED = 0;

    /** The neighbour table does not know the gateway: tunnel header and socket address are not set. */
    public static final int NO_NEIGHBOUR = 1;

    /** The FDB does not know the gateway's MAC: the socket address is not set. */
    public static final int NO_FDB = 2;

    private RewriteBlock() {}

    /** Where the block of a next hop begins in {@link RoutingSnapshot#rewriteBlocks()}. */
    public static int offset(final int nextHop) {
        return nextHop * LENGTH;
    }

    /** {@link #RESOLVED}, {@link #NO_NEIGHBOUR} or {@link #NO_FDB}. */
    public static int state(final DirectBuffer blocks, final int offset) {
        return blocks.getInt(offset + STATE_OFFSET);
    }

    /** How many bytes go in front of a packet: {@link #TUNNEL_HEADER_LENGTH}, or 0; 0 when not resolved. */
    public static int tunnelHeaderLength(final DirectBuffer blocks, final int offset) {
        return blocks.getShort(offset + TUNNEL_LENGTH_OFFSET);
    }

    /** {@link #SOCKADDR_IN_LENGTH} or {@link #SOCKADDR_IN6_LENGTH}; 0 when not resolved. */
    public static int sockaddrLength(final DirectBuffer blocks, final int offset) {
        return blocks.getInt(offset + SOCKADDR_LENGTH_OFFSET);
    }

    /** {@link IpFamily#socketFamily()} of the underlay; 0 when not resolved. */
    public static int underlayFamily(final DirectBuffer blocks, final int offset) {
        return blocks.getShort(offset + SOCKADDR_OFFSET);
    }

    /** The number that the peer is counted by: {@link RoutingContext#peerNumbers}; 0 when not resolved. */
    public static int peer(final DirectBuffer blocks, final int offset) {
        return blocks.getInt(offset + PEER_OFFSET);
    }

    /** The peer's underlay address; only when resolved. Allocates: not for each packet. */
    public static IpAddress underlayAddress(final DirectBuffer blocks, final int offset) {
        final int sockaddr = offset + SOCKADDR_OFFSET;
        if (IpFamily.IPV4.socketFamily() == underlayFamily(blocks, offset)) {
            return IpAddress.ofIpv4(blocks.getInt(sockaddr + SIN_ADDR_OFFSET, BIG_ENDIAN));
        }
        return new IpAddress(
                IpFamily.IPV6,
                blocks.getLong(sockaddr + SIN6_ADDR_OFFSET, BIG_ENDIAN),
                blocks.getLong(sockaddr + SIN6_ADDR_OFFSET + Long.BYTES, BIG_ENDIAN));
    }

    /** The peer's UDP port; 0 when not resolved. */
    public static int underlayPort(final DirectBuffer blocks, final int offset) {
        return blocks.getShort(offset + SOCKADDR_OFFSET + SIN_PORT_OFFSET, BIG_ENDIAN) & 0xffff;
    }

    /** The address that the route names, also when not resolved. Allocates: not for each packet. */
    public static IpAddress gateway(final DirectBuffer blocks, final int offset) {
        final IpFamily family = IpFamily.IPV4.socketFamily() == blocks.getInt(offset + GATEWAY_FAMILY_OFFSET)
                ? IpFamily.IPV4
                : IpFamily.IPV6;
        return new IpAddress(
                family, blocks.getLong(offset + GATEWAY_OFFSET), blocks.getLong(offset + GATEWAY_OFFSET + Long.BYTES));
    }
}
