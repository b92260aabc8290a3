/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import io.weft.address.IpPrefix;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the thread that compares rules survives. */
@RequiresRoot
class RulesKeeperTest {
    private static final IpPrefix NETWORK = IpPrefix.parse("10.244.0.0/16");
    private static final IpPrefix SUBNET = IpPrefix.parse("10.244.1.0/24");
    /** Of no netlink message: to look it up throws what no caller thinks of. */
    private static final String ENDLESS_DEVICE = "x".repeat(1_000);

    private final NetworkNamespace host = NetworkNamespace.create("host");

    @AfterEach
    void tearDown() {
        host.close();
    }

    @Test
    void shouldGoOnToCompareWhenALookAtTheHostsRulesThrowsWhatNobodyThoughtOf() {
        final NodeRules rules =
                new NodeRules(List.of(), List.of(), List.of(new ForwardCheck(NETWORK, SUBNET, ENDLESS_DEVICE, false)));
        final AtomicInteger comparisons = new AtomicInteger();
        final RulesKeeper keeper = host.call(
                () -> RulesKeeper.start(rules, 1, (trouble, isRepaired, forwarding) -> comparisons.incrementAndGet()));
        try {
            // The first does not look.
            Await.until(
                    () -> "ended after " + comparisons + " comparisons", Await.TIMEOUT_MS, () -> comparisons.get() > 2);
        } finally {
            keeper.close();
        }
    }
}
