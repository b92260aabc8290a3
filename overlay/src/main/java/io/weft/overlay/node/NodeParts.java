/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import io.weft.overlay.forwarding.Forwarders;
import io.weft.overlay.forwarding.PodRoutes;
import io.weft.overlay.host.PodPath;
import io.weft.overlay.peers.LeaseTable;
import java.net.InetAddress;
import java.util.Set;

/**
 * What a node is made of, which its tasks on the control thread work on.
 *
 * @param reachable addresses that must not become the overlay's: of the registry, and of what else the host reaches by the underlay.
 */
record NodeParts(
        NodeSite site,
        Set<InetAddress> reachable,
        Forwarders opened,
        PodRoutes routes,
        UnderlayChanges changes,
        PodAdmission admission,
        LeaseTable table,
        PodPath podPath) {
    /** Copies the set. */
    NodeParts {
        reachable = Set.copyOf(reachable);
    }
}
