/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.routing.Encapsulation;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** By the loopback of wherever this runs. Needs no privilege. */
final class RehearsalTest {
    /** More than one round's: so it did not end at the first one that a packet was lost from. */
    private static final long MANY_PACKETS = 1_000;

    @ParameterizedTest
    @CsvSource({"VXLAN,false,false", "VXLAN,true,false", "VXLAN,true,true", "BARE_IP,false,true"})
    void shouldBringPacketsBackToTheHostWhenItRuns(
            final Encapsulation encapsulation, final boolean hasOffload, final boolean hasBatches)
            throws InterruptedException {
        try (Rehearsal rehearsal = new Rehearsal(encapsulation, hasOffload, hasBatches)) {
            final long packets = rehearsal.run(TimeUnit.MINUTES.toNanos(1));
            assertTrue(packets > MANY_PACKETS, packets + " packets came back");
        }
    }
}
