/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.stats;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.linux.testing.Await;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.junit.jupiter.api.Test;

class CpuTimeTest {
    private static final double EXACT = 1e-9;

    @Test
    void shouldCountWorkAndNotIdleTimeOfTheMachine() {
        final String stat = """
                cpu  100 20 300 4000 50 6 7 8 9 10
                cpu0 1 2 3 4 5 6 7 8 9 10
                """;

        assertEquals((100 + 20 + 300 + 6 + 7 + 8) / 100.0, CpuTime.machineSeconds(stat), EXACT);
    }

    @Test
    void shouldCountUserAndSystemTimeWhenTheNameOfTheProcessHasSpacesAndParentheses() {
        final String stat = "42 (a b) (c) S 1 42 42 0 -1 4194560 900 0 3 0 250 50 0 0 20 0 30 0 12345 1 2 3";

        assertEquals(3.0, CpuTime.processSeconds(stat), EXACT);
    }

    private static double processSeconds(final long pid) {
        try {
            return CpuTime.processSeconds(pid);
        } catch (final IOException ex) {
            throw new UncheckedIOException(ex);
        }
    }

    @Test
    void shouldSeeThisProcessWork() throws IOException {
        final long pid = ProcessHandle.current().pid();
        final double before = CpuTime.processSeconds(pid);

        Await.until("more work than " + before + " s", Await.TIMEOUT_MS, () -> processSeconds(pid) > before);
    }
}
