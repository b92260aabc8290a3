/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.PathCheck;
import io.weft.dataplane.counters.PathState;
import io.weft.dataplane.counters.PeerRecord;
import io.weft.dataplane.counters.ThreadCounter;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.overlay.json.JsonOutput;
import io.weft.overlay.record.CountersRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TopScreenTest {
    private static final IpAddress LONG = IpAddress.parse("2001:db8:1111:2222:3333:4444:5555:6666");
    private static final IpAddress SHORT = IpAddress.parse("192.168.100.2");

    private static CountersRecord.Sample sample(final DataPlaneCounter counter, final long value) {
        return new CountersRecord.Sample(counter.id(), 0, counter.label(), value);
    }

    private static PeerRecord peer(final IpAddress address, final long times, final long goneMs) {
        final PathCheck check = SHORT.equals(address)
                ? new PathCheck(PathState.OVERLAY_MTU, 1, 0)
                : new PathCheck(PathState.OK, 1, 123_456_789);
        return new PeerRecord(address, 10 * times, 1_000 * times, 20 * times, 2_500 * times, 0, goneMs, 0, null, check);
    }

    private static CountersRecord counters(final long times) {
        return counters(times, 0);
    }

    private static CountersRecord counters(final long times, final long startedMs) {
        return new CountersRecord(
                startedMs,
                0,
                0,
                List.of(
                        sample(DataPlaneCounter.EGRESS_FORWARDED_PACKETS, 30_000 * times),
                        sample(DataPlaneCounter.EGRESS_FORWARDED_BYTES, 45_000_000 * times),
                        sample(DataPlaneCounter.INGRESS_DELIVERED_PACKETS, 40 * times),
                        sample(DataPlaneCounter.INGRESS_DELIVERED_BYTES, 4_000 * times),
                        sample(DataPlaneCounter.INGRESS_HOST_LOSSES, 2 * times),
                        new CountersRecord.Sample(
                                WorkerCounters.DROP_TYPE_ID_BASE + DropReason.IP_INHDR.id(),
                                0,
                                DropReason.IP_INHDR.name(),
                                6 * times),
                        new CountersRecord.Sample(
                                ThreadCounter.IDLE_NS.id(), 0, ThreadCounter.IDLE_NS.label("weft-worker-0"), 0),
                        new CountersRecord.Sample(
                                ThreadCounter.BUSY_NS.id(),
                                0,
                                ThreadCounter.BUSY_NS.label("weft-worker-0"),
                                500_000_000L * times)),
                List.of(
                        peer(SHORT, times, 0),
                        peer(LONG, 100 * times, 0),
                        peer(IpAddress.parse("10.0.0.1"), times, 7)));
    }

    private static String golden(final String name) throws IOException {
        return Files.readString(Path.of("src/test/golden").resolve(name));
    }

    @Test
    void shouldShowWhatGoesOnInEightyColumns() throws IOException {
        final Map<String, Object> rates = Rates.of("weft.1", counters(1), counters(3), 2, 12);
        final List<String> lines = TopScreen.lines(rates, "live");
        assertEquals(golden("top.txt"), String.join("\n", lines) + "\n\n");
        assertTrue(lines.stream().allMatch(line -> line.length() <= 80), lines::toString);
        assertEquals(golden("top.json"), JsonOutput.of(List.of(rates)) + "\n");
    }

    @Test
    void shouldShowAsManyPeersAsAreAskedForInEachForm() {
        final Map<String, Object> rates = Rates.of("weft.1", counters(1), counters(3), 2, 1);
        final List<String> lines = TopScreen.lines(rates, "live");
        assertEquals("and 1 that have less: --peers shows more", lines.get(lines.size() - 1));
        final String json = JsonOutput.of(rates);
        assertTrue(json.contains(LONG.toString()) && json.endsWith("],\"otherPeers\":1}"), json);
        assertFalse(json.contains(SHORT.toString()), json);
    }

    @Test
    void shouldCountFromNothingWhenADaemonBeganAnew() {
        final Map<String, Object> rates = Rates.of("weft.1", counters(4, 1), counters(2, 2), 1, 12);
        assertEquals(
                "{packetsPerSecond=60000, bitsPerSecond=720000000, lossesPerSecond=0}",
                String.valueOf(rates.get("sent")));
        assertEquals("weft.1  live, began anew", TopScreen.lines(rates, "live").get(0));
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "999, 999", "1000, 1.0k", "12345, 12.3k", "999499, 999k", "250000000000, 250G"})
    void shouldSayARateInFiveCharacters(final long perSecond, final String text) {
        assertEquals(text, TopScreen.rate(perSecond));
    }
}
