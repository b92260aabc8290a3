/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.netlink;

import static io.weft.linux.SocketConstants.AF_INET;
import static io.weft.linux.SocketConstants.AF_INET6;
import static io.weft.linux.netlink.MessageType.RTM_DELADDR;
import static io.weft.linux.netlink.MessageType.RTM_DELLINK;
import static io.weft.linux.netlink.MessageType.RTM_DELNEIGH;
import static io.weft.linux.netlink.MessageType.RTM_GETLINK;
import static io.weft.linux.netlink.MessageType.RTM_NEWADDR;
import static io.weft.linux.netlink.MessageType.RTM_NEWNEIGH;
import static io.weft.linux.netlink.MessageType.RTM_SETLINK;
import static io.weft.linux.netlink.NetlinkMessage.NLM_F_ACK;
import static io.weft.linux.netlink.NetlinkMessage.NLM_F_CREATE;
import static io.weft.linux.netlink.NetlinkMessage.NLM_F_DUMP;
import static io.weft.linux.netlink.NetlinkMessage.NLM_F_EXCL;
import static io.weft.linux.netlink.NetlinkMessage.NLM_F_REPLACE;

import io.weft.address.IpAddress;
import io.weft.address.MacAddress;
import io.weft.linux.Errno;
import io.weft.linux.LinuxException;
import io.weft.linux.NetlinkSocket;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Asks and changes the links, addresses, routes, neighbours and FDB of one network namespace, that of the thread which
 * opened it. To be used by one thread at a time; each verb is one exchange with the kernel and returns when it is done.
 *
 * <p>Every verb throws {@link LinuxException} with the kernel's error number and, where the kernel gives one, its own
 * explanation. A verb that deletes returns false where there was nothing to delete. Changing takes CAP_NET_ADMIN.
 */
public final class Rtnetlink implements AutoCloseable {
    /** {@code IPV4_DEVCONF_FORWARDING}: packets that come in may go on to others. */
    public static final int FORWARDING = 1;

    /** {@code IPV4_DEVCONF_RP_FILTER}: whether the source of what comes in must be reached by the same link, 0 if not. */
    public static final int RP_FILTER = 8;

    /** {@code IPV4_DEVCONF_ACCEPT_LOCAL}: packets that come in may have one of the host's own addresses as their source. */
    public static final int ACCEPT_LOCAL = 23;

    private static final int IFLA_INET_CONF = 1; // include/uapi/linux/if_link.h
    private static final int IFLA_INET6_ADDR_GEN_MODE = 8;
    private static final byte IN6_ADDR_GEN_MODE_NONE = 1;

    private static final int REPLACE = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;

    private final NetlinkSocket socket;
    private final NetlinkExchange exchange;

    private Rtnetlink(final NetlinkSocket socket) {
        this.socket = socket;
        exchange = NetlinkExchange.over(socket);
    }

    /**
     * Opens the calling thread's network namespace.
     *
     * @return to be closed by the caller.
     * @throws LinuxException if the kernel refuses.
     */
    public static Rtnetlink open() {
        return new Rtnetlink(NetlinkSocket.open());
    }

    /** All links. */
    public List<Link> links() {
        final NetlinkRequest request = LinkCodec.request(RTM_GETLINK, NLM_F_DUMP, 0)
                .attribute(LinkCodec.IFLA_EXT_MASK, LinkCodec.SKIP_STATISTICS);
        return exchange.dump("list the links", request, LinkCodec::decode);
    }

    /**
     * The link of this name.
     *
     * @param name such as {@code eth0}.
     * @return the link, or empty if there is none.
     */
    public Optional<Link> link(final String name) {
        final NetlinkRequest request =
                LinkCodec.request(RTM_GETLINK, NLM_F_ACK, 0).attribute(LinkCodec.IFLA_IFNAME, name);
        return findLink("look up link " + name, request);
    }

    /**
     * The link of this index.
     *
     * @param index the kernel's number for it.
     * @return the link, or empty if there is none.
     */
    public Optional<Link> link(final int index) {
        return findLink("look up link " + index, LinkCodec.request(RTM_GETLINK, NLM_F_ACK, index));
    }

