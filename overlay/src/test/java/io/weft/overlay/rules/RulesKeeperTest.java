/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpPrefix;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the thread that compares rules survives. */
@RequiresRoot
class RulesKeeperTest {
    private static final IpPrefix NETWORK = IpPrefix.parse("10.244.0.0/16");
    private static final IpPrefix SUBNET = IpPrefix.parse("10.244.1.0/24");
    private static final IpPrefix OTHER_NETWORK = IpPrefix.parse("10.245.0.0/16");
    private static final IpPrefix OTHER_SUBNET = IpPrefix.parse("10.245.1.0/24");
    /** Comparisons among which one looks for certain, however quick it was before. */
    private static final int LOOKS = 1_000;
    /** Of no netlink message: to look it up throws what no caller thinks of. */
    private static final String ENDLESS_DEVICE = "x".repeat(1_000);

    private final NetworkNamespace host = NetworkNamespace.create("host");
    private volatile Forwarding seen = Forwarding.WELL;
    private volatile String told = "";

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

    /** A check that fails says nothing of what the one before it saw. */
    @Test
    void shouldGoOnToTellWhatDropsPacketsWhileALookFails() {
        host.exec("nft", "add table inet others");
        host.exec("nft", "add chain inet others forward { type filter hook forward priority 0; policy drop; }");
        final CopyOnWriteArrayList<ForwardCheck> checks =
                new CopyOnWriteArrayList<>(List.of(new ForwardCheck(NETWORK, SUBNET, "weft.1", false)));
        final NodeRules rules = new NodeRules(List.of(), List.of(), checks);
        final AtomicInteger comparisons = new AtomicInteger();
        final RulesKeeper keeper = host.call(() -> RulesKeeper.start(rules, 1, (trouble, isRepaired, forwarding) -> {
            seen = forwarding;
            comparisons.incrementAndGet();
        }));
        try {
            Await.until(
                    "the chain is seen", Await.TIMEOUT_MS, () -> !seen.trouble().isEmpty());
            final Forwarding before = seen;
            checks.set(0, new ForwardCheck(NETWORK, SUBNET, ENDLESS_DEVICE, false));
            awaitMore(comparisons, 2); // the second of which began with that check
            host.exec("nft", "delete table inet others"); // so that no look from now on sees the same
            awaitMore(comparisons, LOOKS);
            assertEquals(before, seen);
        } finally {
            keeper.close();
        }
    }

    private static void awaitMore(final AtomicInteger comparisons, final int count) {
        final int before = comparisons.get();
        Await.until(
                () -> comparisons + " of " + (before + count),
                Await.TIMEOUT_MS,
                () -> comparisons.get() >= before + count);
    }

    /** As when no thread is left for a tool's input. */
    @Test
    void shouldGoOnToCompareWhateverASettingOfRulesThrows() {
        final NodeRules.Wishes wishes = new NodeRules.Wishes(true, false, false, null);
        host.run(() -> new NftablesRules(OTHER_NETWORK, OTHER_SUBNET, wishes, List::of).repair());
        final Supplier<List<OtherNetwork>> broken = () -> {
            throw new OutOfMemoryError("unable to create native thread");
        };
        final NftablesRules rules = new NftablesRules(NETWORK, SUBNET, wishes, broken);
        final AtomicInteger comparisons = new AtomicInteger();
        final RulesKeeper keeper = host.call(() -> RulesKeeper.start(
                new NodeRules(List.of(rules), List.of(rules), List.of()), 1, (trouble, isRepaired, forwarding) -> {
                    told = trouble;
                    comparisons.incrementAndGet();
                }));
        try {
            Await.until(
                    () -> "ended after " + comparisons + " comparisons", Await.TIMEOUT_MS, () -> comparisons.get() > 2);
            assertTrue(told.contains("unable to create native thread"), () -> told);
        } finally {
            keeper.close();
        }
    }
}
