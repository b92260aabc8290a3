/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Two that share an id would share a counter. */
class StableIdsTest {
    @Test
    void shouldGiveEachCounterAnIdOfItsOwn() {
        final int[] ids = Arrays.stream(DataPlaneCounter.values())
                .mapToInt(DataPlaneCounter::id)
                .toArray();
        assertEquals(ids.length, Arrays.stream(ids).distinct().count());
        assertTrue(Arrays.stream(ids).allMatch(id -> id < DataPlaneCounter.ID_LIMIT));
    }

    @Test
    void shouldGiveEachDropReasonAnIdOfItsOwn() {
        final int[] ids =
                Arrays.stream(DropReason.values()).mapToInt(DropReason::id).toArray();
        assertEquals(ids.length, Arrays.stream(ids).distinct().count());
        assertTrue(Arrays.stream(ids).allMatch(id -> id < DropReason.ID_LIMIT));
    }
}
