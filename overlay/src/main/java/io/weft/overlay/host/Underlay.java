/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.address.IpAddress;
import io.weft.overlay.lifecycle.LogFields;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The interface that carries traffic between nodes, as it was when it was chosen.
 *
 * @param name of the interface.
 * @param linkIndex the kernel's number for it.
 * @param mtu in bytes.
 * @param address the IPv4 address that packets are sent from; null in a cluster of IPv6 alone.
 * @param ipv6Address the same for IPv6; null without IPv6.
 * @param publicIp the IPv4 address that other nodes send to: {@code address}, unless --public-ip says otherwise.
 * @param publicIpv6 the same for IPv6.
 * @param ownAddresses what this node's lease may have as its public address.
 * @param isElsewhere an address that packets are sent from is one of another interface of this host, as with BGP on the host,
 *     where the loopback device has it.
 */
public record Underlay(
        String name,
        int linkIndex,
        int mtu,
        @Nullable Inet4Address address,
        @Nullable Inet6Address ipv6Address,
        @Nullable Inet4Address publicIp,
        @Nullable Inet6Address publicIpv6,
        Set<InetAddress> ownAddresses,
        boolean isElsewhere) {
    /** What packets are sent from: one address or one of each family. */
    public Set<InetAddress> localAddresses() {
        final Set<InetAddress> local = new HashSet<>();
        if (null != address) {
            local.add(address);
        }
        if (null != ipv6Address) {
            local.add(ipv6Address);
        }
        return local;
    }

    /** The same with another MTU, in bytes. */
    public Underlay withMtu(final int bytes) {
        return on(linkIndex, bytes);
    }

    /** The same interface, made anew or with another MTU. */
    Underlay on(final int index, final int bytes) {
        return new Underlay(name, index, bytes, address, ipv6Address, publicIp, publicIpv6, ownAddresses, isElsewhere);
    }

    /** For the log: name, addresses and MTU. */
    @Override
    public String toString() {
        return name + " (" + text(address, publicIp) + text(ipv6Address, publicIpv6) + "MTU " + mtu + ")";
    }

    /** The same for programs. */
    public String logFields() {
        return LogFields.of(
                "interface",
                name,
                "addresses",
                localAddresses().stream()
                        .map(IpAddress::of)
                        .sorted()
                        .map(IpAddress::toString)
                        .collect(Collectors.joining(",")),
                "mtu",
                mtu);
    }

    /** What sockets are bound to, in words: the MTU may change while they are open. */
    public String binding() {
        return name + ", " + text(address, publicIp) + text(ipv6Address, publicIpv6);
    }

    private static String text(final @Nullable InetAddress local, final @Nullable InetAddress announced) {
        if (null == local || null == announced) {
            return "";
        }
        return IpAddress.of(local).toString()
                + (local.equals(announced) ? "" : " announced as " + IpAddress.of(announced))
                + ", ";
    }
}
