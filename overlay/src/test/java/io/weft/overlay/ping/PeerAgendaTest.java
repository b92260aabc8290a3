/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.ping;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class PeerAgendaTest {
    private static final String DEVICE = "weft.1";
    private static final IpAddress ONE = IpAddress.parse("192.168.100.2");
    private static final IpAddress TWO = IpAddress.parse("192.168.100.3");
    private static final long LONG_NS = TimeUnit.HOURS.toNanos(1);

    private final PeerAgenda agenda = new PeerAgenda();

    @Test
    void shouldGiveThoseThatHaveChangedOnceAndTogether() throws InterruptedException {
        agenda.changed(DEVICE, Set.of(ONE), 1, 0);
        agenda.changed(DEVICE, Set.of(TWO), 2, LONG_NS);
        assertEquals(Map.of(DEVICE, Set.of(ONE, TWO)), agenda.await(System.nanoTime() + LONG_NS));
        assertEquals(Map.of(), agenda.await(System.nanoTime()));
    }

    @Test
    void shouldNotGiveThemBeforeTheirTime() throws InterruptedException {
        agenda.changed(DEVICE, Set.of(ONE), 1, LONG_NS);
        assertEquals(Map.of(), agenda.await(System.nanoTime()));
    }

    /** A check that began with the second has nothing to say of what the third has changed. */
    @Test
    void shouldTellWhoHasChangedSinceACheckBegan() {
        agenda.changed(DEVICE, Set.of(ONE), 2, LONG_NS);
        assertEquals(2, agenda.changes(DEVICE));
        assertFalse(agenda.isChangedSince(DEVICE, ONE, 2));
        agenda.changed(DEVICE, Set.of(TWO), 3, LONG_NS);
        assertEquals(3, agenda.changes(DEVICE));
        assertFalse(agenda.isChangedSince(DEVICE, ONE, 2));
        assertTrue(agenda.isChangedSince(DEVICE, TWO, 2));
        assertFalse(agenda.isChangedSince("weft-v6.1", TWO, 2));
    }

    @Test
    void shouldEndWhereItIsInterrupted() {
        Thread.currentThread().interrupt();
        assertThrows(InterruptedException.class, () -> agenda.await(System.nanoTime()));
    }
}
