/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpPrefix;
import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.RecentCounters;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.overlay.record.CountersRecord;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DropsFindingTest {
    private static CountersRecord.Sample inMinute(final DropReason reason, final long count) {
        final int typeId = RecentCounters.MINUTE_TYPE_ID + WorkerCounters.DROP_TYPE_ID_BASE + reason.id();
        return new CountersRecord.Sample(typeId, -1, reason.name(), count);
    }

    private static CountersRecord.Sample last(final DropReason reason, final String offender) {
        return new CountersRecord.Sample(CountersFile.REMARK_TYPE_ID, -1, "last " + reason + ": from " + offender, 1);
    }

    private static Finding finding(final CountersRecord.Sample... samples) {
        return findingAt(0, samples);
    }

    /** @param nowMs by the daemon's clock. */
    private static Finding findingAt(final long nowMs, final CountersRecord.Sample... samples) {
        return new DropsFinding(
                        List.of(IpPrefix.parse("10.244.0.0/16"), IpPrefix.parse("fd00:10:244::/48")),
                        List.of(new CountersRecord(0, nowMs, 0, List.of(samples), List.of())),
                        List.of())
                .finding();
    }

    /** Who has mended it need not wait for the minute to end. */
    @ParameterizedTest
    @CsvSource({
        "120000, false, 'in the last minute ('",
        "120001, true, 'in the last minute, none for 20 s ('",
        "150000, true, 'in the last minute, none for 50 s ('"
    })
    void shouldTakeForAFaultWhatGoesOn(final long nowMs, final boolean isOk, final String words) {
        final int typeId = RecentCounters.LAST_TYPE_ID + WorkerCounters.DROP_TYPE_ID_BASE + DropReason.OTHERHOST.id();
        final Finding finding =
                findingAt(nowMs, inMinute(DropReason.OTHERHOST, 7), new CountersRecord.Sample(typeId, -1, "", 100_000));
        assertEquals(isOk, finding.isOk(), finding::text);
        assertTrue(finding.text().startsWith("7 OTHERHOST " + words), finding::text);
    }

    /** Of a node whose lease is missing; of a stranger, who may be scanning; of a monitor or of a single look. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "10  | 192.168.100.9, inside 10.244.7.2 > 10.244.0.2                    | false",
                "10  | fd00:100::9, inside fd00:10:244:7::2 > fd00:10:244::2            | false",
                "9   | 192.168.100.9, inside 10.244.7.2 > 10.244.0.2                    | true",
                "900 | 198.51.100.9, inside 198.51.100.9 > 10.244.0.2                   | true",
                "900 | 198.51.100.9                                                     | true",
                "900 | 198.51.100.9, inside 10.244.7                                    | true",
            })
    void shouldTakeAnUnknownSenderForAFaultIfItSendsPacketsOfPods(
            final long count, final String offender, final boolean isOk) {
        final Finding finding =
                finding(inMinute(DropReason.UNKNOWN_SENDER, count), last(DropReason.UNKNOWN_SENDER, offender));
        assertEquals(isOk, finding.isOk(), finding::text);
        assertTrue(finding.text().startsWith(count + " UNKNOWN_SENDER in the last minute ("), finding::text);
        assertTrue(finding.text().contains("--ingress-allow admits it"), finding::text);
        assertTrue(finding.text().endsWith(" (the last from " + offender + ")"), finding::text);
    }

    /** As where the host of one node leads packets for another by a third one. */
    @ParameterizedTest
    @CsvSource({"10, false", "9, true"})
    void shouldTakePodsOfAnotherNodeForAFault(final long count, final boolean isOk) {
        final Finding finding = finding(
                inMinute(DropReason.OTHER_NODES_SOURCE, count),
                last(DropReason.OTHER_NODES_SOURCE, "192.168.100.3, inside 10.244.0.2 > 10.244.1.2"));
        assertEquals(isOk, finding.isOk(), finding::text);
        assertTrue(finding.text().contains("the other's own routes lead them by it"), finding::text);
    }

    @Test
    void shouldTellOfWhatIsNoFaultBesideIt() {
        assertEquals("none in the last minute", finding().text());
        final Finding finding = finding(
                inMinute(DropReason.IP_OUTNOROUTES, 2),
                last(DropReason.IP_OUTNOROUTES, "10.244.0.2 > 10.244.9.2"),
                inMinute(DropReason.MULTICAST, 3),
                inMinute(DropReason.UNKNOWN_SENDER, 1),
                last(DropReason.UNKNOWN_SENDER, "198.51.100.9"));
        assertTrue(finding.isOk(), finding::text);
        assertTrue(
                finding.text()
                        .startsWith(
                                "2 IP_OUTNOROUTES (the last 10.244.0.2 > 10.244.9.2: no lease has 10.244.9.2, start weftd"
                                        + " or flanneld there if that is a pod), 3 MULTICAST in the last minute; 1 UNKNOWN_SENDER in the"
                                        + " last minute ("),
                finding::text);
    }

    /** Whoever sends what is damaged: it was a node that is known. */
    @Test
    void shouldTakeOneDamagedPacketForAFault() {
        assertFalse(finding(inMinute(DropReason.IP_CSUM, 1)).isOk());
    }
}
