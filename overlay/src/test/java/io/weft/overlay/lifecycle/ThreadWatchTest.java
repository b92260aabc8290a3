/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Looks without the time between them; that data threads end duty cycles while they go on, {@code AgentThreadTest} holds. */
class ThreadWatchTest {
    private static final String FIRST = "weft-worker-0 of weft.1";
    private static final String SECOND = "weft-worker-1 of weft.1";

    private final Map<String, Long> cycles = new LinkedHashMap<>(Map.of(FIRST, 0L));
    private final ThreadWatch watch = new ThreadWatch(() -> Map.copyOf(cycles));

    private void look(final int times) {
        for (int i = 0; i < times; i++) {
            watch.look();
        }
    }

    @Test
    void shouldNameTheThreadThatStandsStillUntilItGoesOn() {
        look(1);
        for (int i = 0; i < 2 * ThreadWatch.LOOKS_MAX; i++) {
            cycles.merge(SECOND, 1L, Long::sum);
            assertEquals(i >= ThreadWatch.LOOKS_MAX, !watch.trouble().isEmpty(), () -> "look " + cycles);
            watch.look();
        }
        assertTrue(watch.trouble().startsWith("data thread " + FIRST + " stands still: kill -QUIT "), watch::trouble);
        assertEquals(Set.of(FIRST), watch.stalledMs().keySet());
        cycles.merge(FIRST, 1L, Long::sum);
        look(1);
        assertEquals("", watch.trouble());
        assertEquals(Map.of(), watch.stalledMs());
    }

    @Test
    void shouldForgetAThreadThatIsNoMore() {
        look(1 + ThreadWatch.LOOKS_MAX);
        assertTrue(watch.trouble().contains(FIRST), watch::trouble);
        cycles.clear();
        look(1);
        assertEquals("", watch.trouble());
        cycles.put(FIRST, 0L);
        look(ThreadWatch.LOOKS_MAX);
        assertEquals("", watch.trouble());
    }
}
