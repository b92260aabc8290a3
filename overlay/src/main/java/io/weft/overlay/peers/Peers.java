/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.peers;

import io.weft.overlay.forwarding.Forwarders;
import io.weft.overlay.forwarding.PodRoutes;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lease.NetworkConfig;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What the leases of other nodes make of this node's tables and routes, by the network's backend. Control thread alone. */
public interface Peers {
    /**
     * That of a network.
     *
     * @param installed the leases that are installed, as they are at any time.
     */
    static Peers of(
            final NetworkConfig config,
            final Forwarders forwarders,
            final PodRoutes routes,
            final Map<LeaseKey, Lease> installed) {
        return switch (config.backend().type()) {
            case VXLAN -> new VxlanPeers(config, forwarders, routes, installed);
            case UDP -> new UdpPeers(forwarders, routes);
            case HOST_GW -> new HostGatewayPeers(config, routes);
        };
    }

    /** Why there is no way to a node; null when there is one. */
    @Nullable
    String fault(Lease lease);

    /**
     * Leads packets for a lease's subnets to its node, as of the next publication.
     *
     * @throws IllegalArgumentException when it cannot be; {@link #withdraw} takes back what was done.
     */
    void install(Lease lease);

    /** Leases whose pods are not reached since another lease has what belongs to one node alone, each with what is to be done. */
    default Map<LeaseKey, String> contested() {
        return Map.of();
    }

    /** Takes {@link #install} back. */
    void withdraw(Lease lease);
}
