/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.peers;

import io.weft.address.IpPrefix;
import io.weft.overlay.forwarding.PodRoutes;
import io.weft.overlay.forwarding.UnderlayFamily;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.NetworkConfig;
import java.net.InetAddress;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** flannel's host-gw: a kernel route of each subnet by its node's own address (pkg/backend/hostgw/hostgw.go). */
final class HostGatewayPeers implements Peers {
    private final NetworkConfig config;
    private final PodRoutes routes;

    HostGatewayPeers(final NetworkConfig config, final PodRoutes routes) {
        this.config = config;
        this.routes = routes;
    }

    @Override
    public @Nullable String fault(final Lease lease) {
        return gateways(lease).isEmpty()
                ? "it has no subnet and public address of an IP version of this network"
                : null;
    }

    @Override
    public void install(final Lease lease) {
        gateways(lease).forEach(routes::addVia);
    }

    @Override
    public void withdraw(final Lease lease) {
        gateways(lease).keySet().forEach(routes::remove);
    }

    private Map<IpPrefix, InetAddress> gateways(final Lease lease) {
        final Map<IpPrefix, InetAddress> gateways = new HashMap<>();
        if (null != config.network()) {
            put(gateways, lease.key().subnet(), lease);
        }
        if (null != config.ipv6Network()) {
            put(gateways, lease.key().ipv6Subnet(), lease);
        }
        return gateways;
    }

    private static void put(
            final Map<IpPrefix, InetAddress> gateways, final @Nullable IpPrefix subnet, final Lease lease) {
        if (null != subnet) {
            final InetAddress gateway = UnderlayFamily.of(subnet).publicAddress(lease.attributes());
            if (null != gateway) {
                gateways.put(subnet, gateway);
            }
        }
    }
}
