/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PutBackTest {
    /** Whatever {@link System#nanoTime} counts from. */
    @ParameterizedTest
    @ValueSource(longs = {0, Long.MIN_VALUE, Long.MAX_VALUE - 1_000_000_000L})
    void shouldPutBackAtOnceAndThenAfterPausesThatGrowToAMinute(final long startNs) {
        final PutBack putBack = new PutBack();
        int done = 0;
        final int seconds = 600;
        for (int i = 0; i < seconds * 10; i++) {
            done += putBack.isAllowed(startNs + TimeUnit.MILLISECONDS.toNanos(100L * i)) ? 1 : 0;
            if (0 == i) {
                assertEquals(1, done);
            }
        }
        assertTrue(done >= 7 + seconds / 60 - 3 && done <= 7 + seconds / 45, done + " times in ten minutes");
    }

    @Test
    void shouldPutBackAtOnceAgainAfterAQuietTime() {
        final PutBack putBack = new PutBack();
        long nowNs = 5;
        for (int i = 0; i < 10; i++) {
            assertTrue(putBack.isAllowed(nowNs));
            assertFalse(putBack.isAllowed(nowNs));
            nowNs += TimeUnit.MINUTES.toNanos(1);
        }
        nowNs += TimeUnit.MINUTES.toNanos(11);
        assertTrue(putBack.isAllowed(nowNs));
        assertTrue(putBack.isAllowed(nowNs + TimeUnit.SECONDS.toNanos(1)), "the pauses begin anew");
    }
}
