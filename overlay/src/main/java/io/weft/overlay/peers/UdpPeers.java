/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.peers;

import io.weft.address.IpPrefix;
import io.weft.overlay.forwarding.Forwarders;
import io.weft.overlay.forwarding.PodRoutes;
import io.weft.overlay.forwarding.UnderlayFamily;
import io.weft.overlay.lease.Lease;
import io.weft.routing.RoutingTables;
import java.net.InetAddress;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** flannel's udp backend: a route of the subnet to the node's underlay address (pkg/backend/udp/udp_network_amd64.go). */
final class UdpPeers implements Peers {
    private final RoutingTables tables;
    private final PodRoutes routes;

    UdpPeers(final Forwarders forwarders, final PodRoutes routes) {
        this.routes = routes;
        tables = Objects.requireNonNull(forwarders.tables(UnderlayFamily.IPV4), "the udp backend is for IPv4 alone");
    }

    @Override
    public @Nullable String fault(final Lease lease) {
        return null == lease.key().subnet() || null == lease.attributes().publicIp()
                ? "it has no IPv4 subnet and PublicIP, and the network's backend is udp"
                : null;
    }

    @Override
    public void install(final Lease lease) {
        final InetAddress publicIp = Objects.requireNonNull(lease.attributes().publicIp(), "fault() comes first");
        tables.replaceRoute(subnet(lease), publicIp);
        routes.add(subnet(lease), UnderlayFamily.IPV4, publicIp);
    }

    @Override
    public void withdraw(final Lease lease) {
        routes.remove(subnet(lease));
        tables.removeRoute(subnet(lease));
    }

    private static IpPrefix subnet(final Lease lease) {
        return Objects.requireNonNull(lease.key().subnet(), "fault() comes first");
    }
}
