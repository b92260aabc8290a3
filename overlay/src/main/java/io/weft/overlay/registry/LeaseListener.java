/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import java.util.List;

/**
 * Hears of the cluster's leases, one call at a time, on threads of the registry; the first snapshot may come on the thread that calls
 * {@link Registry#watch}. The own lease is among them.
 */
public interface LeaseListener {
    /** All leases there are: what is not in here is gone. Comes first, and again whenever changes may have been missed. */
    void onSnapshot(List<Lease> leases);

    /** A lease is new or has other attributes. */
    void onPut(Lease lease);

    /** A lease is gone. */
    void onRemove(LeaseKey key);

    /**
     * The network configuration or this node's own lease is another one now, so the node has to be set up anew.
     *
     * @param why for the log.
     */
    void onRestartNeeded(String why);
}
