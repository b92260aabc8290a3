/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import static java.lang.System.Logger.Level.WARNING;

import io.weft.address.MacAddress;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseAttributes;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.VtepData;
import io.weft.overlay.lifecycle.LogFields;
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
    private static final System.Logger LOG = System.getLogger(NodeRequest.class.getName());

    /**
     * True for a lease that is this node's among those of all nodes: by the address that it announces, or because it is the one
     * that the node had. By another of its addresses only the subnet that it had is its own: that may be one that moves from node
     * to node (a VIP), and names the lease of another node then.
     */
    public boolean owns(final Lease lease) {
        final LeaseAttributes attributes = lease.attributes();
        final boolean isAnnounced = (null != publicIp && publicIp.equals(attributes.publicIp()))
                || (null != publicIpv6 && publicIpv6.equals(attributes.publicIpv6()));
        return lease.equals(former) || isAnnounced || (owns(attributes) && prefers(lease));
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
     * @param others VTEP addresses that other nodes have: a machine that was cloned has that of its original in its kernel device.
     */
    public LeaseAttributes attributes(
            final @Nullable LeaseAttributes known, final boolean ipv6, final Set<MacAddress> others) {
        final boolean ipv4 = null != publicIp;
        final boolean vxlan = BackendType.VXLAN == backend.type();
        return new LeaseAttributes(
                publicIp,
                ipv6 ? publicIpv6 : null,
                backend.type().leaseType(),
                vxlan && ipv4 ? vtep(takenOverMac, null == known ? null : known.vtep(), others) : null,
                vxlan && ipv6 ? vtep(takenOverMacV6, null == known ? null : known.vtepV6(), others) : null);
    }

    private VtepData vtep(
            final @Nullable MacAddress takenOver, final @Nullable VtepData known, final Set<MacAddress> others) {
        final MacAddress wanted = null != takenOver ? takenOver : null != known ? known.mac() : null;
        if (null != wanted && others.contains(wanted)) {
            LOG.log(
                    WARNING,
                    "another node''s lease has the VTEP address {0} too, as that of a cloned machine: this node takes a new one{1}",
                    wanted,
                    LogFields.of("mac", wanted));
            return new VtepData(backend.vni(), VtepData.randomMac());
        }
        return new VtepData(backend.vni(), null == wanted ? VtepData.randomMac() : wanted);
    }
}
