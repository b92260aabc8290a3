/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.dataplane.ingress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.agent.Doorbell;
import io.weft.dataplane.capture.Captures;
import io.weft.dataplane.capture.Tap;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.dataplane.testing.CraftedPacket;
import io.weft.dataplane.testing.InvokedNode;
import io.weft.dataplane.testing.NodeCounters;
import io.weft.dataplane.testing.PodTun;
import io.weft.dataplane.testing.ScriptedBatchHost;
import io.weft.dataplane.testing.ScriptedHost;
import io.weft.encap.ChecksumState;
import io.weft.encap.FrameHeader;
import io.weft.encap.IpPacket;
import io.weft.linux.testing.CloseAll;
import io.weft.routing.RewriteBlock;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whoever reads what the host is given has a turn before a socket's buffer is full, and all frames come in their order. */
class DeliveryBurstTest {
    /** What net.core.rmem_default is where nobody has set it; a datagram of 64 bytes is charged 768 of it at most. */
    private static final int SOCKET_BUFFER_LENGTH = 212_992;

    private static final int MAX_CHARGE_OF_SMALL = 768;
    private static final int DATAGRAMS = 2048;
    private static final int IP_OFFSET = 22;
    private static final long TURN_NS = DeliveryBurst.PATIENCE_NS / 5;

    private final IngressRing ring =
            new IngressRing(4, DATAGRAMS, FrameHeader.ofPackets(), true, RewriteBlock.TUNNEL_HEADER_LENGTH);
    private final List<Integer> writtenAtTurns = new ArrayList<>();
    private long nowNs;

    private void deliver(final ScriptedHost host, final byte[] packet, final int gsoSize, final int count)
            throws Exception {
        deliver(host, packet, gsoSize, count, count, sender -> {});
    }

    /**
     * @param atATime how many of them come from the underlay at once.
     * @param between what is done after each time.
     */
    private void deliver(
            final ScriptedHost host,
            final byte[] packet,
            final int gsoSize,
            final int count,
            final int atATime,
            final Consumer<IngressSender> between)
            throws Exception {
        try (CloseAll resources = new CloseAll()) {
            final IngressSender sender = sender(host, resources.add(new Doorbell()));
            for (int done = 0; done < count; done += atATime) {
                publish(packet, gsoSize, atATime, false);
                while (sender.hasWork()) {
                    sender.doWork();
                }
                between.accept(sender);
            }
            assertEquals(count, host.written().size());
        }
    }

    private IngressSender sender(final ScriptedHost host, final Doorbell doorbell) {
        final Runnable giveWay = () -> {
            writtenAtTurns.add(host.written().size());
            nowNs += TURN_NS;
        };
        return new IngressSender(
                host,
                host.framing().headerLength(),
                new DeliveryBurst(giveWay, () -> nowNs),
                ring,
                new WorkerCounters(NodeCounters.newManager(), 0),
                new Tap(new Captures(), 0),
                doorbell,
                0);
    }

    private void publish(final byte[] packet, final int gsoSize, final int count, final boolean isLastWaiting) {
        assertEquals(1, ring.claimSlots(1));
        final int ip = ring.firstSlot() * IngressRing.SLOT_LENGTH + IP_OFFSET;
        ring.arena().putBytes(ip, packet);
        final IpPacket parsed = new IpPacket();
        assertEquals(IpPacket.Fault.NONE, parsed.parse(ring.arena(), ip, packet.length, true));
        for (int i = 0; i < count; i++) {
            ring.claimFrame().superframe.begin(ring.arena(), parsed, ChecksumState.VERIFIED, gsoSize);
        }
        ring.publish(1, isLastWaiting);
    }

    private static byte[] udp(final int payloadLength) {
        return udp(InvokedNode.PEER_POD, payloadLength);
    }

    private static byte[] udp(final InetAddress to, final int payloadLength) {
        return CraftedPacket.udp(InvokedNode.POD, to, 1, 2, new byte[payloadLength])
                .bytes();
    }

    /** How many turns {@link #DATAGRAMS} small datagrams for one pod come to, of which no more than a part is given at once. */
    private int turnsOfFlood(final IngressSender sender, final boolean isLastWaiting) throws Exception {
        writtenAtTurns.clear();
        publish(udp(64), 0, DATAGRAMS, isLastWaiting);
        while (sender.hasWork()) {
            sender.doWork();
        }
        return writtenAtTurns.size();
    }

    private void deliverToOther(final IngressSender sender) throws Exception {
        publish(udp(PodTun.inet("10.244.1.78"), 64), 0, 1, false);
        sender.doWork();
    }

