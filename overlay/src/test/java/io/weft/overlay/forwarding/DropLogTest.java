/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.weft.dataplane.counters.DropReason;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Minutes of a clock that the test sets. */
class DropLogTest {
    private final DropLog log = new DropLog("weft.1", 0);
    private final Map<DropReason, Long> dropped = new EnumMap<>(DropReason.class);

    private List<String> look(final long seconds) {
        return log.look(
                TimeUnit.SECONDS.toNanos(seconds),
                reason -> dropped.getOrDefault(reason, 0L),
                reason -> DropReason.UNKNOWN_SENDER == reason ? "192.0.2.9, inside 10.0.0.1 > 10.0.0.2" : "");
    }

    @Test
    void shouldTellOnceAMinuteOfDropsThatGoOnAndOfNoOthers() {
        dropped.put(DropReason.IP_OUTNOROUTES, 5L);
        dropped.put(DropReason.MULTICAST, 1L);
        assertEquals(List.of(), look(59));
        assertEquals(List.of(), look(60), "they may pass");
        dropped.put(DropReason.IP_OUTNOROUTES, 12L);
        assertEquals(List.of(), look(119));
        assertEquals(
                List.of(
                        "drops go on, 7 packets in the last minute: no route to the destination; the sender was told by ICMP."
                                + " device=weft.1 reason=IP_OUTNOROUTES direction=egress packets=7 total=12"),
                look(120));
        assertEquals(List.of(), look(180), "they have passed");
    }

    /** The host's router solicitations, of which {@code weft status} says that all is well. */
    @Test
    void shouldNotTellOfWhatIsForGroups() {
        for (int minute = 1; minute <= 3; minute++) {
            dropped.put(DropReason.MULTICAST, 4L * minute);
            assertEquals(List.of(), look(TimeUnit.MINUTES.toSeconds(minute)));
        }
    }

    @Test
    void shouldNotTellOfWhatAProcessBeforeHasDropped() {
        dropped.put(DropReason.IP_OUTNOROUTES, 5L);
        log.begin(reason -> dropped.getOrDefault(reason, 0L));
        assertEquals(List.of(), look(60));
        dropped.put(DropReason.IP_OUTNOROUTES, 6L);
        assertEquals(List.of(), look(120), "it may pass");
    }

    @Test
    void shouldNameTheLastOffender() {
        dropped.put(DropReason.UNKNOWN_SENDER, 1L);
        look(60);
        dropped.put(DropReason.UNKNOWN_SENDER, 3L);
        final String line = String.join("\n", look(125));
        assertEquals(
                "drops go on, 2 packets in the last minute: outer source is of no lease and no Node;"
                        + " the last from 192.0.2.9, inside 10.0.0.1 > 10.0.0.2. device=weft.1 reason=UNKNOWN_SENDER"
                        + " direction=ingress packets=2 total=3 offender=\"192.0.2.9, inside 10.0.0.1 > 10.0.0.2\"",
                line);
    }
}
