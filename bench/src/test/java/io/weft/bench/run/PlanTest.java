/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.run;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.bench.lab.Offload;
import java.util.List;
import org.junit.jupiter.api.Test;

class PlanTest {
    private static final List<Offload> OFFLOADS = List.of(Offload.values());

    @Test
    void shouldMeasureAllPairingsInFiveRoundsWhenNothingIsAskedFor() {
        final Plan plan = Plan.of(false, List.of(), OFFLOADS, List.of(), 0, 0, 0, null);

        assertEquals(List.of(Pairing.values()), plan.pairings());
        assertEquals(List.of(Measure.values()), plan.measures());
        assertEquals(5, plan.rounds(Pairing.SINGLE));
        assertEquals(OFFLOADS, plan.lossFreeOffloads());
    }

    @Test
    void shouldSearchInOneSettingAndMeasureTheBaselineOnceWhenQuick() {
        final Plan plan = Plan.of(true, List.of(), OFFLOADS, List.of(), 0, 0, 0, null);

        assertEquals(List.of(Offload.PASSTHROUGH), plan.lossFreeOffloads());
        assertEquals(Measure.values().length - 11, plan.measures().size());
        assertEquals(1, plan.rounds(Pairing.SINGLE));
        assertEquals(2, plan.rounds(Pairing.WEFT));
    }

    @Test
    void shouldCompareWithTheKernelAloneWhenQuickAndNarrow() {
        final Plan plan = Plan.of(true, List.of(), List.of(Offload.SEGMENT), List.of(Measure.TCP1), 0, 0, 0, null);

        assertEquals(List.of(Pairing.WEFT, Pairing.KERNEL), plan.pairings());
        assertEquals(3, plan.rounds());
        assertEquals(3, plan.seconds());
    }

    @Test
    void shouldDoWhatIsAskedForWhenQuick() {
        final Plan plan = Plan.of(true, List.of(Pairing.KERNEL), OFFLOADS, List.of(), 7, 9, 0, null);

        assertEquals(List.of(Pairing.KERNEL), plan.pairings());
        assertEquals(7, plan.rounds());
        assertEquals(9, plan.seconds());
    }
}
