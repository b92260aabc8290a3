/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry.etcd;

import io.weft.overlay.lease.Lease;
import io.weft.overlay.lease.LeaseKey;
import io.weft.overlay.registry.LeaseListener;
import io.weft.overlay.registry.NodeRequests;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Follows etcd in a process of its own, with a clock of its own, and prints its day and the subnets that it hears of. */
final class EtcdFollowerMain {
    private EtcdFollowerMain() {}

    public static void main(final String[] arguments) throws InterruptedException {
        final EtcdRegistry registry = new EtcdRegistry(
                new EtcdRegistry.Settings(arguments[0], null, null, null, "", "", "/coreos.com/network", 3600));
        registry.config();
        registry.acquire(NodeRequests.of("192.168.0.1"));
        registry.watch(new LeaseListener() {
            @Override
            public void onSnapshot(final List<Lease> leases) {
                leases.forEach(this::onPut);
            }

            @Override
            public void onPut(final Lease lease) {
                System.out.println(lease.key());
            }

            @Override
            public void onRemove(final LeaseKey key) {}

            @Override
            public void onRestartNeeded(final String why) {
                System.out.println(why);
            }
        });
        while (true) {
            System.out.println("clock " + LocalDate.now(ZoneOffset.UTC).toEpochDay());
            TimeUnit.SECONDS.sleep(1);
        }
    }
}
