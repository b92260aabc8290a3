/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import java.util.List;

/** For tests of what a registry does besides telling of leases. */
public final class DeafListener implements LeaseListener {
    @Override
    public void onSnapshot(final List<Lease> leases) {}

    @Override
    public void onPut(final Lease lease) {}

    @Override
    public void onRemove(final LeaseKey key) {}

    @Override
    public void onRestartNeeded(final String why) {}
}
