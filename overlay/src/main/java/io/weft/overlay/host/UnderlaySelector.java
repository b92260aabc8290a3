/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.InterfaceAddress;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Route;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.lifecycle.NotYetException;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.options.GoPattern;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Finds the underlay interface as flanneld does (flannel pkg/ipmatch/match.go): by --iface, by --iface-regex, by the way to
 * --iface-can-reach, by --public-ip, and else by the default route. An address that was named, matched or led from is the one
 * that is used.
 */
public final class UnderlaySelector {
    /** Of flannel's device and of weft's, with a TUN and without one. */
    private static final Set<String> OVERLAY_KINDS = Set.of("vxlan", "tun", "veth");

    private final Rtnetlink rtnetlink;
    private final WayToPeers way;
    private final Wishes wishes;

    /**
     * What the options say.
     *
     * @param names of interfaces, or their addresses; the first that matches wins.
     * @param regexes tried after the names, each against all addresses and then all names.
     * @param canReach an address; empty for none.
     * @param publicIp the address that other nodes send to; empty for the interface's own.
     * @param publicIpv6 the same for IPv6.
     * @param network of IPv4 pods; null in a cluster of IPv6 alone.
     * @param ipv6Network of IPv6 pods; null without IPv6.
     */
    public record Wishes(
            List<String> names,
            List<String> regexes,
            String canReach,
            String publicIp,
            String publicIpv6,
            @Nullable IpPrefix network,
            @Nullable IpPrefix ipv6Network) {
        /** Nothing that is empty names anything. */
        public Wishes {
            names = names.stream().filter(name -> !name.isEmpty()).toList();
            regexes = regexes.stream().filter(regex -> !regex.isEmpty()).toList();
        }

        boolean ipv4() {
            return null != network;
        }

        boolean ipv6() {
            return null != ipv6Network;
        }

        List<IpPrefix> pods() {
            return Stream.of(Optional.ofNullable(network), Optional.ofNullable(ipv6Network))
                    .flatMap(Optional::stream)
                    .toList();
        }

        private boolean nameAnInterface() {
            return !names.isEmpty() || !regexes.isEmpty() || !canReach.isEmpty();
        }

        private boolean isWanted(final InetAddress address) {
            return address instanceof Inet4Address ? ipv4() : ipv6();
        }
    }

    /** An interface, and the addresses that were named with it; none when it was found by its name or by a route. */
    private record Choice(Link link, List<InetAddress> named) {}

    /**
     * A selector.
     *
     * @param rtnetlink of the namespace that the node is in.
     * @param wishes what the options say.
     */
    public UnderlaySelector(final Rtnetlink rtnetlink, final Wishes wishes) {
        this.rtnetlink = rtnetlink;
        this.wishes = wishes;
        way = new WayToPeers(rtnetlink);
    }

    /**
     * The interface, with addresses of the families that the cluster network has, or of the other where it lacks them.
     *
     * @throws NotYetException when none is there yet, but may come by itself.
     * @throws StartupException when none matches, or the one that does has no address or no MTU.
     */
    public Underlay select() {
        return select(HostAddresses.now(rtnetlink), Set.of());
    }

    /**
     * The same while the node runs: addresses that are in use win over all others.
     *
     * @param host as it is now.
     * @param used addresses in use.
     */
    Underlay select(final HostAddresses host, final Set<InetAddress> used) {
        final Choice choice = choose(host);
        final List<InetAddress> usable = host.usable(choice.link);
        final Families families = families(host, choice, used, usable);
        final Inet4Address address = families.ipv4;
        final Inet6Address ipv6Address = families.ipv6;
        if (null == address && null == ipv6Address) {
            throw withoutAddress(host, choice.link);
        }
        final Link link = carrier(host, choice.link, null == address ? ipv6Address : address);
        if (0 == link.mtu()) {
            throw new StartupException("interface " + link.name() + " has MTU 0: set one (ip link set " + link.name()
                    + " mtu 1500), or choose another by --iface");
        }
        return new Underlay(
                link.name(),
                link.index(),
                link.mtu(),
                address,
                ipv6Address,
                (Inet4Address) announced("--public-ip", wishes.publicIp, address, choice.link),
                (Inet6Address) announced("--public-ipv6", wishes.publicIpv6, ipv6Address, choice.link),
                ownAddresses(choice.named.isEmpty() ? usable : List.of(), address, ipv6Address),
                isElsewhere(host, link, address) || isElsewhere(host, link, ipv6Address));
    }

