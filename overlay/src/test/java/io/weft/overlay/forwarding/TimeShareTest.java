/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class TimeShareTest {
    private static final int DIVISOR = 100;
    private static final long SAVED_NS = TimeUnit.MINUTES.toNanos(1);

    private long nowNs = Long.MAX_VALUE - 1; // a clock of nanoseconds may begin anywhere
    private final TimeShare share = new TimeShare(DIVISOR, SAVED_NS, () -> nowNs);

    private void run(final long durationMs) {
        assertTrue(share.begin(), () -> "at " + nowNs);
        nowNs += TimeUnit.MILLISECONDS.toNanos(durationMs);
        share.end();
    }

    /** How many runs there are in so many seconds, if one is wished for in each. */
    private int runs(final int seconds, final long durationMs) {
        int runs = 0;
        for (int i = 0; i < seconds; i++) {
            nowNs += TimeUnit.SECONDS.toNanos(1);
            if (share.begin()) {
                run(durationMs);
                runs++;
            }
        }
        return runs;
    }

    @Test
    void shouldDelayNothingByTheFirstLongRun() {
        run(58);
        assertEquals(60, runs(60, 8));
    }

    @Test
    void shouldTakeItsShareInTheLongRun() {
        final long beginNs = nowNs;
        final long priceMs = 50L * DIVISOR * runs(1_000, 50);
        final long aheadMs = priceMs - TimeUnit.NANOSECONDS.toMillis(nowNs - beginNs);
        assertTrue(aheadMs > 0 && aheadMs <= 60_000 + 50 * DIVISOR, () -> aheadMs + " ms ahead of its share");
    }

    @Test
    void shouldSaveNoMoreThanTheShareOfAMinute() {
        nowNs += TimeUnit.HOURS.toNanos(1);
        run(600);
        run(1_000);
        nowNs += TimeUnit.SECONDS.toNanos(98);
        assertFalse(share.begin(), "it is not paid for yet");
        nowNs += TimeUnit.SECONDS.toNanos(2);
        run(1);
    }
}
