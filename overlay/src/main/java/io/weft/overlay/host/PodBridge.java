/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.linux.LinuxException;
import io.weft.linux.netlink.InterfaceAddress;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lifecycle.LogFields;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The bridge that the CNI plugin made for pods, after the node has got another subnet. It still has the address of the former
 * one, with which the reference {@code bridge} plugin wires no pod of the new one. Pods of the former subnet are out of reach in
 * any case, since peers route it elsewhere or nowhere.
 */
public final class PodBridge {
    private static final System.Logger LOG = System.getLogger(PodBridge.class.getName());

    /** As flannel's configuration of the CNI plugin has it. */
    public static final String NAME = "cni0";

    private PodBridge() {}

    /**
     * Takes the former gateway address away from wherever it is; the plugin gives the bridge the new one with the next pod.
     *
     * @param former subnets of the node before; null if it had none.
     * @param own its subnets now.
     * @return why that failed, with the command that does it; empty when all is well.
     */
    public static String leaveFormerSubnet(
            final Rtnetlink rtnetlink, final @Nullable LeaseKey former, final LeaseKey own) {
        if (null == former) {
            return "";
        }
        final List<IpPrefix> current = subnets(own);
        final List<IpPrefix> left = subnets(former).stream()
                .filter(subnet -> !current.contains(subnet))
                .toList();
        try {
            final List<InterfaceAddress> addresses = left.isEmpty() ? List.of() : rtnetlink.addresses();
            for (final IpPrefix subnet : left) {
                for (final InterfaceAddress address : addresses) {
                    if (isGateway(address, subnet)) {
                        remove(rtnetlink, address, subnet);
                    }
                }
            }
            return "";
        } catch (final LinuxException failure) {
            return failure.getMessage() + ". No pod can be wired while the bridge has an address of "
                    + left.stream().map(IpPrefix::toString).collect(Collectors.joining(" or "))
                    + ": ip address delete ADDRESS/LENGTH dev cni0";
        }
    }

    /** The name of the bridge of a subnet: what has an address in it with the subnet's length. Empty if there is none. */
    public static String name(final Rtnetlink rtnetlink, final IpPrefix subnet) {
        return rtnetlink.addresses().stream()
                .filter(address -> isOf(address, subnet))
                .findFirst()
                .flatMap(address -> rtnetlink.link(address.linkIndex()))
                .map(Link::name)
                .orElse("");
    }

    static boolean isOf(final InterfaceAddress address, final IpPrefix subnet) {
        return address.prefixLength() == subnet.length() && subnet.contains(IpPrefix.host(address.address()));
    }

    private static List<IpPrefix> subnets(final LeaseKey key) {
        return Stream.of(key.subnet(), key.ipv6Subnet())
                .filter(Objects::nonNull)
                .toList();
    }

    /** The bridge has the subnet's length; what a point-to-point plugin gives each pod's device has the length of an address. */
    private static boolean isGateway(final InterfaceAddress address, final IpPrefix subnet) {
        return address.prefixLength() == subnet.length()
                && IpAddress.of(address.address()).equals(subnet.base().plus(1));
    }

    private static void remove(final Rtnetlink rtnetlink, final InterfaceAddress address, final IpPrefix subnet) {
        rtnetlink.deleteAddress(address);
        LOG.log(
                WARNING,
                "{0} had the address of the former subnet {1}, taken away so that new pods can be wired;"
                        + " pods of that subnet have to be made anew{2}",
                rtnetlink.link(address.linkIndex()).map(Link::name).orElse("a device"),
                subnet,
                LogFields.of("subnet", subnet));
    }
}
