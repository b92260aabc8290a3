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
 */
public record ProbedTunnel(
        BackendType backend, int vni, int port, List<IpAddress> localAddresses, List<IpPrefix> networks) {
    public ProbedTunnel {
        localAddresses = List.copyOf(localAddresses);
        networks = List.copyOf(networks);
    }
}
