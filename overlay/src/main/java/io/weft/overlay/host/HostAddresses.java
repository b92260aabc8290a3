/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.linux.netlink.InterfaceAddress;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Rtnetlink;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The links of a host and their addresses, as they were at one moment.
 *
 * @param links by their number.
 * @param addresses of all of them.
 */
record HostAddresses(List<Link> links, List<InterfaceAddress> addresses) {
    // Linux include/uapi/linux/if_addr.h
    private static final int IFA_F_TEMPORARY = 0x01;
    private static final int IFA_F_OPTIMISTIC = 0x04;
    private static final int IFA_F_DADFAILED = 0x08;
    private static final int IFA_F_DEPRECATED = 0x20;
    private static final int IFA_F_TENTATIVE = 0x40;
    private static final int IFA_F_PERMANENT = 0x80;

    static HostAddresses now(final Rtnetlink rtnetlink) {
        return new HostAddresses(
                rtnetlink.links().stream()
                        .sorted(Comparator.comparingInt(Link::index))
                        .toList(),
                rtnetlink.addresses());
    }

    Optional<Link> link(final int index) {
        return links.stream().filter(link -> link.index() == index).findFirst();
    }

    Optional<Link> link(final String name) {
        return links.stream().filter(link -> link.name().equals(name)).findFirst();
    }

    /** The link that has an address which packets can be sent from. */
    Optional<Link> owner(final InetAddress address) {
        return addresses.stream()
                .filter(candidate -> candidate.address().equals(address) && canBeBound(candidate.flags()))
                .findFirst()
                .flatMap(found -> link(found.linkIndex()));
    }

    /** What packets to other nodes can be sent from on a link, the best first, as flannel chooses (pkg/ip/iface.go). */
    List<InetAddress> usable(final Link link) {
        return addresses.stream()
                .filter(address -> address.linkIndex() == link.index()
                        && isUsable(address.flags())
                        && meansANode(address.address()))
                .sorted(Comparator.comparingInt(HostAddresses::rank))
                .map(InterfaceAddress::address)
                .toList();
    }

    /** Whether somebody gave the address to the host alone, without a network, as kube-vip and keepalived do; DHCP's have a lifetime. */
    boolean mayBeVirtual(final InetAddress address) {
        return addresses.stream()
                .filter(candidate -> candidate.address().equals(address))
                .anyMatch(candidate -> candidate.prefixLength() == Byte.SIZE * address.getAddress().length
                        && 0 != (candidate.flags() & IFA_F_PERMANENT));
    }

    /** Addresses that the kernel is still looking for among the link's other hosts. */
    Stream<InterfaceAddress> tentative() {
        return addresses.stream().filter(address -> !canBeBound(address.flags()) && meansANode(address.address()));
    }

    /** Whether another host on the link answered for the address: the kernel will not let it be used. */
    static boolean isDuplicate(final InterfaceAddress address) {
        return 0 != (address.flags() & IFA_F_DADFAILED);
    }

    /**
     * Whether an address tells one node from all others: that of a loopback network does not, and an IPv6 link-local one means
     * nothing without its link, which a lease does not tell.
     */
    static boolean meansANode(final InetAddress address) {
        return !address.isLoopbackAddress() && (address instanceof Inet4Address || !address.isLinkLocalAddress());
    }

    /** Nothing can be bound to an IPv6 address of which the kernel does not know yet whether another host has it. */
    private static boolean canBeBound(final int flags) {
        return IFA_F_TENTATIVE != (flags & (IFA_F_TENTATIVE | IFA_F_OPTIMISTIC));
    }

    private static boolean isUsable(final int flags) {
        return 0 == (flags & IFA_F_DEPRECATED) && canBeBound(flags);
    }

    /** Global before link-local, then permanent before dynamic, then lasting before temporary, primary before secondary. */
    private static int rank(final InterfaceAddress address) {
        return (address.address().isLinkLocalAddress() ? 4 : 0)
                + (0 == (address.flags() & IFA_F_PERMANENT) ? 2 : 0)
                + (0 == (address.flags() & IFA_F_TEMPORARY) ? 0 : 1);
    }
}