    /**
     * What is in use as it is now; empty when an address of it is gone from where it was, or the interface is gone or has got
     * another name.
     */
    Optional<Underlay> again(final HostAddresses host, final Underlay inUse) {
        final Optional<Link> link =
                host.link(inUse.name()).filter(same -> !inUse.isElsewhere() || (same.up() && same.carrier()));
        final boolean isComplete = inUse.localAddresses().stream()
                .allMatch(address -> host.owner(address)
                        .filter(owner -> inUse.isElsewhere() || owner.name().equals(inUse.name()))
                        .isPresent());
        return isComplete ? link.map(same -> inUse.on(same.index(), same.mtu())) : Optional.empty();
    }

    /**
     * The addresses that are there now, beside those in use, of a family that pods have and what is in use lacks; none that may be a
     * virtual one.
     */
    Set<InetAddress> ofMissedFamily(final HostAddresses host, final Underlay inUse) {
        final boolean isIpv4Missing = wishes.ipv4() && null == inUse.address();
        final boolean isIpv6Missing = wishes.ipv6() && null == inUse.ipv6Address();
        return inUse.localAddresses().stream()
                .flatMap(address -> host.owner(address).stream())
                .flatMap(link -> host.usable(link).stream())
                .filter(address -> address instanceof Inet4Address ? isIpv4Missing : isIpv6Missing)
                .filter(address -> !host.mayBeVirtual(address))
                .collect(Collectors.toSet());
    }

    private record Families(
            @Nullable Inet4Address ipv4, @Nullable Inet6Address ipv6) {}

    /** Pods of either family can go over either, so a family that is missing below the overlay is no hindrance. */
    private Families families(
            final HostAddresses host,
            final Choice choice,
            final Set<InetAddress> used,
            final List<InetAddress> usable) {
        final List<InetAddress> candidates = Stream.of(
                        Stream.of(wishes.publicIp, wishes.publicIpv6)
                                .filter(text -> !text.isEmpty())
                                .map(UnderlaySelector::address)
                                .filter(address -> host.owner(address).isPresent()),
                        choice.named.stream(),
                        usable.stream().filter(used::contains),
                        usable.stream())
                .flatMap(addresses -> addresses)
                .toList();
        final Inet4Address ipv4 = first(candidates, Inet4Address.class);
        final Inet6Address ipv6 = first(candidates, Inet6Address.class);
        // An address that was named is used, also where the pods are of the other family alone.
        final boolean isOther = !choice.named.isEmpty() && choice.named.stream().noneMatch(wishes::isWanted);
        final boolean isIpv4Wanted = isOther ? null != first(choice.named, Inet4Address.class) : wishes.ipv4();
        final boolean isIpv6Wanted = isOther ? null != first(choice.named, Inet6Address.class) : wishes.ipv6();
        return new Families(isIpv4Wanted || null == ipv6 ? ipv4 : null, isIpv6Wanted || null == ipv4 ? ipv6 : null);
    }

    private static <T extends InetAddress> @Nullable T first(final List<InetAddress> addresses, final Class<T> family) {
        return addresses.stream()
                .filter(family::isInstance)
                .map(family::cast)
                .findFirst()
                .orElse(null);
    }

    private static boolean isElsewhere(final HostAddresses host, final Link link, final @Nullable InetAddress address) {
        return null != address && !host.owner(address).map(Link::index).equals(Optional.of(link.index()));
    }

    /** The interface that packets leave by: that of the address, unless it has no wire. */
    private Link carrier(final HostAddresses host, final Link link, final @Nullable InetAddress address) {
        if (WayToPeers.hasWire(link)) {
            return link;
        }
        return way.narrowest(host.links(), address instanceof Inet6Address, wishes.pods())
                .orElseThrow(() -> new NotYetException("interface " + link.name()
                        + " has the address, and there is no route to tell which interface leads to other nodes:"
                        + " add one (ip route add), or name the interface by --iface"));
    }

    private @Nullable InetAddress announced(
            final String option, final String publicAddress, final @Nullable InetAddress local, final Link link) {
        if (publicAddress.isEmpty()) {
            return local;
        }
        if (null == local) {
            throw new StartupException(option + "=" + publicAddress + ": the underlay has no address of this family,"
                    + " so nothing that is sent there can be received: give interface " + link.name()
                    + " one, or leave " + option + " away");
        }
        return IpAddress.parse(publicAddress).toInetAddress();
    }

    private StartupException withoutAddress(final HostAddresses host, final Link link) {
        final Optional<InterfaceAddress> tentative = host.tentative()
                .filter(address -> address.linkIndex() == link.index())
                .findFirst();
        if (tentative.isPresent()) {
            return notBound(tentative.get());
        }
        return new StartupException("interface " + link.name() + " has no " + (wishes.ipv4() ? "IPv4" : "IPv6")
                + " address" + (link.loopback() ? " but those of this host alone" : "")
                + ": give it one (ip address add ADDRESS/LENGTH dev " + link.name()
                + "), or choose another interface by --iface" + withoutWire(host));
    }

