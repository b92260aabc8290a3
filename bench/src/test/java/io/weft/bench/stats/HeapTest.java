/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.stats;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.linux.testing.Await;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class HeapTest {
    /** A field, so that the compiler cannot do without the array. */
    private byte[] garbage = {};

    @Test
    void shouldAddCollectedEdensAndTheOneAtHand() {
        final String jstat = """
                 S0C    S1C    S0U    S1U      EC       EU        OC         OU       MC     MU    CCSC   CCSU   YGC     YGCT
                1024.0 1024.0  0.0    0.0    8192.0   100.5   20480.0     0.0    4480.0 780.0  384.0   76.0       3    0.012
                """;

        assertEquals((3 * 8192 + 100.5) * 1024, Heap.allocatedBytes(jstat), 1e-6);
    }

    @Test
    void shouldAddWhatIsUsedOfEachGeneration() {
        final String jstat = """
                 S0C    S1C    S0U    S1U      EC       EU        OC         OU       MC     MU    CCSC   CCSU   YGC     YGCT
                1024.0 1024.0  1.5    2.0    8192.0   100.5   20480.0    4000.0   4480.0 780.0  384.0   76.0       3    0.012
                """;

        assertEquals(4104 * 1024, Heap.usedBytes(jstat), 1e-6);
    }

    @Test
    void shouldFindEachPauseInTheLogOfTheCollector() {
        final String log = """
                [0.010s] Using Serial
                [1.200s] GC(0) Pause Young (Allocation Failure) 17M->1M(61M) 1.234ms
                [9.900s] GC(1) Pause Full (System.gc()) 1M->1M(61M) 12.5ms
                """;

        assertEquals(List.of(1.234, 12.5), Heap.pausesMs(log));
    }

    @Test
    void shouldFindEachStopOfAllThreadsInTheLogOfEitherJdk() {
        final String log = """
                [1.234s] GC(0) Pause Young (Allocation Failure) 17M->1M(61M) 1.234ms
                [1.234s] Safepoint "GenCollectForAllocation", Time since last: 52943 ns, Reaching safepoint: 3120 ns, At safepoint: 1240000 ns, Total: 1250000 ns
                [2.345s] Safepoint "ICBufferFull", Time since last:  52943 ns, Reaching safepoint: 3120 ns, Cleanup:  10 ns, At safepoint:  12345 ns, Leaving safepoint:  20 ns, Total:     15500 ns, Threads: 1 runnable, 12 total
                """;

        assertEquals(List.of(1.25, 0.0155), Heap.stopsMs(log));
    }

    /** JDK 25 tells how full eden is only after a collection, so there has to be one. */
    @Test
    void shouldSeeWhatARunningJvmAllocates() {
        final Path javaHome = Path.of(System.getProperty("java.home"));
        final long pid = ProcessHandle.current().pid();
        final double before = Heap.allocatedBytes(javaHome, pid);
        Await.until("more allocated than " + before, Await.TIMEOUT_MS, () -> {
            for (int i = 0; i < 100_000; i++) {
                garbage = new byte[1_000];
            }
            return Heap.allocatedBytes(javaHome, pid) > before;
        });

        assertEquals(1_000, garbage.length);
    }
}
