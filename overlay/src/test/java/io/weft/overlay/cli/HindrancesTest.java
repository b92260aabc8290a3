/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import io.weft.dataplane.counters.PathCheck;
import io.weft.dataplane.counters.PathState;
import io.weft.dataplane.counters.PeerRecord;
import io.weft.overlay.json.JsonOutput;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HindrancesTest {
    private static final long CHECKED_MS = 1_000_000_000_000L;

    /**
     * What this node does not send does not arrive; an echo request that is not answered may be refused by a node whose pods' packets
     * come in.
     *
     * @param heardMs when something came from the peer last, counted from the check's end.
     */
    @ParameterizedTest
    @CsvSource({
        "LOCAL, 60000, NO",
        "ROUTE, 60000, NO",
        "MAC, 60000, NO",
        "FABRIC, 60000, UNKNOWN",
        "OVERLAY, 60000, UNKNOWN",
        "OVERLAY, -3000, UNKNOWN",
        "OVERLAY, -30000, NO",
        "FABRIC, -30000, NO",
        "FABRIC_MTU, -30000, YES",
        "OVERLAY_MTU, -30000, YES",
        "OK, -30000, YES",
        "UNCHECKED, -30000, YES"
    })
    void shouldTakeForLostWhatIsNotSentOrHadNoAnswerOfAnyKind(
            final PathState state, final long heardMs, final Arrival expected) {
        final PathCheck check = new PathCheck(state, CHECKED_MS, 0);
        final PeerRecord peer =
                new PeerRecord(IpAddress.parse("192.168.100.2"), 1, 1, 1, 1, CHECKED_MS + heardMs, 0, 0, null, check);
        assertEquals(expected, Hindrances.arrival(peer, check));
    }

    @ParameterizedTest
    @CsvSource({
        "YES, YES, YES, true, 0",
        "YES, UNKNOWN, UNKNOWN, null, 3",
        "UNKNOWN, YES, UNKNOWN, null, 3",
        "UNKNOWN, NO, NO, false, 1",
        "NO, YES, NO, false, 1"
    })
    void shouldArriveIfNothingSpeaksAgainstIt(
            final Arrival one, final Arrival other, final Arrival both, final String json, final int exitCode) {
        assertEquals(both, one.and(other));
        assertEquals(exitCode, both.exitCode());
        final String printed = JsonOutput.of(new ExplainCommand.Answer(false, one.and(other), List.of(), null).json());
        assertTrue(printed.contains("\"arrives\":" + json + ","), printed);
    }
}
