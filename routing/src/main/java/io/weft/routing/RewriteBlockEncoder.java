/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.routing;

import static java.nio.ByteOrder.BIG_ENDIAN;

import org.agrona.MutableDirectBuffer;

/** Writes {@link RewriteBlock}s. Control thread only. */
final class RewriteBlockEncoder {
    /** VXLAN flags with the I bit: the VNI is valid. RFC 7348 section 5. */
    private static final int VXLAN_FLAGS = 0x08 << 24;

    private static final int VNI_SHIFT = 8;
    /** IEEE 802 ethertype of IPv4; the data plane writes that of IPv6 over it. */
    private static final short ETHERTYPE_IPV4 = 0x0800;

    private final long vtepMac;
    private final int vni;
    private final int underlayPort;

    RewriteBlockEncoder(final RoutingContext context) {
        vtepMac = context.vtepMac();
        vni = context.vni();
        underlayPort = context.underlayPort();
    }

    /**
     * Fills the {@link RewriteBlock#LENGTH} bytes at {@code offset} with what neighbour table and FDB say of a gateway.
     *
     * @return the neighbour's MAC, or {@link NeighbourTable#NO_MAC}.
     */
    long encode(
            final MutableDirectBuffer buffer,
            final int offset,
            final IpAddress gateway,
            final NeighbourTable neighbours,
            final ForwardingDatabase fdb) {
        buffer.setMemory(offset, RewriteBlock.LENGTH, (byte) 0);
        buffer.putInt(
                offset + RewriteBlock.GATEWAY_FAMILY_OFFSET, gateway.family().socketFamily());
        buffer.putLong(offset + RewriteBlock.GATEWAY_OFFSET, gateway.high());
        buffer.putLong(offset + RewriteBlock.GATEWAY_OFFSET + Long.BYTES, gateway.low());
        final long mac = neighbours.get(gateway);
        if (NeighbourTable.NO_MAC == mac) {
            buffer.putInt(offset + RewriteBlock.STATE_OFFSET, RewriteBlock.NO_NEIGHBOUR);
            return mac;
        }
        final int row = fdb.find(mac);
        final boolean known = FlatTable.ABSENT != row;
        encodeTunnelHeader(buffer, offset, mac, known && fdb.vni(row) >= 0 ? fdb.vni(row) : vni);
        if (known) {
            encodeSocketAddress(buffer, offset, fdb, row);
        }
        buffer.putInt(offset + RewriteBlock.STATE_OFFSET, known ? RewriteBlock.RESOLVED : RewriteBlock.NO_FDB);
        return mac;
    }

    private void encodeTunnelHeader(
            final MutableDirectBuffer buffer, final int offset, final long mac, final int tunnelVni) {
        final int vxlan = offset + RewriteBlock.TUNNEL_HEADER_OFFSET;
        buffer.putInt(vxlan, VXLAN_FLAGS, BIG_ENDIAN);
        buffer.putInt(vxlan + Integer.BYTES, tunnelVni << VNI_SHIFT, BIG_ENDIAN);
        putMac(buffer, offset + RewriteBlock.DESTINATION_MAC_OFFSET, mac);
        putMac(buffer, offset + RewriteBlock.SOURCE_MAC_OFFSET, vtepMac);
        buffer.putShort(offset + RewriteBlock.ETHERTYPE_OFFSET, ETHERTYPE_IPV4, BIG_ENDIAN);
    }

    private void encodeSocketAddress(
            final MutableDirectBuffer buffer, final int offset, final ForwardingDatabase fdb, final int row) {
        final int sockaddr = offset + RewriteBlock.SOCKADDR_OFFSET;
        final AddressFamily family = fdb.family(row);
        final int port = 0 == fdb.port(row) ? underlayPort : fdb.port(row);
        buffer.putShort(sockaddr, (short) family.socketFamily());
        buffer.putShort(sockaddr + RewriteBlock.SIN_PORT_OFFSET, (short) port, BIG_ENDIAN);
        final boolean wide = AddressFamily.IPV6 == family;
        if (wide) {
            buffer.putLong(sockaddr + RewriteBlock.SIN6_ADDR_OFFSET, fdb.high(row), BIG_ENDIAN);
            buffer.putLong(sockaddr + RewriteBlock.SIN6_ADDR_OFFSET + Long.BYTES, fdb.low(row), BIG_ENDIAN);
            buffer.putInt(sockaddr + RewriteBlock.SIN6_SCOPE_ID_OFFSET, fdb.scope(row));
        } else {
            buffer.putInt(sockaddr + RewriteBlock.SIN_ADDR_OFFSET, (int) (fdb.high(row) >>> Integer.SIZE), BIG_ENDIAN);
        }
        buffer.putInt(
                offset + RewriteBlock.SOCKADDR_LENGTH_OFFSET,
                wide ? RewriteBlock.SOCKADDR_IN6_LENGTH : RewriteBlock.SOCKADDR_IN_LENGTH);
        buffer.putInt(offset + RewriteBlock.UNDERLAY_FAMILY_OFFSET, family.socketFamily());
        buffer.putInt(offset + RewriteBlock.UNDERLAY_HASH_OFFSET, hash(fdb.high(row), fdb.low(row), port));
    }

    private static void putMac(final MutableDirectBuffer buffer, final int offset, final long mac) {
        buffer.putShort(offset, (short) (mac >>> Integer.SIZE), BIG_ENDIAN);
        buffer.putInt(offset + Short.BYTES, (int) mac, BIG_ENDIAN);
    }

    /** The finisher of MurmurHash3 (fmix64, public domain) over address and port. */
    private static int hash(final long high, final long low, final int port) {
        long mixed = high ^ Long.rotateLeft(low, 31) ^ (long) port << (Integer.SIZE / 2);
        mixed = (mixed ^ mixed >>> 33) * 0xff51_afd7_ed55_8ccdL;
        mixed = (mixed ^ mixed >>> 33) * 0xc4ce_b9fe_1a85_ec53L;
        return (int) (mixed ^ mixed >>> 33);
    }
}
