/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import static io.weft.linux.SocketConstants.AF_INET;
import static io.weft.linux.SocketConstants.AF_INET6;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.address.IpPrefix;
import io.weft.linux.SocketFilter;
import io.weft.linux.SocketFilter.Label;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Routes to and from bytes.
 *
 * <pre>
 *  0   1   2   3   4   5   6   7   8               12
 * +---+---+---+---+---+---+---+---+---------------+
 * |fam|dst|src|tos|tab|pro|scp|typ| flags         |   struct rtmsg; dst and src are prefix lengths
 * +---+---+---+---+---+---+---+---+---------------+
 * </pre>
 *
 * Source: include/uapi/linux/rtnetlink.h.
 */
final class RouteCodec {
    private static final int RTA_DST = 1;
    private static final int RTA_IIF = 3;
    private static final int RTA_OIF = 4;
    private static final int RTA_GATEWAY = 5;
    private static final int RTA_PRIORITY = 6;
    private static final int RTA_PREFSRC = 7;
    private static final int RTA_SRC = 2;
    private static final int RTA_METRICS = 8;
    private static final int RTA_TABLE = 15;
    private static final int RTA_VIA = 18;
    private static final int RTA_ENCAP = 22;
    private static final int RTA_IP_PROTO = 27;
    private static final int RTA_DPORT = 29;
    private static final int RTAX_MTU = 2;
    private static final byte IPPROTO_UDP = 17;

    private static final int RTNH_F_ONLINK = 4;
    private static final int RTM_F_CLONED = 0x200;
    private static final int RTM_F_LOOKUP_TABLE = 0x1000;
    private static final int RTM_F_FIB_MATCH = 0x2000;

    /** {@code RT_SCOPE_NOWHERE}: in a deletion, any scope. */
    private static final int SCOPE_ANY = 255;

    private static final int FAMILY_POSITION = 0;
    private static final int PREFIX_LENGTH_POSITION = 1;
    private static final int TABLE_POSITION = 4;
    private static final int PROTOCOL_POSITION = 5;
    private static final int SCOPE_POSITION = 6;
    private static final int TYPE_POSITION = 7;
    private static final int FLAGS_POSITION = 8;
    private static final int FIXED_LENGTH = 12;

    private RouteCodec() {}

    static NetlinkRequest dumpRequest(final int family, final RouteFilter filter) {
        final NetlinkRequest request = header(
                        MessageType.RTM_GETROUTE,
                        NetlinkMessage.NLM_F_DUMP,
                        family,
                        0,
                        filter.protocol(),
                        0,
                        filter.type().number(),
                        0)
                .attribute(RTA_TABLE, filter.table());
        return 0 == filter.linkIndex() ? request : request.attribute(RTA_OIF, filter.linkIndex());
    }

    /** The route, if the filter lets it through. Of what it does not, most is told by the fixed part, at no cost of memory. */
    static @Nullable Route decode(final NetlinkMessage message, final RouteFilter filter) {
        final boolean isCandidate = !cached(message)
                && (0 == filter.protocol() || filter.protocol() == message.u8(PROTOCOL_POSITION))
                && (RouteType.OTHER == filter.type() || filter.type().number() == message.u8(TYPE_POSITION))
                && filter.takesLength(message.u8(PREFIX_LENGTH_POSITION));
        final Route route = isCandidate ? decode(message) : null;
        return null != route && filter.matches(route) ? route : null;
    }

    /**
     * A program that lets the notifications of routes within some networks through, and all others that are not of routes.
     * Half a million foreign routes that come and go wake nobody up then.
     *
     * @param networks of interest, with all that lies in them.
     * @param ownProtocol whose additions are no news; their deletion is.
     */
    static SocketFilter notificationFilter(final List<IpPrefix> networks, final int ownProtocol) {
        final Label refuse = new Label();
        final Label accept = new Label();
        final Label added = new Label();
        final Label route = new Label();
        final Label hasDestination = new Label();
        final SocketFilter filter = new SocketFilter()
                .loadHalf(NetlinkMessage.TYPE_OFFSET)
                .jumpIfEqual(networkOrder(MessageType.RTM_NEWROUTE), added, null)
                .jumpIfEqual(networkOrder(MessageType.RTM_DELROUTE), route, accept)
                .place(added)
                .loadByte(NetlinkMessage.HEADER_LENGTH + PROTOCOL_POSITION)
                .jumpIfEqual(ownProtocol, refuse, null)
                .place(route)
                .loadIndexConstant(RTA_DST)
                .loadConstant(NetlinkMessage.HEADER_LENGTH + FIXED_LENGTH)
                .loadWord(SocketFilter.ANCILLARY_NETLINK_ATTRIBUTE)
                .jumpIfEqual(0, refuse, hasDestination)
                .place(hasDestination)
                .copyToIndex();
        networks.forEach(network -> acceptWithin(filter, network, accept));
        return filter.place(refuse).refuse().place(accept).accept(Integer.MAX_VALUE);
    }

