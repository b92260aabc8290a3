/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.registry;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RivalTest {
    /** Whatever {@link System#nanoTime} counts from. */
    @ParameterizedTest
    @ValueSource(longs = {0, Long.MIN_VALUE, Long.MAX_VALUE - 1_000_000_000L})
    void shouldBeAliveWhenItComesAgainAndBeTriedOnceMoreLater(final long startNs) {
        final Rival rival = new Rival();
        assertFalse(rival.isAlive(startNs), "the first time it may be a backup");
        rival.overcome(startNs);
        assertTrue(rival.isAlive(startNs + TimeUnit.MINUTES.toNanos(2)));
        final long laterNs = startNs + TimeUnit.MINUTES.toNanos(10);
        assertFalse(rival.isAlive(laterNs));
        rival.overcome(laterNs);
        assertTrue(rival.isAlive(laterNs + 1));
    }
}
