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

    /** Finds devices of flannel's names that are VXLAN devices of the backend's VNI and port. */
    public static KernelDevices find(final Rtnetlink rtnetlink, final BackendConfig backend) {
        return new KernelDevices(
                find(rtnetlink, "flannel." + backend.vni(), backend),
                find(rtnetlink, "flannel-v6." + backend.vni(), backend));
    }

    private static @Nullable Link find(final Rtnetlink rtnetlink, final String name, final BackendConfig backend) {
        final Link link = rtnetlink.link(name).orElse(null);
        final Vxlan vxlan = null == link ? null : link.vxlan();
        return null != vxlan && vxlan.vni() == backend.vni() && vxlan.port() == backend.port() ? link : null;
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