    private static void acceptWithin(final SocketFilter filter, final IpPrefix network, final Label accept) {
        final Label next = new Label();
        filter.loadByte(NetlinkMessage.HEADER_LENGTH + FAMILY_POSITION)
                .jumpIfEqual(network.family().socketFamily(), null, next);
        final ByteBuffer words = ByteBuffer.wrap(network.base().toBytes());
        for (int bits = network.length(), offset = Attributes.HEADER_LENGTH; bits > 0; bits -= Integer.SIZE) {
            filter.loadWordIndexed(offset)
                    .and(bits >= Integer.SIZE ? -1 : -1 << (Integer.SIZE - bits))
                    .jumpIfEqual(words.getInt(), null, next);
            offset += Integer.BYTES;
        }
        filter.jumpIfEqual(0, accept, accept).place(next);
    }

    /** What a load in network byte order gives for a half that the kernel wrote in its own. */
    private static int networkOrder(final int value) {
        return (ByteOrder.LITTLE_ENDIAN == ByteOrder.nativeOrder() ? Short.reverseBytes((short) value) : value)
                & 0xFFFF;
    }

    /** Of the way to an address. */
    static NetlinkRequest lookupRequest(final InetAddress destination) {
        return lookupRequest(destination, 0);
    }

    /** Of the route that the way is taken from. */
    static NetlinkRequest matchRequest(final InetAddress destination) {
        return lookupRequest(destination, RTM_F_FIB_MATCH);
    }

    private static NetlinkRequest lookupRequest(final InetAddress destination, final int flags) {
        final int family = IpFamily.of(destination).socketFamily();
        return header(
                        MessageType.RTM_GETROUTE,
                        NetlinkMessage.NLM_F_ACK,
                        family,
                        destination.getAddress().length * Byte.SIZE,
                        0,
                        0,
                        0,
                        AF_INET == family ? flags | RTM_F_LOOKUP_TABLE : flags) // IPv6 tells the table in any case
                .attribute(RTA_DST, destination);
    }

    /** Of the way of a packet that comes in by a link. */
    static NetlinkRequest forwardRequest(final InetAddress destination, final InetAddress source, final int inIndex) {
        return lookupRequest(destination, source).attribute(RTA_IIF, inIndex);
    }

    private static NetlinkRequest lookupRequest(final InetAddress destination, final InetAddress source) {
        final int bits = destination.getAddress().length * Byte.SIZE;
        return new NetlinkRequest(MessageType.RTM_GETROUTE, NetlinkMessage.NLM_F_ACK)
                .u8(IpFamily.of(destination).socketFamily())
                .u8(bits)
                .u8(bits)
                .u8(0)
                .i32(0)
                .i32(0)
                .attribute(RTA_DST, destination)
                .attribute(RTA_SRC, source);
    }

    static NetlinkRequest pathRequest(final InetAddress destination, final InetAddress source, final int port) {
        return lookupRequest(destination, source)
                .attribute(RTA_IP_PROTO, IPPROTO_UDP)
                .port(RTA_DPORT, port);
    }

    /** The path, or null for one that is not a plain one of a link: local, refused, or into another tunnel. */
    static @Nullable DatagramPath decodePath(final NetlinkMessage message, final InetAddress destination) {
        final Attributes attributes = message.attributes(FIXED_LENGTH);
        final boolean isPlain = RouteType.UNICAST == RouteType.of(message.u8(TYPE_POSITION))
                && attributes.has(RTA_OIF)
                && !attributes.has(RTA_ENCAP);
        if (!isPlain) {
            return null;
        }
        final InetAddress gateway = gateway(attributes);
        return new DatagramPath(
                attributes.i32(RTA_OIF, 0),
                null == gateway ? destination : gateway,
                attributes.has(RTA_METRICS) ? attributes.nested(RTA_METRICS).i32(RTAX_MTU, 0) : 0);
    }

