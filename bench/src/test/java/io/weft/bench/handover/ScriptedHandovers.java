/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.handover;

import io.weft.bench.stats.Spread;
import java.util.List;

/** Handovers of which a test chooses what pods saw. */
public final class ScriptedHandovers {
    static final double QUIET_LATEST_MS = 3;

    private ScriptedHandovers() {}

    /** Of which pods saw nothing. */
    public static HandoverCheck.Taking unnoticed() {
        return withLoss(0);
    }

    /** Of which each has lost so many packets. */
    public static HandoverCheck.Taking withLoss(final long lost) {
        return (site, console, teardown) -> findings(lost, QUIET_LATEST_MS, 0, "", true, 0);
    }

    static Findings findings(
            final long lost,
            final double latestMs,
            final long timeouts,
            final String trouble,
            final boolean isWithin,
            final long lostWithStore) {
        return new Findings(
                List.of(new Turn<>(
                        new PacketInterval(1000, 0, 0, QUIET_LATEST_MS, 1),
                        new PacketInterval(1000, lost, 0, latestMs, 1),
                        isWithin,
                        2)),
                List.of(new Turn<>(new StreamInterval(10, 1, ""), new StreamInterval(9, timeouts, trouble), true, 2)),
                List.of(
                        new Gap("with a store", true, true, lostWithStore, Spread.of(500)),
                        new Gap("without", false, true, 100, Spread.of(500))),
                List.of());
    }
}
