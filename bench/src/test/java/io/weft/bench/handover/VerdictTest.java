/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.handover;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class VerdictTest {
    private static final double LATEST_MS = ScriptedHandovers.QUIET_LATEST_MS + Verdict.LATENESS_MS;

    private static List<String> missed(final Findings findings) {
        return Verdict.of(findings).stream()
                .filter(verdict -> !verdict.isKept())
                .map(verdict -> verdict.respect() + ": " + verdict.found())
                .toList();
    }

    @Test
    void shouldMissNothingUpToEachBound() {
        assertEquals(List.of(), missed(ScriptedHandovers.findings(0, LATEST_MS, 1, "", true, 0)));
    }

    @Test
    void shouldMissEachRespectInWhichPodsNoticedTheHandover() {
        assertEquals(
                List.of("no packet lost: 1 lost"), missed(ScriptedHandovers.findings(1, LATEST_MS, 1, "", true, 0)));
        assertEquals(
                List.of("no packet later than without one, and 10 ms: 13.1 ms, without 3.0 ms"),
                missed(ScriptedHandovers.findings(0, LATEST_MS + 0.1, 1, "", true, 0)));
        assertEquals(
                List.of("no more retransmission timeouts than without: 2, without 1"),
                missed(ScriptedHandovers.findings(0, LATEST_MS, 2, "", true, 0)));
        assertEquals(
                List.of("no TCP connection lost: 1 times: reset"),
                missed(ScriptedHandovers.findings(0, LATEST_MS, 1, "reset", true, 0)));
        assertEquals(
                List.of("nothing lost: with a store: 3 lost"),
                missed(ScriptedHandovers.findings(0, LATEST_MS, 1, "", true, 3)));
    }

    @Test
    void shouldSayThatAnIntervalWasTooShort() {
        assertEquals(
                List.of("restarts end within their interval (else: longer --seconds): 3 of 4"),
                missed(ScriptedHandovers.findings(0, LATEST_MS, 1, "", false, 0)));
    }
}