    /**
     * Words for the address of this host on {@code lo}, as with BGP on the host, whose interfaces need none of their own (RFC 5549). It
     * is not taken unasked: it may be a virtual address, as load balancers have them there.
     */
    private String withoutWire(final HostAddresses host) {
        for (final Link link : host.links()) {
            final Optional<String> found = !link.loopback()
                    ? Optional.empty()
                    : host.usable(link).stream()
                            .filter(wishes::isWanted)
                            .map(address -> IpAddress.of(address).toString())
                            .findFirst();
            if (found.isPresent()) {
                return "; if this node is to send from " + found.get() + " of " + link.name() + ": --iface="
                        + found.get();
            }
        }
        return "";
    }

    private static StartupException notBound(final InterfaceAddress address) {
        final String text = IpAddress.of(address.address()).toString();
        return HostAddresses.isDuplicate(address)
                ? new StartupException("address " + text + " belongs to another host on the link as well"
                        + " (duplicate address detection): give this node one of its own")
                : new NotYetException(
                        "address " + text + " is tentative: the kernel is still looking whether another host has it");
    }

    /** What this node's lease may have as its public address. */
    private Set<InetAddress> ownAddresses(
            final List<InetAddress> usable,
            final @Nullable InetAddress address,
            final @Nullable InetAddress ipv6Address) {
        final Set<InetAddress> own = new HashSet<>();
        if (wishes.publicIp.isEmpty() && wishes.publicIpv6.isEmpty()) {
            own.addAll(usable);
        }
        Stream.of(wishes.publicIp, wishes.publicIpv6)
                .filter(text -> !text.isEmpty())
                .map(UnderlaySelector::address)
                .forEach(own::add);
        if (null != address && wishes.publicIp.isEmpty()) {
            own.add(address);
        }
        if (null != ipv6Address && wishes.publicIpv6.isEmpty()) {
            own.add(ipv6Address);
        }
        return Set.copyOf(own);
    }

    private Choice choose(final HostAddresses host) {
        if (!wishes.nameAnInterface()) {
            return Stream.of(wishes.publicIp, wishes.publicIpv6)
                    .filter(text -> !text.isEmpty())
                    .map(UnderlaySelector::address)
                    .flatMap(address -> host.owner(address).stream())
                    .findFirst()
                    .map(link -> new Choice(link, List.of()))
                    .orElseGet(() -> new Choice(ofDefaultRoute(host), List.of()));
        }
        final Optional<Choice> found = firstUsable(
                host,
                Stream.concat(
                        wishes.names.stream().flatMap(name -> named(host, name).stream()),
                        wishes.regexes.stream().flatMap(regex -> matching(host, GoPattern.compile(regex)).stream())));
        if (!wishes.canReach.isEmpty()
                && found.filter(choice -> isUsable(host, choice)).isEmpty()) {
            return onTheWay(host);
        }
        return found.orElseThrow(() -> new StartupException("no interface matches"
                + (wishes.names.isEmpty() ? "" : " --iface=" + String.join(",", wishes.names))
                + (wishes.regexes.isEmpty() ? "" : " --iface-regex=" + String.join(",", wishes.regexes))
                + ": there is " + host.links().stream().map(Link::name).collect(Collectors.joining(", "))));
    }

    /** The first that has an address; the first of all where none has. */
    private static Optional<Choice> firstUsable(final HostAddresses host, final Stream<Choice> choices) {
        Choice first = null;
        for (final Choice choice : (Iterable<Choice>) choices::iterator) {
            if (isUsable(host, choice)) {
                return Optional.of(choice);
            }
            first = null == first ? choice : first;
        }
        return Optional.ofNullable(first);
    }

    private static boolean isUsable(final HostAddresses host, final Choice choice) {
        return !choice.named.isEmpty() || !host.usable(choice.link).isEmpty();
    }

    private Optional<Choice> named(final HostAddresses host, final String name) {
        final Optional<Link> link = host.link(name);
        if (link.isPresent()) {
            return link.map(found -> new Choice(found, List.of()));
        }
        final Optional<InterfaceAddress> tentative = host.tentative()
                .filter(address -> IpAddress.of(address.address()).toString().equals(canonical(name)))
                .findFirst();
        if (tentative.isPresent()) {
            throw notBound(tentative.get());
        }
        return host.addresses().stream()
                .map(InterfaceAddress::address)
                .filter(address -> IpAddress.of(address).toString().equals(canonical(name)))
                .findFirst()
                .flatMap(address -> host.owner(address).map(owner -> new Choice(owner, List.of(address))));
    }