    static NetlinkRequest replaceRequest(final Route route) {
        final int flags = NetlinkMessage.NLM_F_ACK | NetlinkMessage.NLM_F_CREATE | NetlinkMessage.NLM_F_REPLACE;
        return routeRequest(MessageType.RTM_NEWROUTE, flags, route, route.scope());
    }

    static NetlinkRequest deleteRequest(final Route route) {
        return routeRequest(MessageType.RTM_DELROUTE, NetlinkMessage.NLM_F_ACK, route, SCOPE_ANY);
    }

    private static NetlinkRequest routeRequest(
            final int messageType, final int requestFlags, final Route route, final int scope) {
        final NetlinkRequest request = header(
                        messageType,
                        requestFlags,
                        route.destination().family().socketFamily(),
                        route.destination().length(),
                        route.protocol(),
                        scope,
                        route.type().number(),
                        route.gatewayOnlink() ? RTNH_F_ONLINK : 0)
                .attribute(RTA_DST, route.destination().base().toInetAddress())
                .attribute(RTA_TABLE, route.table());
        if (0 != route.linkIndex()) {
            request.attribute(RTA_OIF, route.linkIndex());
        }
        final InetAddress gateway = route.gateway();
        if (null != gateway) {
            request.attribute(RTA_GATEWAY, gateway);
        }
        final InetAddress source = route.source();
        if (null != source) {
            request.attribute(RTA_PREFSRC, source);
        }
        if (0 != route.metric()) {
            request.attribute(RTA_PRIORITY, route.metric());
        }
        return request;
    }

    private static NetlinkRequest header(
            final int messageType,
            final int requestFlags,
            final int family,
            final int prefixLength,
            final int protocol,
            final int scope,
            final int routeType,
            final int routeFlags) {
        return new NetlinkRequest(messageType, requestFlags)
                .u8(family)
                .u8(prefixLength)
                .u8(0)
                .u8(0)
                .u8(0) // the table, which is told by its attribute, for it may be greater than 255
                .u8(protocol)
                .u8(scope)
                .u8(routeType)
                .i32(routeFlags);
    }

    /** The route, or null for one of another family than IPv4 and IPv6, or an entry of the route cache. */
    static @Nullable Route decode(final NetlinkMessage message) {
        final Attributes attributes = message.attributes(FIXED_LENGTH);
        final int family = message.u8(FAMILY_POSITION);
        final int flags = message.i32(FLAGS_POSITION);
        if (AF_INET != family && AF_INET6 != family) {
            return null;
        }
        return new Route(
                RouteType.of(message.u8(TYPE_POSITION)),
                destination(message, attributes, family),
                gateway(attributes),
                attributes.i32(RTA_OIF, 0),
                attributes.has(RTA_PREFSRC) ? attributes.address(RTA_PREFSRC) : null,
                attributes.i32(RTA_TABLE, message.u8(TABLE_POSITION)),
                message.u8(PROTOCOL_POSITION),
                message.u8(SCOPE_POSITION),
                attributes.i32(RTA_PRIORITY, 0),
                0 != (flags & RTNH_F_ONLINK));
    }

    /** Whether the message tells of an entry of the route cache, which comes and goes with the traffic. */
    static boolean cached(final NetlinkMessage message) {
        return 0 != (message.i32(FLAGS_POSITION) & RTM_F_CLONED);
    }

    private static IpPrefix destination(final NetlinkMessage message, final Attributes attributes, final int family) {
        final IpAddress address = attributes.has(RTA_DST)
                ? IpAddress.of(attributes.address(RTA_DST))
                : new IpAddress(AF_INET6 == family ? IpFamily.IPV6 : IpFamily.IPV4, 0, 0);
        final int length = message.u8(PREFIX_LENGTH_POSITION);
        if (length > address.family().addressBits()) {
            throw message.malformed("the prefix length " + length + " is too great for its address");
        }
        return IpPrefix.containing(address, length);
    }

    private static @Nullable InetAddress gateway(final Attributes attributes) {
        if (attributes.has(RTA_GATEWAY)) {
            return attributes.address(RTA_GATEWAY);
        }
        return attributes.has(RTA_VIA) ? attributes.via(RTA_VIA) : null;
    }
}
