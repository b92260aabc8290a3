/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.address.IpPrefix;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.PathCheck;
import io.weft.dataplane.counters.PathState;
import io.weft.dataplane.counters.PeerRecord;
import io.weft.dataplane.counters.RecentCounters;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.overlay.ping.HostWay;
import io.weft.overlay.ping.PathResult;
import io.weft.overlay.ping.PathResults;
import io.weft.overlay.record.CountersRecord;
import io.weft.overlay.record.PeerPath;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PathEvidenceTest {
    private static final IpAddress PEER = IpAddress.parse("192.168.100.2");
    private static final PathResult SILENT = PathResults.silent(HostWay.TUNNEL);

    /** Counters by which nothing was sent to the peer, and so many packets were dropped. */
    private static CountersRecord counters(final DropReason reason, final long dropped) {
        final int typeId = WorkerCounters.DROP_TYPE_ID_BASE + reason.id();
        return new CountersRecord(
                0,
                0,
                0,
                List.of(new CountersRecord.Sample(typeId, 0, reason.name(), dropped)),
                List.of(new PeerRecord(PEER, 0, 0, 0, 0, 0, 0, 0, null, null)));
    }

    private static PathEvidence asked(final DropReason reason) {
        return PathEvidence.asked(SILENT, 0, counters(reason, 3), counters(reason, 4));
    }

    /**
     * The peer is 192.168.100.2 with 10.244.1.0/24, and all is well with 192.168.100.3 and 10.244.2.0/24. What is cut short, as while
     * it is written, speaks for nobody.
     */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "VXLAN_VNI_NOT_FOUND |                                               | true",
                "VXLAN_VNI_NOT_FOUND | 192.168.100.2                                 | true",
                "VXLAN_VNI_NOT_FOUND | 192.168.100.3, inside 10.244.2.5 > 10.244.0.2 | false",
                "VXLAN_VNI_NOT_FOUND | 192.168.100.4, inside 10.244.3.5 > 10.244.0.2 | true",
                "VXLAN_VNI_NOT_FOUND | 192.168.100.3, inside 10.244.2.5 > 10.24      | true",
                "UNKNOWN_SENDER      | 192.0.2.9, inside 10.244.1.5 > 10.244.0.2     | true",
                "UNKNOWN_SENDER      | 192.0.2.9, inside 10.244.2.5 > 10.244.0.2     | false",
                "UNKNOWN_SENDER      | 192.0.2.9, inside 10.244.7.5 > 10.244.0.2     | false",
                "UNKNOWN_SENDER      | 192.0.2.9                                     | false",
                "UNKNOWN_SENDER      |                                               | true",
                "NEIGH_FAILED        | 10.244.0.2 > 10.244.1.5                       | true",
                "NEIGH_FAILED        | 10.244.0.2 > 10.244.2.5                       | false",
                "UNDERLAY_REFUSED    | packet to 192.168.100.3                       | false",
                "UNDERLAY_REFUSED    | 10.244.0.2 > 10.244.1.5, to 192.168.100.2     | true"
            })
    void shouldAcquitAPeerOnlyByWhatIsOfOneThatIsWell(
            final DropReason reason, final @Nullable String offender, final boolean expected) {
        final PeerPath path = new PeerPath("weft.1", PEER, IpPrefix.parse("10.244.1.0/24"));
        final PeerPath well = new PeerPath("weft.1", IpAddress.parse("192.168.100.3"), IpPrefix.parse("10.244.2.0/24"));
        assertEquals(
                expected, PathEvidence.mayBeOf(path, reason, Objects.requireNonNullElse(offender, ""), List.of(well)));
    }

    /** A fault that is mended does not stand first among the causes of the next one. */
    @ParameterizedTest
    @CsvSource({"90999, ''", "91000, OTHERHOST", "101000, OTHERHOST"})
    void shouldSuspectWhatWasDroppedSinceTheCheckBeganAlone(final long lastMs, final String expected) {
        final int typeId = WorkerCounters.DROP_TYPE_ID_BASE + DropReason.OTHERHOST.id();
        final CountersRecord counters = new CountersRecord(
                0,
                0,
                0,
                List.of(
                        new CountersRecord.Sample(RecentCounters.MINUTE_TYPE_ID + typeId, -1, "", 7),
                        new CountersRecord.Sample(RecentCounters.LAST_TYPE_ID + typeId, -1, "", lastMs)),
                List.of());
        final PathCheck check = new PathCheck(PathState.OVERLAY, 100_000, 0);
        assertEquals(expected, PathEvidence.suspects(counters, check, SILENT.path(), List.of()));
    }

    @Test
    void shouldTellWhatWasDroppedOnTheWayOut() {
        final PathEvidence evidence = asked(DropReason.IP_OUTNOROUTES);
        assertTrue(evidence.isSentNothing());
        assertTrue(evidence.egressDrops().startsWith("IP_OUTNOROUTES ("), evidence::egressDrops);
    }

    /** The host asks for routers when a device comes up, just while a peer is asked. */
    @Test
    void shouldNotTakeWhatTheHostSendsToAGroupForItsQuestion() {
        final PathEvidence evidence = asked(DropReason.MULTICAST);
        assertTrue(evidence.isSentNothing());
        assertEquals("", evidence.egressDrops());
    }
}
