/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import io.weft.address.IpAddress;
import org.agrona.MutableDirectBuffer;

/** The gateway is the peer's underlay address itself, and nothing goes in front of a packet. Control thread only. */
final class BareIpBlockEncoder extends RewriteBlockEncoder {
    private final int underlayPort;

    BareIpBlockEncoder(final RoutingContext context) {
        super(context);
        underlayPort = context.underlayPort();
    }

    @Override
    long encodeTunnel(final MutableDirectBuffer buffer, final int offset, final IpAddress gateway) {
        encodeSocketAddress(buffer, offset, gateway, 0, underlayPort);
        buffer.putInt(offset + RewriteBlock.STATE_OFFSET, RewriteBlock.RESOLVED);
        return NeighbourTable.NO_MAC;
    }
}
