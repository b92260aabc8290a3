/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import java.net.InetAddress;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A route of one next hop. (Of a multipath route the hops are not told: device and gateway are absent.) Made by
 * {@link #to} and the methods that return a changed copy: {@code Route.to(subnet).via(gateway).dev(index).onlink()}.
 *
 * @param type what happens to a packet.
 * @param destination the network; 0.0.0.0/0 or ::/0 for a default route.
 * @param gateway next hop, or null if the destination is on the link.
 * @param linkIndex of the outgoing device, 0 if there is none.
 * @param source that packets from this host get, or null.
 * @param table number of the routing table; {@link #TABLE_MAIN} unless told otherwise.
 * @param protocol who made it: {@link #PROTOCOL_KERNEL}, {@link #PROTOCOL_BOOT} (also what {@code ip} and flannel give),
 *     {@link #PROTOCOL_STATIC}.
 * @param scope {@link InterfaceAddress#SCOPE_GLOBAL} with a gateway, {@link InterfaceAddress#SCOPE_LINK} without; IPv6
 *     knows only the first.
 * @param metric lower wins; 0 in IPv4 is the default, IPv6 makes 1024 of it.
 * @param gatewayOnlink true if the gateway is reachable on the link though no address says so ({@code RTNH_F_ONLINK}).
 */
public record Route(
        RouteType type,
        IpPrefix destination,
        @Nullable InetAddress gateway,
        int linkIndex,
        @Nullable InetAddress source,
        int table,
        int protocol,
        int scope,
        int metric,
        boolean gatewayOnlink) {

    // include/uapi/linux/rtnetlink.h
    /** {@code RT_TABLE_MAIN}. */
    public static final int TABLE_MAIN = 254;

    /** {@code RT_TABLE_LOCAL}: addresses of this host, and broadcasts. */
    public static final int TABLE_LOCAL = 255;

    /** {@code RTPROT_KERNEL}. */
    public static final int PROTOCOL_KERNEL = 2;

    /** {@code RTPROT_BOOT}. */
    public static final int PROTOCOL_BOOT = 3;

    /** {@code RTPROT_STATIC}. */
    public static final int PROTOCOL_STATIC = 4;

    /**
     * A unicast route in the main table.
     *
     * @param destination the network.
     * @return a route that still needs a device.
     */
    public static Route to(final IpPrefix destination) {
        final int scope = destination.isIpv4() ? InterfaceAddress.SCOPE_LINK : InterfaceAddress.SCOPE_GLOBAL;
        return new Route(RouteType.UNICAST, destination, null, 0, null, TABLE_MAIN, PROTOCOL_BOOT, scope, 0, false);
    }

    /**
     * A route in the main table that drops silently.
     *
     * @param destination the network.
     * @return the route.
     */
    public static Route blackhole(final IpPrefix destination) {
        return new Route(
                RouteType.BLACKHOLE,
                destination,
                null,
                0,
                null,
                TABLE_MAIN,
                PROTOCOL_BOOT,
                InterfaceAddress.SCOPE_GLOBAL,
                0,
                false);
    }

    /** The same through a gateway. */
    public Route via(final InetAddress newGateway) {
        return new Route(
                type,
                destination,
                newGateway,
                linkIndex,
                source,
                table,
                protocol,
                InterfaceAddress.SCOPE_GLOBAL,
                metric,
                gatewayOnlink);
    }

    /** The same through a device. */
    public Route dev(final int newLinkIndex) {
        return new Route(
                type, destination, gateway, newLinkIndex, source, table, protocol, scope, metric, gatewayOnlink);
    }

    /** The same with a gateway that is on the link though no address says so. */
    public Route onlink() {
        return new Route(type, destination, gateway, linkIndex, source, table, protocol, scope, metric, true);
    }

    /** The same with a source address for packets from this host. */
    public Route src(final InetAddress newSource) {
        return new Route(
                type, destination, gateway, linkIndex, newSource, table, protocol, scope, metric, gatewayOnlink);
    }

    /** The same in another table. */
    public Route table(final int newTable) {
        return new Route(
                type, destination, gateway, linkIndex, source, newTable, protocol, scope, metric, gatewayOnlink);
    }

    /** The same made by another protocol. */
    public Route protocol(final int newProtocol) {
        return new Route(
                type, destination, gateway, linkIndex, source, table, newProtocol, scope, metric, gatewayOnlink);
    }

    /** The same with another metric. */
    public Route metric(final int newMetric) {
        return new Route(
                type, destination, gateway, linkIndex, source, table, protocol, scope, newMetric, gatewayOnlink);
    }

    /** Whether both lead to the same network. */
    public boolean hasDestinationOf(final Route other) {
        return destination.equals(other.destination);
    }

    /** As {@code ip route} words it, with the device by its index. */
    @Override
    public String toString() {
        final StringBuilder text = new StringBuilder();
        if (RouteType.UNICAST != type) {
            text.append(type.name().toLowerCase(Locale.ROOT)).append(' ');
        }
        text.append(destination);
        if (null != gateway) {
            text.append(" via ").append(IpAddress.of(gateway));
        }
        if (0 != linkIndex) {
            text.append(" on link ").append(linkIndex);
        }
        if (null != source) {
            text.append(" src ").append(IpAddress.of(source));
        }
        if (TABLE_MAIN != table) {
            text.append(" table ").append(table);
        }
        return text.append(gatewayOnlink ? " onlink" : "").toString();
    }
}
