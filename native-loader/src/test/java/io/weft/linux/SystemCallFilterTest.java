/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.management.ManagementFactory;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SystemCallFilterTest {
    private static final int CALLS = 20_000;
    private static final int GOES = 9;

    /** Some microseconds of multiplications, beside a call that takes a tenth of one or, where calls are dear, one or two. */
    @Test
    void shouldHaveCallsSucceedAndTakeLonger() {
        final CompletableFuture<long[]> both = CompletableFuture.supplyAsync(
                () -> {
                    final long withoutNs = leastOfCallsNs();
                    SystemCallFilter.delaying(SystemCallFilter.MAX_MULTIPLICATIONS)
                            .applyToThread();
                    SystemCallFilter.delaying(SystemCallFilter.MAX_MULTIPLICATIONS)
                            .applyToThread();
                    return new long[] {withoutNs, leastOfCallsNs()};
                },
                task -> new Thread(task).start());
        final long withoutNs = both.join()[0];
        final long withNs = both.join()[1];
        assertTrue(
                withNs > 1.5 * withoutNs, () -> withoutNs + " ns without a filter, " + withNs + " ns with two of them");
    }

    /** What the thread alone took for some calls, in the best of several goes, whatever else the machine does. */
    private static long leastOfCallsNs() {
        long leastNs = Long.MAX_VALUE;
        try (EventFd event = new EventFd()) {
            for (int go = 0; go < GOES; go++) {
                final long startNs = threadNs();
                for (int i = 0; i < CALLS; i++) {
                    event.clear();
                }
                leastNs = Math.min(leastNs, threadNs() - startNs);
            }
            event.signal();
            final Poller poller = new Poller(1);
            poller.set(0, event.fd(), Poller.POLLIN);
            assertEquals(1, poller.poll(0));
        }
        return leastNs;
    }

    private static long threadNs() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, SystemCallFilter.MAX_MULTIPLICATIONS + 1})
    void shouldTakeNoMoreThanTheKernelTakes(final int multiplications) {
        assertThrows(IllegalArgumentException.class, () -> SystemCallFilter.delaying(multiplications));
    }
}
