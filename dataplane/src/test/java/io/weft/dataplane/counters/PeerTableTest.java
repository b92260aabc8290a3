/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.counters;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.address.IpAddress;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.agrona.CloseHelper;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PeerTableTest {
    private static final IpAddress ONE = IpAddress.parse("192.168.100.1");
    private static final IpAddress TWO = IpAddress.parse("fd00:100::2");
    private static final IpAddress THREE = IpAddress.parse("192.168.100.3");
    private static final long MINUTE_MS = 60_000;

    @TempDir
    private Path directory = Path.of(".");

    private @Nullable CountersFile file;
    private PeerTable peers = PeerTable.none(1);

    /** Room for two peers. */
    @BeforeEach
    void setUp() {
        file = CountersFile.create(directory.resolve("counters"), 8, 3, 2, 42, 2);
        peers = file.peers();
    }

    @AfterEach
    void tearDown() {
        CloseHelper.close(file);
    }

    private void receive(final int peer, final int worker) {
        peers.ofWorker(worker).addReceived(peer, 1, 100);
    }

    private static String text(final List<PeerRecord> records) {
        final StringBuilder text = new StringBuilder();
        for (final PeerRecord record : records) {
            final IcmpError error = record.lastError();
            text.append(record.address())
                    .append(" sent " + record.sentPackets() + '/' + record.sentBytes())
                    .append(" received " + record.receivedPackets() + '/' + record.receivedBytes())
                    .append(" heard " + record.heardMs() + " gone " + record.goneMs() + " mtu " + record.pathMtu())
                    .append(null == error ? "" : ' ' + error.words() + " from " + error.sender())
                    .append('\n');
        }
        return text.toString();
    }

    @Test
    void shouldTellAnotherProcessWhatAllWorkersHaveCounted() {
        final int one = peers.number(ONE);
        final int two = peers.number(TWO);
        assertEquals(one, peers.number(ONE));
        assertEquals(two, peers.find(TWO));
        assertEquals(PeerTable.NOBODY, peers.find(THREE));
        peers.ofWorker(0).addSent(one, 3, 300);
        peers.ofWorker(1).addSent(one, 2, 200);
        receive(two, 1);
        peers.sample(7);
        receive(two, 0);
        peers.sample(9);
        peers.sample(11);
        peers.error(two, new IcmpError(1, 4, TWO, 10));
        peers.pathMtu(one, 1400);
        try (CountersFile read = CountersFile.open(directory.resolve("counters"))) {
            assertEquals("""
                    192.168.100.1 sent 5/500 received 0/0 heard 0 gone 0 mtu 1400
                    fd00:100::2 sent 0/0 received 2/200 heard 9 gone 0 mtu 0 port unreachable from fd00:100::2
                    """, text(read.peers().read()));
        }
    }

    @Test
    void shouldGiveTheRowOfWhoIsGoneLongestWhenThereIsNoOther() {
        final int one = peers.number(ONE);
        final int two = peers.number(TWO);
        receive(one, 0);
        peers.sample(1);
        peers.present(ONE, false);
        peers.present(TWO, false);
        peers.present(THREE, false); // of which nothing is known
        assertEquals(PeerTable.NOBODY, peers.number(THREE), "a data thread may have the numbers still");
        peers.present(TWO, true); // one that comes again is as it was
        peers.sample(2 + MINUTE_MS);
        assertEquals(one, peers.number(THREE));
        assertEquals(two, peers.number(TWO));
        assertEquals(PeerTable.NOBODY, peers.find(ONE));
        assertEquals("""
                192.168.100.3 sent 0/0 received 0/0 heard 0 gone 0 mtu 0
                fd00:100::2 sent 0/0 received 0/0 heard 0 gone 0 mtu 0
                """, text(peers.read()));
    }

    private String check(final int index) {
        final PeerRecord peer = peers.read().get(index);
        final PathCheck check = peer.check();
        return (null == check ? "none" : check.state().label() + " " + check.timeMs() + " rtt " + check.rttNs())
                + " mtu " + peer.pathMtu();
    }

    @Test
    void shouldForgetACheckThatNobodyRepeatsInTime() {
        final int one = peers.number(ONE);
        final int two = peers.number(TWO);
        peers.check(one, new PathCheck(PathState.FABRIC_MTU, 1_000, 0), 1300);
        peers.check(two, new PathCheck(PathState.OK, 2_000, 77), 0);
        peers.forgetChecks(1_900, 900);
        assertEquals("fabric-mtu 1000 rtt 0 mtu 1300", check(0));
        peers.forgetChecks(1_901, 900);
        assertEquals("none mtu 0", check(0));
        assertEquals("ok 2000 rtt 77 mtu 0", check(1));
        peers.forgetChecks(500, 900); // the clock was set back
        assertEquals("none mtu 0", check(1));
        final Map<PathState, Integer> counts = new EnumMap<>(PathState.class);
        peers.countStates(counts);
        assertEquals(Map.of(PathState.UNCHECKED, 2), counts);
    }

    @Test
    void shouldKnowNothingOfTheWayToWhoComesAgain() {
        final int one = peers.number(ONE);
        peers.check(one, new PathCheck(PathState.FABRIC_MTU, 1_000, 0), 1300);
        assertEquals("fabric-mtu 1000 rtt 0 mtu 1300", check(0));
        peers.present(ONE, false);
        peers.present(ONE, true);
        assertEquals("none mtu 0", check(0));
    }

    /** As with another MAC, or one subnet more. */
    @Test
    void shouldKnowNothingOfAWayThatIsAnotherNow() {
        final int one = peers.number(ONE);
        peers.present(ONE, true);
        final long then = peers.changes();
        assertTrue(peers.isAsOf(one, then));
        peers.check(one, new PathCheck(PathState.FABRIC_MTU, 1_000, 0), 1300);
        peers.number(TWO);
        peers.present(TWO, true);
        assertEquals("fabric-mtu 1000 rtt 0 mtu 1300", check(0));
        assertTrue(peers.isAsOf(one, then));
        peers.present(ONE, true);
        assertEquals("none mtu 0", check(0));
        assertFalse(peers.isAsOf(one, then));
        assertTrue(peers.isAsOf(one, peers.changes()));
    }

    @Test
    void shouldCountOnWhereAnotherProcessHasStopped() {
        peers.ofWorker(1).addSent(peers.number(ONE), 5, 500);
        receive(peers.number(TWO), 1);
        peers.sample(3);
        try (CountersFile next = CountersFile.create(directory.resolve("next"), 8, 3, 1, 43, 4)) {
            next.peers().number(TWO);
            final Runnable continuing = next.continuing(Objects.requireNonNull(file));
            continuing.run();
            peers.ofWorker(0).addSent(peers.number(ONE), 1, 50);
            continuing.run();
            next.peers().sample(5);
            assertEquals("""
                    fd00:100::2 sent 0/0 received 1/100 heard 3 gone 0 mtu 0
                    192.168.100.1 sent 6/550 received 0/0 heard 0 gone 2 mtu 0
                    """, text(next.peers().read()));
        }
    }
}
