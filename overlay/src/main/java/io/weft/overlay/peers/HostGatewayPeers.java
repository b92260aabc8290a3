/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.peers;

import io.weft.overlay.forwarding.Planes;
import io.weft.overlay.forwarding.UnderlayFamily;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.NetworkConfig;
import io.weft.overlay.lease.Subnet;
import java.net.InetAddress;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** flannel's host-gw: a kernel route of each subnet by its node's own address (pkg/backend/hostgw/hostgw.go). */
final class HostGatewayPeers implements Peers {
    private final NetworkConfig config;
    private final Planes planes;

    HostGatewayPeers(final NetworkConfig config, final Planes planes) {
        this.config = config;
        this.planes = planes;
    }

    @Override
    public @Nullable String fault(final Lease lease) {
        return gateways(lease).isEmpty()
                ? "it has no subnet and public address of an IP version of this network"
                : null;
    }

    @Override
    public void install(final Lease lease) {
        gateways(lease).forEach(planes::leadBy);
    }

    @Override
    public void withdraw(final Lease lease) {
        gateways(lease).keySet().forEach(planes::unlead);
    }

    private Map<Subnet, InetAddress> gateways(final Lease lease) {
        final Map<Subnet, InetAddress> gateways = new HashMap<>();
        if (null != config.network()) {
            put(gateways, lease.key().subnet(), lease);
        }
        if (null != config.ipv6Network()) {
            put(gateways, lease.key().ipv6Subnet(), lease);
        }
        return gateways;
    }

    private static void put(final Map<Subnet, InetAddress> gateways, final @Nullable Subnet subnet, final Lease lease) {
        if (null != subnet) {
            final InetAddress gateway = UnderlayFamily.of(subnet).publicAddress(lease.attributes());
            if (null != gateway) {
                gateways.put(subnet, gateway);
            }
        }
    }
}
