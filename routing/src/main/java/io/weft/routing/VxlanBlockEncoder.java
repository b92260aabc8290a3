/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import static java.nio.ByteOrder.BIG_ENDIAN;

import io.weft.address.IpAddress;
import org.agrona.MutableDirectBuffer;

/** Follows the gateway through neighbour table and FDB, and writes the headers of VXLAN. Control thread only. */
final class VxlanBlockEncoder extends RewriteBlockEncoder {
    /** VXLAN flags with the I bit: the VNI is valid. RFC 7348 section 5. */
    private static final int VXLAN_FLAGS = 0x08 << 24;

    private static final int VNI_SHIFT = 8;
    /** IEEE 802 ethertype of IPv4; the data plane writes that of IPv6 over it. */
    private static final short ETHERTYPE_IPV4 = 0x0800;

    private final long vtepMac;
    private final int vni;
    private final int underlayPort;
    private final NeighbourTable neighbours;
    private final ForwardingDatabase fdb;

    VxlanBlockEncoder(final RoutingContext context, final NeighbourTable neighbours, final ForwardingDatabase fdb) {
        super(context);
        vtepMac = context.vtepMac().value();
        vni = context.vni();
        underlayPort = context.underlayPort();
        this.neighbours = neighbours;
        this.fdb = fdb;
    }

    @Override
    long encodeTunnel(final MutableDirectBuffer buffer, final int offset, final IpAddress gateway) {
        final long mac = neighbours.get(gateway);
        if (NeighbourTable.NO_MAC == mac) {
            buffer.putInt(offset + RewriteBlock.STATE_OFFSET, RewriteBlock.NO_NEIGHBOUR);
            return mac;
        }
        final int row = fdb.find(mac);
        final boolean known = FlatTable.ABSENT != row;
        encodeHeader(buffer, offset, mac, known && fdb.vni(row) >= 0 ? fdb.vni(row) : vni);
        if (known) {
            final int port = 0 == fdb.port(row) ? underlayPort : fdb.port(row);
            encodeSocketAddress(buffer, offset, fdb.underlay(row), fdb.scope(row), port);
        }
        buffer.putInt(offset + RewriteBlock.STATE_OFFSET, known ? RewriteBlock.RESOLVED : RewriteBlock.NO_FDB);
        return mac;
    }

    private void encodeHeader(final MutableDirectBuffer buffer, final int offset, final long mac, final int tunnelVni) {
        final int vxlan = offset + RewriteBlock.TUNNEL_HEADER_OFFSET;
        buffer.putInt(vxlan, VXLAN_FLAGS, BIG_ENDIAN);
        buffer.putInt(vxlan + Integer.BYTES, tunnelVni << VNI_SHIFT, BIG_ENDIAN);
        putMac(buffer, offset + RewriteBlock.DESTINATION_MAC_OFFSET, mac);
        putMac(buffer, offset + RewriteBlock.SOURCE_MAC_OFFSET, vtepMac);
        buffer.putShort(offset + RewriteBlock.ETHERTYPE_OFFSET, ETHERTYPE_IPV4, BIG_ENDIAN);
        buffer.putShort(offset + RewriteBlock.TUNNEL_LENGTH_OFFSET, (short) RewriteBlock.TUNNEL_HEADER_LENGTH);
    }

    private static void putMac(final MutableDirectBuffer buffer, final int offset, final long mac) {
        buffer.putShort(offset, (short) (mac >>> Integer.SIZE), BIG_ENDIAN);
        buffer.putInt(offset + Short.BYTES, (int) mac, BIG_ENDIAN);
    }
}
