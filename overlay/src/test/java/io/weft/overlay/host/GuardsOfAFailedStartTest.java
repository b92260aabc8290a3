/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.host;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.address.IpPrefix;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A start that fails leaves no blackhole behind, whichever step set it. */
@RequiresRoot
class GuardsOfAFailedStartTest {
    private static final IpPrefix NETWORK = IpPrefix.parse("10.0.0.0/8");
    private static final IpPrefix FORMER = IpPrefix.parse("172.16.0.0/12");

    private final NetworkNamespace namespace = NetworkNamespace.create("guards");

    private long guards() {
        return namespace.ip("route", "show", "type", "blackhole").lines().count();
    }

    @Test
    void shouldTakeAwayWhatWasPublishedAndRepaired() {
        try (namespace) {
            namespace.run(() -> {
                try (Rtnetlink rtnetlink = Rtnetlink.open()) {
                    try (GuardRoutes guards = new GuardRoutes(rtnetlink, 1, List.of(NETWORK, FORMER))) {
                        guards.add(NETWORK);
                        guards.begin();
                        guards.publish();
                        guards.add(FORMER);
                        guards.publish();
                        assertEquals(2, guards());
                        namespace.ip("route", "flush", "type", "blackhole");
                        guards.repair();
                        assertEquals(2, guards());
                    }
                    assertEquals(0, guards());
                }
            });
        }
    }

    @Test
    void shouldLeaveThoseOfAnEarlierDaemon() {
        try (namespace) {
            namespace.run(() -> {
                try (Rtnetlink rtnetlink = Rtnetlink.open()) {
                    try (GuardRoutes earlier = new GuardRoutes(rtnetlink, 1, List.of(NETWORK))) {
                        earlier.add(NETWORK);
                        earlier.begin();
                        earlier.leave();
                    }
                    try (GuardRoutes guards = new GuardRoutes(rtnetlink, 1, List.of(NETWORK))) {
                        guards.add(NETWORK);
                        guards.begin();
                        guards.publish();
                    }
                    assertEquals(1, guards());
                }
            });
        }
    }
}
