/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.machine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
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
    void shouldSayWhatIsImitatedAndWhatIsNot() throws IOException {
        final MachineCosts asItIs = new MachineCosts(150, OptionalDouble.of(1_400), OptionalDouble.empty(), 40, 5);
        final MachineCosts imitated = new MachineCosts(1_010, OptionalDouble.of(4_000), OptionalDouble.empty(), 30, 4);
        final Map<String, String> machine = Machine.describe(asItIs, imitated);
        assertEquals("0.15 µs; imitated: 1.01 µs (wake-ups are not imitated)", machine.get("system call"));
        assertEquals("1.40 µs; with imitated calls: 4.00 µs", machine.get("wake-up on the same core"));
        assertEquals("30.0 GB/s", machine.get("copy within L2"));
        assertEquals(
                List.copyOf(Machine.describe(imitated).keySet()),
                List.copyOf(machine.keySet()),
                "names in their order");
    }

    @Test
    void shouldFindThatNothingIsForFree() {
        final MachineCosts costs = MachineCosts.measure();
        assertTrue(costs.systemCallNs() > 0, costs::toString);
        assertTrue(costs.wakeUpSameNs().orElse(1) > 0, costs::toString);
        assertTrue(costs.copyNear() > 0 && costs.copyFar() > 0, costs::toString);
    }
}
