/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.node;

import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.lifecycle.ControlLoop;
import io.weft.overlay.peers.LeaseTable;
import io.weft.overlay.registry.LeaseListener;
import java.util.List;

/** Hands what the registry says, on the registry's thread, to the control thread. */
final class LeaseFeed implements LeaseListener {
    private final ControlLoop loop;
    private final LeaseTable leases;
    private final Runnable onFirstSnapshot;
    /** Of the control thread. */
    private boolean hasSnapshot;

    /** @param onFirstSnapshot called on the control thread, once, when all leases are in the table for the first time. */
    LeaseFeed(final ControlLoop loop, final LeaseTable leases, final Runnable onFirstSnapshot) {
        this.loop = loop;
        this.leases = leases;
        this.onFirstSnapshot = onFirstSnapshot;
    }

    @Override
    public void onSnapshot(final List<Lease> snapshot) {
        loop.post(() -> {
            leases.snapshot(snapshot);
            if (!hasSnapshot) {
                hasSnapshot = true;
                onFirstSnapshot.run();
            }
        });
    }

    @Override
    public void onPut(final Lease lease) {
        loop.post(() -> leases.put(lease));
    }

    @Override
    public void onRemove(final LeaseKey key) {
        loop.post(() -> leases.remove(key));
    }

    @Override
    public void onRestartNeeded(final String why) {
        loop.end(why);
    }
}
