/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import io.weft.address.IpPrefix;
import io.weft.overlay.host.Underlay;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.VtepData;
import io.weft.overlay.lifecycle.StartupException;
import io.weft.overlay.options.WeftOptions;
import java.net.InetAddress;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The IP version between the nodes. Each has a forwarder of its own, as flannel has {@code flannel.1} and
 * {@code flannel-v6.1}: device, VTEP MAC, sockets and tables. Pods of either IP version may go over either.
 */
public enum UnderlayFamily {
    /** {@code weft.1}: PublicIP and BackendData of a lease. */
    IPV4("", 20),
    /** {@code weft-v6.1}: PublicIPv6 and BackendV6Data of a lease. */
    IPV6("-v6", 40);

    /** Linux include/uapi/linux/if.h, IFNAMSIZ less the final zero. */
    private static final int DEVICE_NAME_LENGTH_MAX = 15;

    private final String suffix;
    private final int ipHeaderLength;

    UnderlayFamily(final String suffix, final int ipHeaderLength) {
        this.suffix = suffix;
        this.ipHeaderLength = ipHeaderLength;
    }

    /** The family that carries a subnet of pods wherever both nodes have it: the subnet's own. */
    public static UnderlayFamily of(final IpPrefix subnet) {
        return subnet.isIpv4() ? IPV4 : IPV6;
    }

    /** The families that a node has a forwarder of: those of its underlay, if the backend has a tunnel. */
    public static Set<UnderlayFamily> carrying(final BackendConfig backend, final Underlay underlay) {
        final Set<UnderlayFamily> families = EnumSet.allOf(UnderlayFamily.class);
        families.removeIf(
                family -> null == family.local(underlay) || !backend.type().isTunnel());
        return families;
    }

    /** The devices that pods' packets leave by: those of the forwarders, or the underlay's own. */
    public static List<String> deviceNames(
            final WeftOptions options, final BackendConfig backend, final Underlay underlay) {
        return backend.type().isTunnel()
                ? carrying(backend, underlay).stream()
                        .map(family -> family.deviceName(options, backend.vni()))
                        .toList()
                : List.of(underlay.name());
    }

    /** The one that is not this. */
    public UnderlayFamily other() {
        return IPV4 == this ? IPV6 : IPV4;
    }

    /** What tells names of the IPv6 forwarder from those of the IPv4 one: empty, or {@code -v6}. */
    String suffix() {
        return suffix;
    }

    /** What is added to a pod's packet, in bytes, outer Ethernet aside. */
    int overhead(final BackendType backend) {
        return backend.overhead(ipHeaderLength);
    }

    /**
     * The device's name: {@code weft.1} and {@code weft-v6.1} for VNI 1, or what --device-name makes of it.
     *
     * @throws StartupException when the kernel takes no name of that length.
     */
    String deviceName(final WeftOptions options, final int vni) {
        final String name = options.deviceName.isEmpty() ? "weft" + suffix + '.' + vni : options.deviceName + suffix;
        if (name.length() > DEVICE_NAME_LENGTH_MAX) {
            throw new StartupException("device name " + name + " has more than " + DEVICE_NAME_LENGTH_MAX
                    + " characters: choose a shorter --device-name, to which " + IPV6.suffix + " is added for IPv6");
        }
        return name;
    }

    /** Where this node's packets come from; null when the underlay is not of this family. */
    @Nullable
    InetAddress local(final Underlay underlay) {
        return IPV4 == this ? underlay.address() : underlay.ipv6Address();
    }

    /** Where a node's packets go to; null when it has no address of this family. */
    @Nullable
    public InetAddress publicAddress(final LeaseAttributes lease) {
        return IPV4 == this ? lease.publicIp() : lease.publicIpv6();
    }

    /**
     * Whom a node's frames are for: the MAC of the device that takes them from this underlay, whichever IP version is
     * inside. A node with one forwarder has one MAC, so a lease may name it in either place.
     */
    @Nullable
    public VtepData vtep(final LeaseAttributes lease) {
        final VtepData own = IPV4 == this ? lease.vtep() : lease.vtepV6();
        return null != own ? own : IPV4 == this ? lease.vtepV6() : lease.vtep();
    }
}