    /** While a pod gets more than it takes, what comes for another one is not to wait for each of its turns. */
    @Test
    void shouldEndTurnsThatOthersWaitFor() throws Exception {
        final ScriptedHost host = new ScriptedHost();
        try (CloseAll resources = new CloseAll()) {
            final IngressSender sender = sender(host, resources.add(new Doorbell()));
            final int most = (int) (DeliveryBurst.PATIENCE_NS / TURN_NS);

            deliverToOther(sender);
            assertEquals(most, turnsOfFlood(sender, false));
            assertEquals(0, turnsOfFlood(sender, true), "more waits, and all patience is spent");
            assertEquals(most, turnsOfFlood(sender, false), "nothing waited before these");
            sender.onIdle();
            assertEquals(most, turnsOfFlood(sender, true), "the thread was idle before these");

            nowNs += DeliveryBurst.PRESENCE_NS;
            assertTrue(turnsOfFlood(sender, false) > most, "the other is gone: " + writtenAtTurns);
            deliverToOther(sender);
            assertEquals(0, turnsOfFlood(sender, false), "the other is back: " + writtenAtTurns);
        }
    }

    /** Without a pause, and with no turn, for gigabytes: more than an int holds. */
    @Test
    void shouldGiveTurnsAgainHoweverMuchCameWhileTheyWereEnded() throws Exception {
        final ScriptedHost host = new ScriptedHost();
        try (CloseAll resources = new CloseAll()) {
            final IngressSender sender = sender(host, resources.add(new Doorbell()));
            deliverToOther(sender);
            assertTrue(turnsOfFlood(sender, false) > 0);
            final byte[] superframe = udp(600 * 64); // 600 datagrams, which are charged 384 000 bytes
            for (int i = 0; i < 3; i++) {
                publish(superframe, 64, DATAGRAMS, false);
                while (sender.hasWork()) {
                    sender.doWork();
                }
            }
            assertEquals(0, turnsOfFlood(sender, true), "more waits, and all patience is spent");
            assertTrue(turnsOfFlood(sender, false) > 0, "nothing waited before these");
        }
    }

    private void assertTurns(final int mostBetween, final int count) {
        int last = 0;
        for (final int written : writtenAtTurns) {
            assertTrue(written - last <= mostBetween, () -> mostBetween + " at most between turns: " + writtenAtTurns);
            last = written;
        }
        assertTrue(count - last <= mostBetween, () -> mostBetween + " at most after the last of " + writtenAtTurns);
    }

    @Test
    void shouldGiveWayBeforeASocketIsFullOfSmallDatagrams() throws Exception {
        deliver(new ScriptedHost(), udp(64), 0, DATAGRAMS);
        assertTurns(SOCKET_BUFFER_LENGTH / MAX_CHARGE_OF_SMALL / 2, DATAGRAMS);
        assertTrue(writtenAtTurns.size() < DATAGRAMS / 32, "a turn costs a system call: " + writtenAtTurns);
    }

    /** A thread that has had nothing to do has let others run: at a low rate nobody waits for a turn. */
    @Test
    void shouldNotGiveWayAgainWhenTheThreadHasBeenIdleMeanwhile() throws Exception {
        deliver(new ScriptedHost(), udp(64), 0, DATAGRAMS, 64, sender -> {});
        assertTrue(writtenAtTurns.size() > 10, "as always: " + writtenAtTurns);
        writtenAtTurns.clear();
        deliver(new ScriptedHost(), udp(64), 0, DATAGRAMS, 64, IngressSender::onIdle);
        assertEquals(List.of(), writtenAtTurns);
    }

    @Test
    void shouldWriteWhatWasCollectedBeforeItGivesWay() throws Exception {
        final ScriptedBatchHost host = new ScriptedBatchHost(new ScriptedHost().framing());
        deliver(host, udp(64), 0, DATAGRAMS);
        assertTurns(SOCKET_BUFFER_LENGTH / MAX_CHARGE_OF_SMALL / 2, DATAGRAMS);
    }

    /** Each of these is 600 datagrams: alone more than a socket holds, and still each is written. */
    @Test
    void shouldCountTheDatagramsOfASuperframeThatCameWhole() throws Exception {
        deliver(new ScriptedHost(), udp(600 * 64), 64, 5);
        assertEquals(List.of(1, 2, 3, 4), writtenAtTurns);
    }

    @ParameterizedTest
    @CsvSource({"0", "1000"})
    void shouldNotGiveWayForWhatHoldsItsSenderBack(final int gsoSize) throws Exception {
        final byte[] tcp = CraftedPacket.tcp(
                        InvokedNode.POD, InvokedNode.PEER_POD, 1, 2, 1, 0x10, new byte[0], new byte[3000])
                .bytes();
        deliver(new ScriptedHost(), tcp, gsoSize, DATAGRAMS);
        assertEquals(List.of(), writtenAtTurns);
    }
}
