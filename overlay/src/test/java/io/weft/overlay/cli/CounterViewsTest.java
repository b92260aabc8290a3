/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.RecentCounters;
import io.weft.dataplane.counters.ThreadCounter;
import io.weft.overlay.record.CountersRecord;
import io.weft.overlay.record.DeviceRecord;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CounterViewsTest {
    private static final String THREAD = "weft-worker-0";

    private static CountersRecord.Sample inMinute(final ThreadCounter counter, final long value) {
        return new CountersRecord.Sample(
                RecentCounters.MINUTE_TYPE_ID + counter.id(), -1, counter.label(THREAD), value);
    }

    private static CountersRecord counters(final long packets) {
        return new CountersRecord(
                0,
                0,
                0,
                List.of(
                        new CountersRecord.Sample(
                                RecentCounters.MINUTE_TYPE_ID + DataPlaneCounter.EGRESS_FORWARDED_PACKETS.id(),
                                0,
                                "",
                                packets),
                        inMinute(ThreadCounter.CYCLES, 400),
                        inMinute(ThreadCounter.BUSY_NS, 2_000_000),
                        new CountersRecord.Sample(
                                ThreadCounter.LONGEST_CYCLE_NS.id(),
                                -1,
                                ThreadCounter.LONGEST_CYCLE_NS.label(THREAD),
                                197_000_000)),
                List.of());
    }

    /** What an idle thread does besides is not what its few packets take. */
    @ParameterizedTest
    @CsvSource({"1000, '2.5 per cycle, 2 us each, '", "999, ''"})
    void shouldTellWhatAPacketTakesOnlyWhereThereAreMany(final long packets, final String told) {
        final DeviceRecord device = new DeviceRecord("weft.1", Path.of("."), Path.of("."));
        assertEquals(
                "weft.1 weft-worker-0: busy 0 %, " + packets + " packets in the last minute, " + told
                        + "longest stall since its start 197 ms",
                CounterViews.agentLine(CounterViews.agent(device, counters(packets), THREAD)));
    }
}
