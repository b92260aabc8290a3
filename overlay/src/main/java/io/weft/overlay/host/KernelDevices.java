/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static java.lang.System.Logger.Level.INFO;

import io.weft.address.MacAddress;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.netlink.Vxlan;
import io.weft.overlay.lease.BackendConfig;
import org.jspecify.annotations.Nullable;

/**
 * The kernel VXLAN devices that flanneld left on this host. A node that takes over their MAC addresses needs no update by its
 * peers, and connections of its pods live on.
 *
 * @param device {@code flannel.<VNI>}; null when there is none.
 * @param ipv6Device {@code flannel-v6.<VNI>}; null when there is none.
 */
public record KernelDevices(@Nullable Link device, @Nullable Link ipv6Device) {
    private static final System.Logger LOG = System.getLogger(KernelDevices.class.getName());

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

    /** Deletes the devices, and with them their routes, neighbours and FDB entries. */
    public void delete(final Rtnetlink rtnetlink) {
        delete(rtnetlink, device);
        delete(rtnetlink, ipv6Device);
    }

    private static void delete(final Rtnetlink rtnetlink, final @Nullable Link link) {
        if (null != link) {
            LOG.log(INFO, "taking over from the kernel device {0}, VTEP MAC {1}", link.name(), link.mac());
            rtnetlink.deleteLink(link.index());
        }
    }
}
