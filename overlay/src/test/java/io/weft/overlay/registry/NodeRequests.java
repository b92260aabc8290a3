/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import io.weft.address.IpAddress;
import io.weft.address.MacAddress;
import io.weft.overlay.lease.BackendConfig;
import io.weft.overlay.lease.BackendType;
import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import java.net.Inet4Address;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Requests of a node with one IPv4 address, in a network of VXLAN with VNI 1. */
public final class NodeRequests {
    private NodeRequests() {}

    /** Of a node that was not there before. */
    public static NodeRequest of(final String address) {
        return of(address, null, null, null);
    }

    /** Of a node with what it has from before: a MAC to take over, the key in its subnet file, the lease that it had. */
    public static NodeRequest of(
            final String address,
            final @Nullable MacAddress takenOver,
            final @Nullable LeaseKey previous,
            final @Nullable Lease former) {
        final Inet4Address own = (Inet4Address) IpAddress.parse(address).toInetAddress();
        final BackendConfig backend = new BackendConfig(BackendType.VXLAN, 1, 8472, 0, false, false);
        return new NodeRequest(own, null, Set.of(own), backend, takenOver, null, previous, former);
    }
}
