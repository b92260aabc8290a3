/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import static io.weft.linux.SocketConstants.AF_UNSPEC;

import io.weft.address.MacAddress;
import org.jspecify.annotations.Nullable;

/**
 * Links to and from bytes.
 *
 * <pre>
 *  0   1   2       4               8               12              16
 * +---+---+-------+---------------+---------------+---------------+
 * |fam| 0 | type  | index         | flags         | change mask   |   struct ifinfomsg
 * +---+---+-------+---------------+---------------+---------------+
 * </pre>
 *
 * Sources: include/uapi/linux/rtnetlink.h, if_link.h.
 */
final class LinkCodec {
    static final int IFLA_IFNAME = 3;
    static final int IFLA_MTU = 4;
    static final int IFLA_TXQLEN = 13;
    static final int IFLA_EXT_MASK = 29;
    static final int IFLA_GSO_MAX_SIZE = 41;
    static final int IFLA_STATS64 = 23;

    /** {@code tx_dropped} of struct rtnl_link_stats64: the eighth u64. */
    static final int TX_DROPPED_OFFSET = 7 * Long.BYTES;

    /** {@code RTEXT_FILTER_SKIP_STATS}: half of each message would be counters. */
    static final int SKIP_STATISTICS = 1 << 3;

    static final int IFLA_ADDRESS = 1;
    static final int IFLA_AF_SPEC = 26;

    private static final String VETH = "veth";
    private static final int VETH_INFO_PEER = 1; // include/uapi/linux/veth.h
    private static final int IFLA_LINK = 5;
    private static final int IFLA_LINK_NETNSID = 37;
    private static final int IFLA_MASTER = 10;
    private static final int IFLA_LINKINFO = 18;
    private static final int IFLA_INFO_KIND = 1;
    private static final int IFLA_INFO_DATA = 2;
    private static final int IFLA_VXLAN_ID = 1;
    private static final int IFLA_VXLAN_LINK = 3;
    private static final int IFLA_VXLAN_LOCAL = 4;
    private static final int IFLA_VXLAN_LEARNING = 7;
    private static final int IFLA_VXLAN_PORT = 15;
    private static final int IFLA_VXLAN_LOCAL6 = 17;

    private static final int FAMILY_POSITION = 0;
    private static final int INDEX_POSITION = 4;
    private static final int FLAGS_POSITION = 8;
    private static final int FIXED_LENGTH = 16;

    private LinkCodec() {}

    /** A request about the link of this index, 0 for all or for one told by name. */
    static NetlinkRequest request(final int type, final int requestFlags, final int index) {
        return request(type, requestFlags, index, 0, 0);
    }

    /** A request that changes the flags of the mask. */
    static NetlinkRequest request(
            final int type, final int requestFlags, final int index, final int flags, final int mask) {
        return new NetlinkRequest(type, requestFlags)
                .u8(AF_UNSPEC)
                .u8(0)
                .u16(0)
                .i32(index)
                .i32(flags)
                .i32(mask);
    }

    /** A request for a pair of links of which each gives what the other takes, both without ARP and neighbour discovery. */
    static NetlinkRequest vethRequest(
            final int requestFlags,
            final String name,
            final MacAddress mac,
            final String peerName,
            final MacAddress peerMac) {
        return request(MessageType.RTM_NEWLINK, requestFlags, 0, Link.IFF_NOARP, Link.IFF_NOARP)
                .attribute(IFLA_IFNAME, name)
                .attribute(IFLA_ADDRESS, mac)
                .nest(
                        IFLA_LINKINFO,
                        info -> info.attribute(IFLA_INFO_KIND, VETH)
                                .nest(
                                        IFLA_INFO_DATA,
                                        data -> data.nest(
                                                VETH_INFO_PEER,
                                                peer -> peer.u8(AF_UNSPEC)
                                                        .u8(0)
                                                        .u16(0)
                                                        .i32(0)
                                                        .i32(Link.IFF_NOARP)
                                                        .i32(Link.IFF_NOARP)
                                                        .attribute(IFLA_IFNAME, peerName)
                                                        .attribute(IFLA_ADDRESS, peerMac))));
    }

    /** The link, or null for what a bridge tells of its port, which is in messages of the same type. */
    static @Nullable Link decode(final NetlinkMessage message) {
        final Attributes attributes = message.attributes(FIXED_LENGTH);
        if (AF_UNSPEC != message.u8(FAMILY_POSITION) || !attributes.has(IFLA_IFNAME)) {
            return null;
        }
        String kind = "";
        Vxlan vxlan = null;
        if (attributes.has(IFLA_LINKINFO)) {
            final Attributes info = attributes.nested(IFLA_LINKINFO);
            kind = info.has(IFLA_INFO_KIND) ? info.text(IFLA_INFO_KIND) : "";
            if ("vxlan".equals(kind) && info.has(IFLA_INFO_DATA)) {
                vxlan = decodeVxlan(info.nested(IFLA_INFO_DATA));
            }
        }
        return new Link(
                message.i32(INDEX_POSITION),
                attributes.text(IFLA_IFNAME),
                kind,
                message.i32(FLAGS_POSITION),
                attributes.i32(IFLA_MTU, 0),
                attributes.hasMac(IFLA_ADDRESS) ? attributes.mac(IFLA_ADDRESS) : null,
                attributes.i32(IFLA_MASTER, 0),
                VETH.equals(kind) && !attributes.has(IFLA_LINK_NETNSID) ? attributes.i32(IFLA_LINK, 0) : 0,
                attributes.i32(IFLA_TXQLEN, 0),
                attributes.i32(IFLA_GSO_MAX_SIZE, 0),
                vxlan);
    }

    /** What the device dropped of what it was to send. */
    static long decodeTransmitDrops(final NetlinkMessage message) {
        final Attributes attributes = message.attributes(FIXED_LENGTH);
        return attributes.has(IFLA_STATS64) ? attributes.i64(IFLA_STATS64, TX_DROPPED_OFFSET) : 0;
    }

    private static Vxlan decodeVxlan(final Attributes data) {
        final int localType = data.has(IFLA_VXLAN_LOCAL6) ? IFLA_VXLAN_LOCAL6 : IFLA_VXLAN_LOCAL;
        return new Vxlan(
                data.i32(IFLA_VXLAN_ID, 0),
                data.u16BigEndian(IFLA_VXLAN_PORT, 0),
                data.has(localType) ? data.address(localType) : null,
                data.i32(IFLA_VXLAN_LINK, 0),
                0 != data.u8(IFLA_VXLAN_LEARNING, 0));
    }
}
