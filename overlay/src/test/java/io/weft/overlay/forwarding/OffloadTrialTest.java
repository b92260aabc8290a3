/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.forwarding;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.underlay.TunnelOffload;
import io.weft.linux.KernelFeatures;
import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.host.OffloadDevice;
import io.weft.overlay.host.Underlay;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** When superframes are looked for, and what follows, by a device that cuts tunnels and a clock of the test's. */
@RequiresRoot
class OffloadTrialTest {
    private static final long SECOND_NS = TimeUnit.SECONDS.toNanos(1);
    private static final long STEP_NS = 2 * SECOND_NS;
    private static final int PORT = 8472;
    private static final int POD_MTU = 1450;

    /** In a datagram of the tunnel. */
    private static final int INNER_IP_OFFSET = 8 + 14;

    private final Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);
    private final Map<DataPlaneCounter, Long> counted = new EnumMap<>(DataPlaneCounter.class);
    private long nowNs;

    /** What is done to a trial that has begun. */
    private interface Step {
        void run(OffloadTrial trial) throws IOException;
    }

    @BeforeEach
    void setUp() {
        assumeTrue(KernelFeatures.probe().tunnelSegmentation(), "needs Linux 6.17");
    }

    @AfterEach
    void tearDown() {
        topology.close();
    }

    private void withTrial(final Step step) {
        node.namespace().run(() -> {
            try (Rtnetlink rtnetlink = Rtnetlink.open()) {
                final Link link = rtnetlink.link(node.underlayDevice()).orElseThrow();
                final Underlay underlay =
                        new Underlay(link.name(), link.index(), link.mtu(), null, null, null, null, Set.of(), false);
                final OffloadDevice device =
                        Objects.requireNonNull(OffloadDevice.open(rtnetlink, "weft.1-out", 1, List.of()));
                final TunnelOffload offload =
                        new TunnelOffload(device.queues(), List.of(new int[] {PORT}), 0, 0, POD_MTU);
                try (OffloadTrial trial = new OffloadTrial(
                        rtnetlink,
                        device,
                        offload,
                        underlay,
                        PORT,
                        counter -> counted.getOrDefault(counter, 0L),
                        () -> nowNs)) {
                    trial.run(underlay, true);
                    assertTrue(trial.isWatching(), "superframes are tried from the start");
                    step.run(trial);
                }
            }
        });
    }

    /** Whether superframes are still tried after a while in which none is seen to leave. */
    private boolean isTryingAfter(final Step step) {
        final boolean[] isTrying = new boolean[1];
        withTrial(trial -> {
            step.run(trial);
            trial.look();
            passAndLook(trial, STEP_NS);
            isTrying[0] = trial.isWatching();
            assertEquals(
                    isTrying[0], TunnelOffload.Mode.TRIAL == trial.offload().mode());
        });
        return isTrying[0];
    }

    private void passAndLook(final OffloadTrial trial, final long durationNs) {
        nowNs += durationNs;
        trial.look();
    }

    /** One is counted, and what is told from one by its inner length alone leaves until it is seen. */
    private void letSuperframesLeave(final OffloadTrial trial) throws IOException {
        assertTrue(trial.isWatching());
        countSuperframe();
        final byte[] datagram = new byte[INNER_IP_OFFSET + 20];
        ByteBuffer.wrap(datagram).put(INNER_IP_OFFSET, (byte) 0x45).putShort(INNER_IP_OFFSET + 2, (short)
                (2 * POD_MTU));
        final InetSocketAddress to = new InetSocketAddress(topology.node(1).underlayAddress(), PORT);
        try (DatagramChannel channel = DatagramChannel.open()) {
            Await.until("no superframe is seen to leave", Await.TIMEOUT_MS, () -> {
                try {
                    channel.send(ByteBuffer.wrap(datagram), to);
                } catch (final IOException failure) {
                    throw new UncheckedIOException(failure);
                }
                trial.look();
                return !trial.isWatching();
            });
        }
        assertTrue(trial.isOn());
    }

    private void countSuperframe() {
        counted.merge(DataPlaneCounter.EGRESS_OFFLOADED_FRAMES, 1L, Long::sum);
    }

    /** As when a policy of the FORWARD chain is changed under a stream: all that is handed over from then on is lost. */
    @Test
    void shouldFindOutInTwoSecondsThatNoMoreLeave() {
        withTrial(trial -> {
            for (int i = 0; i < 3; i++) {
                letSuperframesLeave(trial);
                passAndLook(trial, SECOND_NS);
            }
            countSuperframe();
            trial.look();
            assertTrue(trial.isOn());
            passAndLook(trial, SECOND_NS);
            assertFalse(trial.isOn());
        });
    }

    /** Each packet that leaves costs more meanwhile. */
    @Test
    void shouldNotAwaitForLongWhatDoesNotCome() {
        withTrial(trial -> {
            letSuperframesLeave(trial);
            passAndLook(trial, SECOND_NS);
            assertTrue(trial.isWatching());
            passAndLook(trial, SECOND_NS);
            assertFalse(trial.isWatching(), "none was handed over");
            countSuperframe();
            passAndLook(trial, 9 * SECOND_NS);
            assertFalse(trial.isWatching());
            passAndLook(trial, SECOND_NS);
            assertTrue(trial.isWatching());
            passAndLook(trial, SECOND_NS);
            passAndLook(trial, 60 * SECOND_NS);
            assertFalse(trial.isWatching(), "none was handed over since the last look");
            assertTrue(trial.isOn());
        });
    }

    @Test
    void shouldGiveUpWhatIsNotSeenToLeave() {
        assertFalse(isTryingAfter(trial -> counted.put(DataPlaneCounter.EGRESS_OFFLOADED_FRAMES, 1L)));
    }

    @ParameterizedTest
    @EnumSource(names = {"EGRESS_OFFLOADED_FRAMES", "EGRESS_OFFLOAD_REFUSALS"})
    void shouldNotTakeForItsOwnWhatTheFormerHasCounted(final DataPlaneCounter counter) {
        assertTrue(isTryingAfter(trial -> {
            counted.put(counter, 1_000L);
            trial.goOn();
        }));
    }
}
