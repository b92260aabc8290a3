/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.overlay.lease.BackendType;
import java.util.List;

/**
 * What is between two nodes of a network.
 *
 * @param backend which adds to packets what it adds.
 * @param vni of VXLAN.
 * @param port of UDP, at all nodes.
 * @param localAddresses that this node sends from, of each family one: by another it is nobody to its peers.
 * @param networks of the cluster.
 * @param subnets of this node's pods.
 */
public record ProbedTunnel(
        BackendType backend,
        int vni,
        int port,
        List<IpAddress> localAddresses,
        List<IpPrefix> networks,
        List<IpPrefix> subnets) {
    public ProbedTunnel {
        localAddresses = List.copyOf(localAddresses);
        networks = List.copyOf(networks);
        subnets = List.copyOf(subnets);
    }
}
