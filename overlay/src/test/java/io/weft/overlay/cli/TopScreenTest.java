/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
        final PathCheck check = SHORT.equals(address) ? new PathCheck(PathState.OVERLAY_MTU, 1) : null;
        return new PeerRecord(address, 10 * times, 1_000 * times, 20 * times, 2_500 * times, 0, goneMs, 0, null, check);
    }

    private static CountersRecord counters(final long times) {
        return new CountersRecord(
                0,
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

    @Test
    void shouldShowWhatGoesOnInEightyColumns() {
        final Map<String, Object> rates = Rates.of("weft.1", counters(1), counters(3), 2);
        final List<String> lines = TopScreen.lines(rates, "live", 12);
        assertEquals("""
                weft.1  live
                a second   packets     bits     lost
                sent         30.0k     360M        0
                received        40    32.0k        2
                drops     6 IP_INHDR
                busy      weft-worker-0 50 %
                peer                                   sent/s  bit/s rcvd/s  bit/s check
                2001:db8:1111:2222:3333:4444:5555:6666   1.0k   800k   2.0k   2.0M unchecked
                192.168.100.2                              10   8.0k     20  20.0k overlay-mtu
                """, String.join("\n", lines) + "\n");
        assertTrue(lines.stream().allMatch(line -> line.length() <= 80), lines::toString);
        assertEquals(
                "and 1 that have less: --peers shows more",
                TopScreen.lines(rates, "live", 1).get(lines.size() - 1));
        assertEquals(
                "{\"device\":\"weft.1\",\"seconds\":2.0,\"sent\":{\"packets\":30000,\"bits\":360000000,\"lost\":0},"
                        + "\"received\":{\"packets\":40,\"bits\":32000,\"lost\":2},\"drops\":{\"IP_INHDR\":6},"
                        + "\"agents\":{\"weft-worker-0\":50},\"peers\":[{\"peer\":\"" + LONG
                        + "\",\"sentPackets\":1000,\"sentBits\":800000,\"receivedPackets\":2000,"
                        + "\"receivedBits\":2000000,\"check\":\"unchecked\"},{\"peer\":\"192.168.100.2\","
                        + "\"sentPackets\":10,\"sentBits\":8000,\"receivedPackets\":20,\"receivedBits\":20000,"
                        + "\"check\":\"overlay-mtu\"}]}",
                JsonOutput.of(rates));
    }

    @Test
    void shouldCountFromNothingWhenADaemonBeganAnew() {
        final Map<String, Object> rates = Rates.of("weft.1", counters(4), counters(2), 1);
        assertEquals("{packets=60000, bits=720000000, lost=0}", String.valueOf(rates.get("sent")));
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "999, 999", "1000, 1.0k", "12345, 12.3k", "999499, 999k", "250000000000, 250G"})
    void shouldSayARateInFiveCharacters(final long perSecond, final String text) {
        assertEquals(text, TopScreen.rate(perSecond));
    }
}
