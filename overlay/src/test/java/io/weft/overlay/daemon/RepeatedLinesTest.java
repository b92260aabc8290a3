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

    /** Who has several peers to look after is told of each. */
    @Test
    void shouldTakeLinesForTroublesOfTheirOwnThatNameOthersInTheirFields() {
        for (int peer = 2; peer < 5; peer++) {
            assertTrue(lines.isNew(TROUBLE + " peer=192.168.100." + peer + " packets=7", 0), "each peer");
        }
        assertTrue(lines.isNew(TROUBLE + " peer=fd00:100::2 packets=7", 0));
        assertFalse(lines.isNew(TROUBLE + " peer=192.168.100.3 packets=8", 1_000));
        assertEquals(
                List.of(TROUBLE + " peer=192.168.100.3 packets=8"
                        + " count=1 first=1970-01-01T00:00:01Z last=1970-01-01T00:00:01Z"),
                lines.due(60_000));
    }

    /** As where thousands of nodes have the same trouble every second. */
    @Test
    void shouldNotFloodTheLogWithTroublesThatAreAllDifferent() {
        final int peers = 3 * RepeatedLines.LINES_MAX;
        int written = 0;
        for (int second = 0; second < 60; second++) {
            for (int peer = 0; peer < peers; peer++) {
                written += lines.isNew(TROUBLE + " peer=p" + peer, second * 1_000L) ? 1 : 0;
            }
            assertEquals(List.of(), lines.due(second * 1_000L));
        }
        assertEquals(RepeatedLines.LINES_MAX, written);
        final List<String> due = lines.due(60_000);
        assertEquals(RepeatedLines.LINES_MAX + 1, due.size());
        assertEquals(TROUBLE + " peer=p0 count=59 first=1970-01-01T00:00:01Z last=1970-01-01T00:00:59Z", due.get(0));
        assertEquals(
                "WARNING more than 256 troubles a minute, others are not written; the last of them: " + TROUBLE
                        + " peer=p767 count=" + 60 * (peers - RepeatedLines.LINES_MAX)
                        + " first=1970-01-01T00:00:00Z last=1970-01-01T00:00:59Z",
                due.get(due.size() - 1));
    }

    @Test
    void shouldHaveRoomAgainForOthersAfterAMinute() {
        for (int i = 0; i < RepeatedLines.LINES_MAX; i++) {
            assertTrue(lines.isNew("WARNING trouble " + i, i));
        }
        assertFalse(lines.isNew("WARNING another", 1_000), "no room");
        assertFalse(lines.isNew("WARNING trouble 0", 1_000), "known");
        assertTrue(lines.isNew("WARNING another", 60_001), "the place of trouble 1, a minute ago");
        assertEquals(
                List.of(
                        "WARNING trouble 0 count=1 first=1970-01-01T00:00:01Z last=1970-01-01T00:00:01Z",
                        "WARNING more than 256 troubles a minute, others are not written; the last of them:"
                                + " WARNING another count=1 first=1970-01-01T00:00:01Z last=1970-01-01T00:00:01Z"),
                lines.due(61_000));
    }
}
