/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.InterfaceAddress;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Whether the host brings packets from the overlay's device to the pods' bridge and back: the bridge is there and up, alone has their
 * subnet, and the kernel forwards. All of it is the CNI plugin's and the administrator's, so it is told and not changed. Before the first
 * pod there is no bridge, and forwarding is the plugin's to switch on. The control thread alone.
 */
public final class PodPath {
    private static final Path IPV4 = Path.of("/proc/sys/net/ipv4");
    private static final Path IPV6_FORWARDING = Path.of("/proc/sys/net/ipv6/conf/all/forwarding");

    private final Rtnetlink rtnetlink;
    private final NetworkConfig config;
    private final String device;
    /** The names of the bridges that were seen, of each subnet. */
    private final Map<IpPrefix, String> seen = new HashMap<>();

    /** @param device that packets of IPv4 come from other nodes by. */
    public PodPath(final Rtnetlink rtnetlink, final NetworkConfig config, final String device) {
        this.rtnetlink = rtnetlink;
        this.config = config;
        this.device = device;
    }

    /**
     * What is wrong now, with the command that puts it right; empty when nothing is.
     *
     * @param addresses that the host has.
     */
    public String trouble(final LeaseKey own, final List<InterfaceAddress> addresses) {
        final List<String> troubles = new ArrayList<>();
        Stream.of(own.subnet(), own.ipv6Subnet()).flatMap(Stream::ofNullable).forEach(subnet -> {
            final Optional<Link> bridge = addresses.stream()
                    .filter(address -> PodBridge.isOf(address, subnet))
                    .findFirst()
                    .flatMap(address -> rtnetlink.link(address.linkIndex()));
            if (bridge.isPresent()) {
                seen.put(subnet, bridge.get().name());
                look(troubles, subnet, bridge.get(), addresses);
            } else if (seen.containsKey(subnet)) {
                troubles.add(missing(seen.getOrDefault(subnet, ""), subnet));
            }
        });
        return String.join("; ", troubles);
    }

    /**
     * Whether the bridge has the gateway address of another subnet of the cluster's, whoever gave it that.
     *
     * @return what is wrong, with the command that puts it right; empty when nothing is.
     */
    public String strangers(final LeaseKey own, final List<InterfaceAddress> addresses) {
        final Link bridge = rtnetlink.link(PodBridge.NAME).orElse(null);
        if (null == bridge) {
            return "";
        }
        final List<String> found = new ArrayList<>();
        for (final InterfaceAddress address : addresses) {
            final IpPrefix subnet = address.network();
            final IpPrefix network = subnet.isIpv4() ? config.network() : config.ipv6Network();
            final IpPrefix ownSubnet = subnet.isIpv4() ? own.subnet() : own.ipv6Subnet();
            if (bridge.index() == address.linkIndex()
                    && null != network
                    && null != ownSubnet
                    && network.contains(subnet)
                    && !ownSubnet.contains(subnet)) {
                found.add(bridge.name() + " has an address of " + subnet + ", and this node's subnet is " + ownSubnet
                        + ": no pod can be wired, and pods of that subnet are not reached: ip address delete "
                        + IpAddress.of(address.address()) + "/" + address.prefixLength() + " dev " + bridge.name());
            }
        }
        return String.join("; ", found);
    }

    private String missing(final String bridge, final IpPrefix subnet) {
        return rtnetlink.link(bridge).isPresent()
                ? bridge + " has lost its address of " + subnet
                        + ": pods here are not reached, and reach nobody: ip address add "
                        + subnet.base().plus(1) + "/" + subnet.length() + " dev " + bridge
                : bridge
                        + ", the bridge of the pods here, is gone, and they are cut off: make them anew (kubectl delete pod),"
                        + " which makes it too";
    }

    private void look(
            final List<String> troubles,
            final IpPrefix subnet,
            final Link bridge,
            final List<InterfaceAddress> addresses) {
        if (!bridge.up()) {
            troubles.add(bridge.name() + " is down: pods here are not reached, and reach nobody: ip link set "
                    + bridge.name() + " up");
        }
        for (final InterfaceAddress address : addresses) {
            if (address.linkIndex() != bridge.index()
                    && address.prefixLength() >= subnet.length()
                    && address.prefixLength() < address.address().getAddress().length * Byte.SIZE
                    && subnet.contains(address.network())) {
                rtnetlink
                        .link(address.linkIndex())
                        .ifPresent(other -> troubles.add(other.name() + " has an address of " + address.network()
                                + " too, and takes what is for pods on " + bridge.name() + ": ip address delete "
                                + IpAddress.of(address.address()) + "/" + address.prefixLength() + " dev "
                                + other.name()));
            }
        }
        final String unforwarded = subnet.isIpv4() ? forwarding(bridge.name()) : forwardingOfIpv6();
        if (!unforwarded.isEmpty()) {
            troubles.add(unforwarded);
        }
    }

    /** The kernel asks the device that a packet comes by; that of the whole host sets those of all. */
    private String forwarding(final String bridge) {
        final List<String> off = Stream.of(device, bridge)
                .filter(name -> !isOn(IPV4.resolve("conf").resolve(name).resolve("forwarding")))
                .toList();
        if (off.isEmpty()) {
            return "";
        }
        return isOn(IPV4.resolve("ip_forward"))
                ? "net.ipv4.conf." + off.get(0).replace('.', '/')
                        + ".forwarding is 0: the host forwards nothing that comes by " + off.get(0)
                        + ": sysctl -w net/ipv4/conf/" + off.get(0) + "/forwarding=1"
                : "net.ipv4.ip_forward is 0: the host forwards nothing, and no pod here reaches another node: sysctl -w"
                        + " net.ipv4.ip_forward=1, and see who sets it to 0 (grep -r ip_forward /etc/sysctl.conf"
                        + " /etc/sysctl.d /usr/lib/sysctl.d)";
    }

    private static String forwardingOfIpv6() {
        return isOn(IPV6_FORWARDING)
                ? ""
                : "net.ipv6.conf.all.forwarding is 0: the host forwards no IPv6, and no pod here reaches another node by it:"
                        + " sysctl -w net.ipv6.conf.all.forwarding=1";
    }

    /** Also where there is no such setting. */
    private static boolean isOn(final Path setting) {
        try {
            return !new KernelSetting(setting, "1").isOtherwise();
        } catch (final IOException failure) {
            throw LinuxException.reading(setting, failure, "");
        }
    }
}
