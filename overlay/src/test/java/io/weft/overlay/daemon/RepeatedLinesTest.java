/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.daemon;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Milliseconds since 1970 that the test sets. */
class RepeatedLinesTest {
    private static final String TROUBLE = "WARNING the disk is full";

    private final RepeatedLines lines = new RepeatedLines();

    @Test
    void shouldSayOnceAMinuteHowOftenTheSameCameAndWhen() {
        assertTrue(lines.isNew(TROUBLE, 0));
        assertTrue(lines.isNew("WARNING another", 0));
        for (int second = 10; second < 60; second += 10) {
            assertFalse(lines.isNew(TROUBLE, second * 1_000L));
        }
        assertEquals(List.of(), lines.due(59_999));
        assertEquals(
                List.of(TROUBLE + " count=5 first=1970-01-01T00:00:10Z last=1970-01-01T00:00:50Z"), lines.due(60_000));
        assertFalse(lines.isNew(TROUBLE, 61_000));
        assertEquals(List.of(), lines.due(119_000));
        assertEquals(
                List.of(TROUBLE + " count=1 first=1970-01-01T00:01:01Z last=1970-01-01T00:01:01Z"), lines.due(120_000));
    }

    @Test
    void shouldTakeLinesForOneTroubleThatDifferInTheNumbersOfTheirFields() {
        assertTrue(lines.isNew(TROUBLE + " device=weft.1 bytes=12", 0));
        assertFalse(lines.isNew(TROUBLE + " device=weft.1 bytes=13", 1_000));
        assertTrue(lines.isNew(TROUBLE + " device=blue.1 bytes=12", 1_000), "another device");
        assertTrue(lines.isNew(TROUBLE + " 2 device=weft.1 bytes=12", 1_000), "a number of the words");
        assertEquals(
                List.of(TROUBLE
                        + " device=weft.1 bytes=13 count=1 first=1970-01-01T00:00:01Z last=1970-01-01T00:00:01Z"),
                lines.due(60_000));
    }

    @Test
    void shouldSayAtOnceWhatComesAgainAfterAMinuteOfSilence() {
        assertTrue(lines.isNew(TROUBLE, 0));
        assertTrue(lines.isNew(TROUBLE, 60_000));
        assertEquals(List.of(), lines.due(120_001));
        assertTrue(lines.isNew(TROUBLE, 120_002));
    }

    @Test
    void shouldGoOnWhereTheClockIsSetBack() {
        assertTrue(lines.isNew(TROUBLE, 100_000));
        assertTrue(lines.isNew(TROUBLE, 5_000));
        assertFalse(lines.isNew(TROUBLE, 6_000));
        assertEquals(1, lines.due(65_000).size());
    }

    @Test
    void shouldTakeBoundedMemory() {
        for (int i = 0; i <= RepeatedLines.LINES_MAX; i++) {
            assertTrue(lines.isNew("WARNING trouble " + i, i));
        }
        assertTrue(lines.isNew("WARNING trouble 0", 1_000), "forgotten for others");
        assertFalse(lines.isNew("WARNING trouble " + RepeatedLines.LINES_MAX, 1_000));
    }
}