    /**
     * Packets that a link dropped instead of sending them, since it was made: for its queue was full, or it was down.
     *
     * @param name such as {@code weft.1}.
     * @return 0 without such a link.
     */
    public long transmitDrops(final String name) {
        final NetlinkRequest request =
                LinkCodec.request(RTM_GETLINK, NLM_F_ACK, 0).attribute(LinkCodec.IFLA_IFNAME, name);
        return findLink("look up the statistics of link " + name, request, LinkCodec::decodeTransmitDrops)
                .orElse(0L);
    }

    private Optional<Link> findLink(final String tried, final NetlinkRequest request) {
        return findLink(
                tried, request.attribute(LinkCodec.IFLA_EXT_MASK, LinkCodec.SKIP_STATISTICS), LinkCodec::decode);
    }

    private <T> Optional<T> findLink(
            final String tried, final NetlinkRequest request, final Function<NetlinkMessage, @Nullable T> decoder) {
        try {
            return exchange.answered(tried, request, decoder).stream().findFirst();
        } catch (final LinuxException e) {
            if (Errno.ENODEV == e.errno()) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** Sets a link up. */
    public void setUp(final int linkIndex) {
        exchange.acknowledged(
                "set link " + linkIndex + " up",
                LinkCodec.request(RTM_SETLINK, NLM_F_ACK, linkIndex, Link.IFF_UP, Link.IFF_UP));
    }

    /** Sets a link down. */
    public void setDown(final int linkIndex) {
        exchange.acknowledged(
                "set link " + linkIndex + " down",
                LinkCodec.request(RTM_SETLINK, NLM_F_ACK, linkIndex, 0, Link.IFF_UP));
    }

    /**
     * Gives a link another name. Kernels before 6.2 do that while it is down only.
     *
     * @param linkIndex of the link.
     * @param name at most 15 characters.
     */
    public void rename(final int linkIndex, final String name) {
        exchange.acknowledged(
                "rename link " + linkIndex + " to " + name,
                LinkCodec.request(RTM_SETLINK, NLM_F_ACK, linkIndex).attribute(LinkCodec.IFLA_IFNAME, name));
    }

    /**
     * Sets the largest packet of a link.
     *
     * @param linkIndex of the link.
     * @param mtu in bytes.
     */
    public void setMtu(final int linkIndex, final int mtu) {
        setLink("set the MTU of link " + linkIndex + " to " + mtu, linkIndex, LinkCodec.IFLA_MTU, mtu);
    }

    /**
     * Sets how many packets a link's queue holds.
     *
     * @param linkIndex of the link.
     * @param packets in the queue.
     */
    public void setTxQueueLength(final int linkIndex, final int packets) {
        setLink(
                "set the queue length of link " + linkIndex + " to " + packets,
                linkIndex,
                LinkCodec.IFLA_TXQLEN,
                packets);
    }

    /**
     * Sets the largest superframe that the stack hands to a link, for IPv4 and IPv6 alike.
     *
     * @param linkIndex of the link.
     * @param bytes of an IP packet, at most 65536.
     */
    public void setGsoMaxSize(final int linkIndex, final int bytes) {
        setLink(
                "set the largest superframe of link " + linkIndex + " to " + bytes,
                linkIndex,
                LinkCodec.IFLA_GSO_MAX_SIZE,
                bytes);
    }

    private void setLink(final String tried, final int linkIndex, final int attribute, final int value) {
        exchange.acknowledged(
                tried, LinkCodec.request(RTM_SETLINK, NLM_F_ACK, linkIndex).attribute(attribute, value));
    }

    /**
     * Makes a pair of links of which each gives what the other takes (veth). Both are down, and resolve no neighbours: the host
     * sends its frames to the sending link's own MAC address (net/ipv4/arp.c, {@code arp_constructor}).
     *
     * @param name of the one.
     * @param mac of the one, which nobody then has a reason to change.
     * @param peerName of the other.
     * @param peerMac likewise.
     * @throws LinuxException {@link Errno#EEXIST} if a name is taken, {@link Errno#EOPNOTSUPP} if the kernel knows no veth.
     */
    public void addVeth(final String name, final MacAddress mac, final String peerName, final MacAddress peerMac) {
        exchange.acknowledged(
                "make the veth pair " + name + " and " + peerName,
                LinkCodec.vethRequest(NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, name, mac, peerName, peerMac));
    }

    /** Sets a link's MAC address. */
    public void setMac(final int linkIndex, final MacAddress mac) {
        exchange.acknowledged(
                "set the MAC address of link " + linkIndex + " to " + mac,
                LinkCodec.request(RTM_SETLINK, NLM_F_ACK, linkIndex).attribute(LinkCodec.IFLA_ADDRESS, mac));
    }

    /** Has a link resolve no neighbours. */
    public void setNoArp(final int linkIndex) {
        exchange.acknowledged(
                "switch ARP of link " + linkIndex + " off",
                LinkCodec.request(RTM_SETLINK, NLM_F_ACK, linkIndex, Link.IFF_NOARP, Link.IFF_NOARP));
    }

    /**
     * Has a link make no IPv6 address by itself, not even a link-local one; best before it is set up.
     *
     * @return false where it has no IPv6 at all.
     */
    public boolean setNoAddressGeneration(final int linkIndex) {
        try {
            exchange.acknowledged(
                    "switch address generation of link " + linkIndex + " off",
                    LinkCodec.request(RTM_SETLINK, NLM_F_ACK, linkIndex)
                            .nest(
                                    LinkCodec.IFLA_AF_SPEC,
                                    families -> families.nest(
                                            AF_INET6,
                                            ipv6 -> ipv6.attribute(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE))));
            return true;
        } catch (final LinuxException e) {
            if (Errno.EAFNOSUPPORT == e.errno()) {
                return false;
            }
            throw e;
        }
    }

    /**
     * Sets one of a link's IPv4 settings, as under /proc/sys/net/ipv4/conf, which may not be writable where this is allowed.
     *
     * @param setting one of the {@code IPV4_DEVCONF_} numbers of include/uapi/linux/ip.h.
     */
    public void setIpv4Setting(final int linkIndex, final int setting, final int value) {
        exchange.acknowledged(
                "set IPv4 setting " + setting + " of link " + linkIndex + " to " + value,
                LinkCodec.request(RTM_SETLINK, NLM_F_ACK, linkIndex)
                        .nest(
                                LinkCodec.IFLA_AF_SPEC,
                                families -> families.nest(
                                        AF_INET,
                                        ipv4 -> ipv4.nest(IFLA_INET_CONF, conf -> conf.attribute(setting, value)))));
    }

    /**
     * Deletes a link.
     *
     * @param linkIndex of the link.
     * @return false if there was none.
     */
    public boolean deleteLink(final int linkIndex) {
        return delete("delete link " + linkIndex, LinkCodec.request(RTM_DELLINK, NLM_F_ACK, linkIndex), Errno.ENODEV);
    }

    /** The addresses of all links. */
    public List<InterfaceAddress> addresses() {
        return exchange.dump("list the addresses", AddressCodec.dumpRequest(0), AddressCodec::decode);
    }

    /** The addresses of one link. */
    public List<InterfaceAddress> addresses(final int linkIndex) {
        // The filter is the kernel's from 4.20 on; older ones send all.
        final Function<NetlinkMessage, @Nullable InterfaceAddress> decoder = message -> {
            final InterfaceAddress address = AddressCodec.decode(message);
            return null != address && linkIndex == address.linkIndex() ? address : null;
        };
        return exchange.dump("list the addresses of link " + linkIndex, AddressCodec.dumpRequest(linkIndex), decoder);
    }

    /** Adds an address to its link, or changes it if it is there. */
    public void replaceAddress(final InterfaceAddress address) {
        exchange.acknowledged("set address " + address, AddressCodec.request(RTM_NEWADDR, REPLACE, address));
    }

    /**
     * Takes an address from its link.
     *
     * @param address with the prefix length that it has.
     * @return false if it was not there.
     */
    public boolean deleteAddress(final InterfaceAddress address) {
        return delete(
                "delete address " + address,
                AddressCodec.request(RTM_DELADDR, NLM_F_ACK, address),
                Errno.EADDRNOTAVAIL);
    }

    /** The IPv4 and IPv6 routes that a filter lets through, without the route cache; none if there is no such table. */
    public List<Route> routes(final RouteFilter filter) {
        return routes(filter, () -> message -> RouteCodec.decode(message, filter));
    }

    /**
     * One of each kind and IP version, the first: of a million routes that are all alike no more than one is kept.
     *
     * @param kind of a route, in the sense of {@link Object#equals}.
     */
    public List<Route> routeOfEach(final Function<Route, Object> kind, final RouteFilter filter) {
        return routes(filter, () -> {
            final Set<Object> seen = new HashSet<>();
            return message -> {
                final Route route = RouteCodec.decode(message, filter);
                return null != route && seen.add(kind.apply(route)) ? route : null;
            };
        });
    }

    private List<Route> routes(
            final RouteFilter filter, final Supplier<Function<NetlinkMessage, @Nullable Route>> decoders) {
        final List<Route> routes = new ArrayList<>();
        for (final int family : new int[] {AF_INET, AF_INET6}) {
            try {
                routes.addAll(exchange.dumpWith(
                        "list the routes of table " + filter.table(),
                        RouteCodec.dumpRequest(family, filter),
                        decoders));
            } catch (final LinuxException e) {
                // A table comes into being with its first route, and the filter may name a device that is gone.
                if (Errno.ENOENT != e.errno() && Errno.ENODEV != e.errno()) {
                    throw e;
                }
            }
        }
        return routes;
    }

    /** Adds a route, or puts it in the place of one with the same destination, table and metric. */
    public void replaceRoute(final Route route) {
        exchange.acknowledged("set route " + route, RouteCodec.replaceRequest(route));
    }

    /**
     * Deletes a route.
     *
     * @param route all that it tells must agree but the scope.
     * @return false if there was none.
     */
    public boolean deleteRoute(final Route route) {
        return delete("delete route " + route, RouteCodec.deleteRequest(route), Errno.ESRCH);
    }

    /**
     * The way that a packet of this host would take.
     *
     * @param destination of the packet.
     * @return the route for this one address: device, source address and gateway as the kernel chose them.
     * @throws LinuxException with {@link Errno#ENETUNREACH} or {@link Errno#EHOSTUNREACH} if there is none.
     */
    public Route routeTo(final InetAddress destination) {
        return lookedUp(destination, RouteCodec.lookupRequest(destination));
    }

    /**
     * The same, but with the network that the route was made for, and its type: {@link #routeTo} tells the way of one address. A kernel
     * before Linux 4.13 tells that here too.
     */
    public Route matchingRoute(final InetAddress destination) {
        return lookedUp(destination, RouteCodec.matchRequest(destination));
    }

    /**
     * The way that a packet would take which this host forwards.
     *
     * @param source of the packet.
     * @param inIndex of the link that it comes by.
     * @throws LinuxException if it would not be forwarded: {@link Errno#EINVAL} where a route or a rule is a blackhole, or the source is
     *     this host's own.
     */
    public Route forwardedRoute(final InetAddress destination, final InetAddress source, final int inIndex) {
        return lookedUp(destination, RouteCodec.forwardRequest(destination, source, inIndex));
    }

    private Route lookedUp(final InetAddress destination, final NetlinkRequest request) {
        final String tried = "look up the route to " + IpAddress.of(destination);
        return exchange.answered(tried, request, RouteCodec::decode).stream()
                .findFirst()
                .orElseThrow(() -> new LinuxException(tried, Errno.ENETUNREACH));
    }

    /**
     * The way that the datagrams of a UDP socket would take.
     *
     * @param source address that the socket is bound to.
     * @param port that they go to.
     * @return empty where the host has no way, or none of its own accord.
     */
    public Optional<DatagramPath> pathTo(final InetAddress destination, final InetAddress source, final int port) {
        final String tried = "look up the path to " + IpAddress.of(destination);
        try {
            return exchange
                    .answered(
                            tried,
                            RouteCodec.pathRequest(destination, source, port),
                            message -> RouteCodec.decodePath(message, destination))
                    .stream()
                    .findFirst();
        } catch (final LinuxException e) {
            final boolean isWithoutWay = switch (e.errno()) {
                case Errno.ENETUNREACH, Errno.EHOSTUNREACH, Errno.EACCES, Errno.EINVAL, Errno.EADDRNOTAVAIL -> true;
                default -> false;
            };
            if (isWithoutWay) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /**
     * Has the kernel find out a neighbour's MAC address and keep it fresh, by itself from Linux 5.16 on, else once. Not for one that
     * is {@link Neighbour#fixed}.
     *
     * @param protocol that marks the entry as the caller's.
     */
    public void keepNeighbour(final int linkIndex, final InetAddress address, final int protocol) {
        exchange.acknowledged(
                "keep neighbour " + IpAddress.of(address) + " on link " + linkIndex,
                NeighbourCodec.keepRequest(linkIndex, address, protocol));
    }

    /** Has the kernel find out a neighbour's MAC address, as for a packet to it. Not for one that is {@link Neighbour#isManaged}. */
    public void askNeighbour(final int linkIndex, final InetAddress address) {
        exchange.acknowledged(
                "ask for neighbour " + IpAddress.of(address) + " on link " + linkIndex,
                NeighbourCodec.askRequest(linkIndex, address));
    }

    /** The IPv4 and IPv6 neighbours of one link. */
    public List<Neighbour> neighbours(final int linkIndex) {
        final Function<NetlinkMessage, @Nullable Neighbour> decoder = message -> {
            final Neighbour neighbour = NeighbourCodec.decodeNeighbour(message);
            return null != neighbour && linkIndex == neighbour.linkIndex() ? neighbour : null;
        };
        return exchange.dump(
                "list the neighbours of link " + linkIndex, NeighbourCodec.neighbourDumpRequest(linkIndex), decoder);
    }

    /** Adds a neighbour to its link, or changes it if it is there. */
    public void replaceNeighbour(final Neighbour neighbour) {
        exchange.acknowledged("set neighbour " + neighbour, NeighbourCodec.request(RTM_NEWNEIGH, REPLACE, neighbour));
    }

    /**
     * Deletes a neighbour.
     *
     * @param neighbour its link and address tell which.
     * @return false if there was none.
     */
    public boolean deleteNeighbour(final Neighbour neighbour) {
        return delete(
                "delete neighbour " + neighbour,
                NeighbourCodec.request(RTM_DELNEIGH, NLM_F_ACK, neighbour),
                Errno.ENOENT);
    }

    /** The forwarding database of one link: its own, or what the bridge has for it as a port. */
    public List<FdbEntry> fdb(final int linkIndex) {
        final Function<NetlinkMessage, @Nullable FdbEntry> decoder = message -> {
            final FdbEntry entry = NeighbourCodec.decodeFdbEntry(message);
            return null != entry && linkIndex == entry.linkIndex() ? entry : null;
        };
        return exchange.dump("list the FDB of link " + linkIndex, NeighbourCodec.fdbDumpRequest(linkIndex), decoder);
    }

    /** Adds an FDB entry to its link, or changes the one of the same MAC address. */
    public void replaceFdbEntry(final FdbEntry entry) {
        exchange.acknowledged("set FDB entry " + entry, NeighbourCodec.request(RTM_NEWNEIGH, REPLACE, entry));
    }

    /**
     * Deletes an FDB entry.
     *
     * @param entry to delete.
     * @return false if there was none.
     */
    public boolean deleteFdbEntry(final FdbEntry entry) {
        return delete(
                "delete FDB entry " + entry, NeighbourCodec.request(RTM_DELNEIGH, NLM_F_ACK, entry), Errno.ENOENT);
    }

    private boolean delete(final String tried, final NetlinkRequest request, final int absent) {
        try {
            exchange.acknowledged(tried, request);
            return true;
        } catch (final LinuxException e) {
            if (absent == e.errno()) {
                return false;
            }
            throw e;
        }
    }

    @Override
    public void close() {
        socket.close();
    }
}
