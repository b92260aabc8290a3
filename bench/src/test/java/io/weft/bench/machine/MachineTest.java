/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class MachineTest {
    @Test
    void shouldSayWhatItIsAndWhatItCosts() throws IOException {
        final Map<String, String> machine = Machine.describe(MachineCosts.measure());
        assertEquals(
                List.of(
                        "processor",
                        "virtualisation",
                        "kernel",
                        "mitigations",
                        "congestion control",
                        "Java",
                        "system call",
                        "wake-up on the same core",
                        "wake-up across cores",
                        "copy within L2",
                        "copy in memory"),
                List.copyOf(machine.keySet()));
        assertTrue(String.valueOf(machine.get("system call")).matches("\\d+\\.\\d\\d µs"), machine::toString);
        assertTrue(String.valueOf(machine.get("copy within L2")).matches("\\d+\\.\\d GB/s"), machine::toString);
    }

    @Test
    void shouldFindThatNothingIsForFree() {
        final MachineCosts costs = MachineCosts.measure();
        assertTrue(costs.systemCallNs() > 0, costs::toString);
        assertTrue(costs.wakeUpSameNs().orElse(1) > 0, costs::toString);
        assertTrue(costs.copyNear() > 0 && costs.copyFar() > 0, costs::toString);
    }
}