    private static InetAddress address(final String text) {
        return IpAddress.parse(text).toInetAddress();
    }

    /** An address in the form that it is printed in; any other text as it is. */
    private static String canonical(final String text) {
        try {
            return IpAddress.parse(text).toString();
        } catch (final IllegalArgumentException name) {
            return text;
        }
    }

    private Optional<Choice> matching(final HostAddresses host, final Pattern pattern) {
        final Set<Link> ways = Stream.of(way.byDefault(host.links(), false), way.byDefault(host.links(), true))
                .flatMap(Optional::stream)
                .collect(Collectors.toSet());
        final List<Link> links = host.links().stream()
                .filter(link -> ways.contains(link) || !isOfPods(host, link))
                .toList();
        Choice found = null;
        for (final Link link : links) {
            final List<InetAddress> matched = host.usable(link).stream()
                    .filter(address ->
                            pattern.matcher(IpAddress.of(address).toString()).find())
                    .toList();
            if (matched.stream().anyMatch(wishes::isWanted)) {
                return Optional.of(new Choice(link, matched));
            }
            if (null == found && !matched.isEmpty()) {
                found = new Choice(link, matched);
            }
        }
        return Optional.ofNullable(found)
                .or(() -> firstUsable(
                        host,
                        links.stream()
                                .filter(link -> pattern.matcher(link.name()).find())
                                .map(link -> new Choice(link, List.of()))));
    }

    /**
     * Whether an interface that no default route leaves by is the overlay's own, which leads to no other node: its device, or the bridge of
     * this node's pods. An address in the pods' network alone does not tell, since that may cover the underlay.
     */
    private boolean isOfPods(final HostAddresses host, final Link link) {
        final boolean isBridge = "bridge".equals(link.kind())
                && host.links().stream()
                        .filter(port -> port.masterIndex() == link.index())
                        .allMatch(port -> "veth".equals(port.kind()));
        final List<InterfaceAddress> own = host.addresses().stream()
                .filter(address -> address.linkIndex() == link.index())
                .filter(address -> !address.address().isLinkLocalAddress())
                .toList();
        return !own.isEmpty()
                && (isBridge || OVERLAY_KINDS.contains(link.kind()))
                && own.stream().allMatch(address -> isOfPods(address) && (isBridge || isAlone(address)));
    }

    private boolean isOfPods(final InterfaceAddress address) {
        return wishes.pods().stream().anyMatch(network -> network.contains(address.address()));
    }

    private static boolean isAlone(final InterfaceAddress address) {
        return address.prefixLength() == Byte.SIZE * address.address().getAddress().length;
    }

    private Choice onTheWay(final HostAddresses host) {
        final InetAddress destination = IpAddress.parse(wishes.canReach).toInetAddress();
        final Optional<Link> own = host.owner(destination);
        if (own.isPresent()) { // the kernel would lead to the loopback device
            return new Choice(own.get(), List.of(destination));
        }
        try {
            final Route route = rtnetlink.routeTo(destination);
            final InetAddress source = route.source();
            final boolean isNode = null != source && HostAddresses.meansANode(source);
            return host.link(route.linkIndex())
                    .map(link -> new Choice(link, isNode ? List.of(source) : List.of()))
                    .orElseThrow(
                            () -> new StartupException("no interface leads to --iface-can-reach=" + wishes.canReach));
        } catch (final LinuxException failure) {
            throw new StartupException(
                    "no interface leads to --iface-can-reach=" + wishes.canReach + ": " + failure.getMessage(),
                    failure);
        }
    }

    private Link ofDefaultRoute(final HostAddresses host) {
        final Optional<Link> ipv4 = wishes.ipv4() ? way.byDefault(host.links(), false) : Optional.empty();
        final Optional<Link> ipv6 = wishes.ipv6() ? way.byDefault(host.links(), true) : Optional.empty();
        if (ipv4.isPresent() && ipv6.isPresent() && !ipv4.equals(ipv6)) {
            throw new StartupException("the default routes of IPv4 and IPv6 use different interfaces, "
                    + ipv4.get().name() + " and " + ipv6.get().name() + ": name the interface by --iface");
        }
        if ((wishes.ipv4() && ipv4.isEmpty()) || (wishes.ipv6() && ipv6.isEmpty())) {
            final String family = !wishes.ipv6() || !wishes.ipv4() ? "" : ipv4.isEmpty() ? " of IPv4" : " of IPv6";
            throw new NotYetException(
                    "there is no default route" + family + " to tell the interface: name it by --iface");
        }
        return ipv4.or(() -> ipv6).orElseThrow();
    }
}
