/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import java.util.function.ToIntFunction;
import org.agrona.MutableDirectBuffer;

/** Writes {@link RewriteBlock}s: what they have in common, whatever the {@link Encapsulation}. Control thread only. */
abstract class RewriteBlockEncoder {
    private final ToIntFunction<IpAddress> peerNumbers;

    RewriteBlockEncoder(final RoutingContext context) {
        peerNumbers = context.peerNumbers();
    }

    /**
     * Fills the {@link RewriteBlock#LENGTH} bytes at {@code offset} with what is known of a gateway.
     *
     * @return the neighbour's MAC, or {@link NeighbourTable#NO_MAC}.
     */
    long encode(final MutableDirectBuffer buffer, final int offset, final IpAddress gateway) {
        buffer.setMemory(offset, RewriteBlock.LENGTH, (byte) 0);
        buffer.putInt(
                offset + RewriteBlock.GATEWAY_FAMILY_OFFSET, gateway.family().socketFamily());
        buffer.putLong(offset + RewriteBlock.GATEWAY_OFFSET, gateway.high());
        buffer.putLong(offset + RewriteBlock.GATEWAY_OFFSET + Long.BYTES, gateway.low());
        return encodeTunnel(buffer, offset, gateway);
    }

    /** Writes tunnel header, socket address and state into a block of zeros; returns as {@link #encode}. */
    abstract long encodeTunnel(MutableDirectBuffer buffer, int offset, IpAddress gateway);

    void encodeSocketAddress(
            final MutableDirectBuffer buffer,
            final int offset,
            final IpAddress underlay,
            final int scope,
            final int port) {
        final int sockaddr = offset + RewriteBlock.SOCKADDR_OFFSET;
        final IpFamily family = underlay.family();
        buffer.putShort(sockaddr, (short) family.socketFamily());
        buffer.putShort(sockaddr + RewriteBlock.SIN_PORT_OFFSET, (short) port, BIG_ENDIAN);
        final boolean wide = IpFamily.IPV6 == family;
        if (wide) {
            buffer.putLong(sockaddr + RewriteBlock.SIN6_ADDR_OFFSET, underlay.high(), BIG_ENDIAN);
            buffer.putLong(sockaddr + RewriteBlock.SIN6_ADDR_OFFSET + Long.BYTES, underlay.low(), BIG_ENDIAN);
            buffer.putInt(sockaddr + RewriteBlock.SIN6_SCOPE_ID_OFFSET, scope);
        } else {
            buffer.putInt(sockaddr + RewriteBlock.SIN_ADDR_OFFSET, underlay.ipv4(), BIG_ENDIAN);
        }
        buffer.putInt(
                offset + RewriteBlock.SOCKADDR_LENGTH_OFFSET,
                wide ? RewriteBlock.SOCKADDR_IN6_LENGTH : RewriteBlock.SOCKADDR_IN_LENGTH);
        buffer.putInt(offset + RewriteBlock.PEER_OFFSET, peerNumbers.applyAsInt(underlay));
    }
}
