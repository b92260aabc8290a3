/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import static io.weft.linux.SocketConstants.AF_BRIDGE;
import static io.weft.linux.SocketConstants.AF_INET;
import static io.weft.linux.SocketConstants.AF_INET6;
import static io.weft.linux.SocketConstants.AF_UNSPEC;

import io.weft.address.IpFamily;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * Neighbours and FDB entries, which share one message, to and from bytes.
 *
 * <pre>
 *  0   1   2       4               8      10  11  12
 * +---+---+-------+---------------+-------+---+---+
 * |fam| 0 | 0     | index         | state |flg|typ|   struct ndmsg; family AF_BRIDGE is the FDB
 * +---+---+-------+---------------+-------+---+---+
 * </pre>
 *
 * Source: include/uapi/linux/neighbour.h.
 */
final class NeighbourCodec {
    private static final int NDA_DST = 1;
    private static final int NDA_LLADDR = 2;
    private static final int NDA_IFINDEX = 8;
    private static final int NDA_PROTOCOL = 12;
    private static final int NDA_FLAGS_EXT = 15;

    private static final int NTF_USE = 1;
    private static final int NTF_EXT_MANAGED = 1;

    private static final int FAMILY_POSITION = 0;
    private static final int INDEX_POSITION = 4;
    private static final int STATE_POSITION = 8;
    private static final int FLAGS_POSITION = 10;
    private static final int FIXED_LENGTH = 12;

    private NeighbourCodec() {}

    static NetlinkRequest neighbourDumpRequest(final int linkIndex) {
        return header(MessageType.RTM_GETNEIGH, NetlinkMessage.NLM_F_DUMP, AF_UNSPEC, 0, 0, 0)
                .attribute(NDA_IFINDEX, linkIndex);
    }

    static NetlinkRequest fdbDumpRequest(final int linkIndex) {
        return header(MessageType.RTM_GETNEIGH, NetlinkMessage.NLM_F_DUMP, AF_BRIDGE, linkIndex, 0, 0);
    }

    static NetlinkRequest request(final int type, final int requestFlags, final Neighbour neighbour) {
        final NetlinkRequest request = header(
                        type,
                        requestFlags,
                        IpFamily.of(neighbour.address()).socketFamily(),
                        neighbour.linkIndex(),
                        neighbour.state(),
                        0)
                .attribute(NDA_DST, neighbour.address());
        return null == neighbour.mac() ? request : request.attribute(NDA_LLADDR, neighbour.mac());
    }

    /**
     * Has the kernel ask for a neighbour, and keep asking where it can (Linux 5.16); older kernels pass over what they do not know. An
     * entry that is there keeps its state.
     */
    static NetlinkRequest keepRequest(final int linkIndex, final InetAddress address, final int protocol) {
        final int flags = NetlinkMessage.NLM_F_ACK | NetlinkMessage.NLM_F_CREATE;
        return header(MessageType.RTM_NEWNEIGH, flags, IpFamily.of(address).socketFamily(), linkIndex, 0, NTF_USE)
                .attribute(NDA_DST, address)
                .attribute(NDA_PROTOCOL, (byte) protocol)
                .attribute(NDA_FLAGS_EXT, NTF_EXT_MANAGED);
    }

    /** Has the kernel ask for a neighbour that it does not know, once. Not for one that is managed, which is no more then. */
    static NetlinkRequest askRequest(final int linkIndex, final InetAddress address) {
        final int flags = NetlinkMessage.NLM_F_ACK | NetlinkMessage.NLM_F_CREATE;
        return header(MessageType.RTM_NEWNEIGH, flags, IpFamily.of(address).socketFamily(), linkIndex, 0, NTF_USE)
                .attribute(NDA_DST, address);
    }

    static NetlinkRequest request(final int type, final int requestFlags, final FdbEntry entry) {
        final NetlinkRequest request = header(
                        type, requestFlags, AF_BRIDGE, entry.linkIndex(), entry.state(), entry.flags())
                .attribute(NDA_LLADDR, entry.mac());
        final InetAddress destination = entry.destination();
        return null == destination ? request : request.attribute(NDA_DST, destination);
    }

    private static NetlinkRequest header(
            final int type,
            final int requestFlags,
            final int family,
            final int linkIndex,
            final int state,
            final int entryFlags) {
        return new NetlinkRequest(type, requestFlags)
                .u8(family)
                .u8(0)
                .u16(0)
                .i32(linkIndex)
                .u16(state)
                .u8(entryFlags)
                .u8(0);
    }

    static boolean isFdbEntry(final NetlinkMessage message) {
        return AF_BRIDGE == message.u8(FAMILY_POSITION);
    }

    /** The neighbour, or null for an entry of the FDB or of another protocol's table. */
    static @Nullable Neighbour decodeNeighbour(final NetlinkMessage message) {
        final Attributes attributes = message.attributes(FIXED_LENGTH);
        final int family = message.u8(FAMILY_POSITION);
        if ((AF_INET != family && AF_INET6 != family) || !attributes.has(NDA_DST)) {
            return null;
        }
        return new Neighbour(
                message.i32(INDEX_POSITION),
                attributes.address(NDA_DST),
                attributes.hasMac(NDA_LLADDR) ? attributes.mac(NDA_LLADDR) : null,
                message.u16(STATE_POSITION),
                0 != (attributes.i32(NDA_FLAGS_EXT, 0) & NTF_EXT_MANAGED),
                attributes.u8(NDA_PROTOCOL, 0));
    }

    /** The FDB entry, or null for a neighbour. */
    static @Nullable FdbEntry decodeFdbEntry(final NetlinkMessage message) {
        final Attributes attributes = message.attributes(FIXED_LENGTH);
        if (!isFdbEntry(message) || !attributes.hasMac(NDA_LLADDR)) {
            return null;
        }
        return new FdbEntry(
                message.i32(INDEX_POSITION),
                attributes.mac(NDA_LLADDR),
                attributes.has(NDA_DST) ? attributes.address(NDA_DST) : null,
                message.u16(STATE_POSITION),
                message.u8(FLAGS_POSITION));
    }
}
