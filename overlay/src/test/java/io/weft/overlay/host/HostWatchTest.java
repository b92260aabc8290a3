/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What the host's watch calls for. */
@RequiresRoot
class HostWatchTest {
    private static final String NEIGHBOUR = "192.0.2.2";

    private final AtomicInteger calls = new AtomicInteger();

    private void awaitCallAfter(final Runnable change, final String what) {
        final int before = calls.get();
        change.run();
        Await.until(what, Await.TIMEOUT_MS, () -> calls.get() > before);
    }

    @Test
    void shouldCallWhenTheMacAddressOfANeighbourIsAnother() throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final NetworkNamespace namespace = resources.add(NetworkNamespace.create("watched"));
            namespace.vethTo("w0", namespace, "w1", 1500);
            final int index = namespace.call(() -> {
                try (Rtnetlink rtnetlink = Rtnetlink.open()) {
                    return rtnetlink.link("w0").orElseThrow().index();
                }
            });
            resources.add(namespace.call(() -> HostWatch.ofUnderlay("w0", index, true, calls::incrementAndGet)));
            for (final String mac : new String[] {"02:00:00:00:00:02", "02:00:00:00:00:03"}) {
                awaitCallAfter(
                        () -> namespace.ip(
                                "neigh", "replace", NEIGHBOUR, "lladdr", mac, "dev", "w0", "nud", "reachable"),
                        "the watch calls for " + mac);
            }
            awaitCallAfter(
                    () -> namespace.ip("neigh", "delete", NEIGHBOUR, "dev", "w0"), "the watch calls for a deletion");
        }
    }
}
