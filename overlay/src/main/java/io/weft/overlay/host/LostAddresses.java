/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.address.IpAddress;
import io.weft.address.IpFamily;
import io.weft.linux.netlink.InterfaceAddress;
import io.weft.linux.netlink.Link;
import java.net.InetAddress;
import java.util.Comparator;
import java.util.Optional;
import java.util.stream.Collectors;

/** Which addresses of an underlay packets cannot be sent from any more, why, and what brings them back. */
final class LostAddresses {
    private final HostAddresses host;
    private final Underlay underlay;

    /** @param host as it is now. */
    LostAddresses(final HostAddresses host, final Underlay underlay) {
        this.host = host;
        this.underlay = underlay;
    }

    /** The underlay, and what it has lost. */
    @Override
    public String toString() {
        final String words = words();
        return words.isEmpty() ? underlay.toString() : underlay + ": " + words;
    }

    /** In words; empty where all are there. */
    String words() {
        return underlay.localAddresses().stream()
                .sorted(Comparator.comparing(IpAddress::of))
                .map(this::words)
                .filter(words -> !words.isEmpty())
                .collect(Collectors.joining("; "));
    }

    private String words(final InetAddress address) {
        final IpAddress lost = IpAddress.of(address);
        final Optional<Link> owner = host.owner(address);
        if (owner.isPresent()) {
            final String name = owner.get().name();
            return underlay.isElsewhere() || name.equals(underlay.name()) ? "" : lost + " is on " + name + " now";
        }
        final Optional<InterfaceAddress> unused = host.addresses().stream()
                .filter(present -> present.address().equals(address))
                .findFirst();
        if (unused.isPresent()) {
            return HostAddresses.isDuplicate(unused.get())
                    ? taken(unused.get())
                    : lost + " is tentative: the kernel is still looking whether another host has it";
        }
        final String add = "ip address add " + lost + "/LENGTH dev " + underlay.name();
        return IpFamily.IPV4 == lost.family() || !Ipv6.isOffOn(underlay.name())
                ? lost + " is gone: " + add
                : lost + " is gone, since " + Ipv6.offOn(underlay.name()) + " && " + add;
    }

    private String taken(final InterfaceAddress address) {
        final String place = IpAddress.of(address.address()) + "/" + address.prefixLength() + " dev " + underlay.name();
        return "another host on the link has " + IpAddress.of(address.address())
                + " too (dadfailed in ip address), and so this one may not use it: two nodes have one address; give each its own,"
                + " then ip address delete " + place + " && ip address add " + place;
    }
}
