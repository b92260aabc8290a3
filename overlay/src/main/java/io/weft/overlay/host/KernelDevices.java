/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.address.MacAddress;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.netlink.Vxlan;
import io.weft.overlay.lease.BackendConfig;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The kernel VXLAN devices that flanneld left on this host. A node that takes over their MAC addresses needs no update by its
 * peers, and connections of its pods live on.
 *
 * @param device {@code flannel.<VNI>}; null when there is none.
 * @param ipv6Device {@code flannel-v6.<VNI>}; null when there is none.
 */
public record KernelDevices(@Nullable Link device, @Nullable Link ipv6Device) {
    /** None. */
    public static final KernelDevices NONE = new KernelDevices(null, null);

    private static final String PREFIX = "flannel.";
    private static final String IPV6_PREFIX = "flannel-v6.";

    /**
     * Finds devices of flannel's names that are VXLAN devices of the backend's VNI. Of whichever port: flanneld may have had another one, and
     * the routes by such a device are in front of weft's all the same.
     */
    public static KernelDevices find(final Rtnetlink rtnetlink, final BackendConfig backend) {
        return new KernelDevices(
                find(rtnetlink, PREFIX + backend.vni(), backend),
                find(rtnetlink, IPV6_PREFIX + backend.vni(), backend));
    }

    /** By its name, or by the one that a weftd has given it which was killed amid taking over from it. */
    private static @Nullable Link find(final Rtnetlink rtnetlink, final String name, final BackendConfig backend) {
        return Stream.of(name, Takeover.asideName(name))
                .flatMap(either -> rtnetlink.link(either).stream())
                .filter(link -> isOf(link.vxlan(), backend))
                .findFirst()
                .orElse(null);
    }

    private static boolean isOf(final @Nullable Vxlan vxlan, final BackendConfig backend) {
        return null != vxlan && vxlan.vni() == backend.vni();
    }

    /** What flanneld calls one of them. */
    String nameOf(final Link link) {
        final boolean isIpv6 = null != ipv6Device && ipv6Device.index() == link.index();
        return (isIpv6 ? IPV6_PREFIX : PREFIX)
                + Objects.requireNonNull(link.vxlan()).vni();
    }

    /** VTEP address of the IPv4 pods. */
    public @Nullable MacAddress mac() {
        return null == device ? null : device.mac();
    }

    /** VTEP address of the IPv6 pods. */
    public @Nullable MacAddress ipv6Mac() {
        return null == ipv6Device ? null : ipv6Device.mac();
    }

    /** Those that are there. */
    public List<Link> links() {
        return Stream.of(device, ipv6Device).filter(Objects::nonNull).toList();
    }
}
