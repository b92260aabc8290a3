/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lease;

import java.net.InetAddress;
import java.util.Set;

/**
 * One node's part of the overlay.
 *
 * @param key the subnets it owns.
 * @param attributes how it is reached.
 * @param nodeAddresses others that the node has, as its Node object names them: it may send from those as well.
 */
public record Lease(LeaseKey key, LeaseAttributes attributes, Set<InetAddress> nodeAddresses) {
    /** Copies the set. */
    public Lease {
        nodeAddresses = Set.copyOf(nodeAddresses);
    }

    /** One of which no other addresses are known. */
    public Lease(final LeaseKey key, final LeaseAttributes attributes) {
        this(key, attributes, Set.of());
    }

    @Override
    public String toString() {
        return key + " " + attributes.json();
    }
}
