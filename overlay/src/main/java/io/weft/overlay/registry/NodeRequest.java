/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import io.weft.address.MacAddress;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.VtepData;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a node tells its registry when it asks for its lease.
 *
 * @param publicIp where peers shall send to; null in a cluster of IPv6 alone.
 * @param publicIpv6 the same over IPv6; null without IPv6.
 * @param ownAddresses every address that this node's lease may have as PublicIP or PublicIPv6.
 * @param backend the backend of the network.
 * @param takenOverMac VTEP address of a kernel device that weft replaces; null where there was none.
 * @param takenOverMacV6 the same of the IPv6 device.
 * @param previous what subnet.env says that this node had; null without one.
 * @param former the lease that this daemon had until the underlay's address changed: it names an address that is no longer
 *     the node's; null at the daemon's start.
 */
public record NodeRequest(
        @Nullable Inet4Address publicIp,
        @Nullable Inet6Address publicIpv6,
        Set<InetAddress> ownAddresses,
        BackendConfig backend,
        @Nullable MacAddress takenOverMac,
        @Nullable MacAddress takenOverMacV6,
        @Nullable LeaseKey previous,
        @Nullable Lease former) {

    /** True for a lease that is this node's: by its public address, or because it is the one that the node had. */
    public boolean owns(final Lease lease) {
        return lease.equals(former) || owns(lease.attributes());
    }

    /** True for the lease to take of several that are this node's: its pods have addresses of that subnet. */
    public boolean prefers(final Lease lease) {
        return lease.key().equals(null == former ? previous : former.key());
    }

    /** True for a lease that is this node's by its public address. */
    public boolean owns(final LeaseAttributes attributes) {
        return isOwn(attributes.publicIp()) || isOwn(attributes.publicIpv6());
    }

    private boolean isOwn(final @Nullable InetAddress address) {
        return null != address && ownAddresses.contains(address);
    }

    /**
     * The value that the node's lease shall have. A VTEP address that was taken over wins, then the one that peers know
     * already, so that they need no update; without either it is random, as flannel's.
     *
     * @param known the attributes that the registry holds for this node; null when it has none.
     */
    public LeaseAttributes attributes(final @Nullable LeaseAttributes known, final boolean ipv6) {
        final boolean ipv4 = null != publicIp;
        final boolean vxlan = BackendType.VXLAN == backend.type();
        return new LeaseAttributes(
                publicIp,
                ipv6 ? publicIpv6 : null,
                backend.type().leaseType(),
                vxlan && ipv4 ? vtep(takenOverMac, null == known ? null : known.vtep()) : null,
                vxlan && ipv6 ? vtep(takenOverMacV6, null == known ? null : known.vtepV6()) : null);
    }

    private VtepData vtep(final @Nullable MacAddress takenOver, final @Nullable VtepData known) {
        if (null != takenOver) {
            return new VtepData(backend.vni(), takenOver);
        }
        return new VtepData(backend.vni(), null == known ? VtepData.randomMac() : known.mac());
    }
}
