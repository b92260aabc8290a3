/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.tunnel;

import static java.nio.ByteOrder.nativeOrder;

import io.weft.encap.EthernetFlyweight;
import io.weft.encap.TunnelSuperframe;
import io.weft.encap.VxlanFlyweight;
import io.weft.routing.RewriteBlock;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Writes what a next hop's {@link RewriteBlock} holds in front of an IP packet: the tunnel header as it goes on the wire,
 * and the socket address that the datagram goes to.
 *
 * <pre>
 *  ipOffset - 128               ipOffset - 22              ipOffset
 * +------------------+---------+--------------------------+------------
 * | struct sockaddr  |         | VXLAN    | Ethernet      | IP packet
 * +------------------+---------+--------------------------+------------
 * </pre>
 *
 * No state: any thread, on memory of its own.
 */
public final class Rewrite {
    /**
     * Bytes in front of the IP packet that are written to. Two cache lines: between the socket address and the tunnel
     * header there is room for what {@link TunnelSuperframe} puts in front of the latter.
     */
    public static final int HEADROOM = 128;

    private static final int LAST_LONG_OFFSET = RewriteBlock.TUNNEL_HEADER_LENGTH - Long.BYTES;

    private Rewrite() {}

    /**
     * Writes tunnel header and socket address.
     *
     * @param arena where the packet lies, with {@link #HEADROOM} bytes in front.
     * @param version 4 or 6, of the inner packet.
     * @param blocks the snapshot's rewrite blocks.
     * @param block where the next hop's block begins.
     */
    public static void apply(
            final UnsafeBuffer arena,
            final int ipOffset,
            final int version,
            final UnsafeBuffer blocks,
            final int block) {
        final int header = block + RewriteBlock.TUNNEL_HEADER_OFFSET;
        final int tunnel = ipOffset - RewriteBlock.TUNNEL_HEADER_LENGTH;
        copyLong(blocks, header, arena, tunnel);
        copyLong(blocks, header + Long.BYTES, arena, tunnel + Long.BYTES);
        copyLong(blocks, header + LAST_LONG_OFFSET, arena, tunnel + LAST_LONG_OFFSET);
        if (6 == version) {
            EthernetFlyweight.type(arena, tunnel + VxlanFlyweight.LENGTH, EthernetFlyweight.TYPE_IPV6);
        }
        final int sockaddr = block + RewriteBlock.SOCKADDR_OFFSET;
        final int name = ipOffset - HEADROOM;
        copyLong(blocks, sockaddr, arena, name);
        copyLong(blocks, sockaddr + Long.BYTES, arena, name + Long.BYTES);
        copyLong(blocks, sockaddr + 2 * Long.BYTES, arena, name + 2 * Long.BYTES);
        copyLong(blocks, sockaddr + 3 * Long.BYTES, arena, name + 3 * Long.BYTES);
    }

    private static void copyLong(final UnsafeBuffer blocks, final int from, final UnsafeBuffer arena, final int to) {
        arena.putLong(to, blocks.getLong(from, nativeOrder()), nativeOrder());
    }
}
