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
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.host.OffloadDevice;
import io.weft.overlay.host.Underlay;
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

/** The first trial of a daemon whose counters go on from another's, by a device that cuts tunnels and a clock of the test's. */
@RequiresRoot
class OffloadTrialTest {
    private static final long STEP_NS = TimeUnit.SECONDS.toNanos(2);
    private static final int PORT = 8472;
    private static final int POD_MTU = 1450;

    private final Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);
    private final Map<DataPlaneCounter, Long> counted = new EnumMap<>(DataPlaneCounter.class);
    private long nowNs;

    /** What is done to a trial that has begun. */
    private interface Step {
        void run(OffloadTrial trial);
    }

    @BeforeEach
    void setUp() {
        assumeTrue(KernelFeatures.probe().tunnelSegmentation(), "needs Linux 6.17");
    }

    @AfterEach
    void tearDown() {
        topology.close();
    }

    /** Whether superframes are still tried after a while in which none is seen to leave. */
    private boolean isTryingAfter(final Step step) {
        return node.namespace().call(() -> {
            try (Rtnetlink rtnetlink = Rtnetlink.open()) {
                final Link link = rtnetlink.link(node.underlayDevice()).orElseThrow();
                final Underlay underlay =
                        new Underlay(link.name(), link.index(), link.mtu(), null, null, null, null, Set.of(), false);
                final OffloadDevice device =
                        Objects.requireNonNull(OffloadDevice.open(rtnetlink, "weft.1-out", 1, List.of()));
                final TunnelOffload offload =
                        new TunnelOffload(device.queues(), List.of(new int[] {PORT}), 0, 0, POD_MTU);
                try (OffloadTrial trial = new OffloadTrial(
                        device, offload, underlay, PORT, counter -> counted.getOrDefault(counter, 0L), () -> nowNs)) {
                    trial.run(underlay, true);
                    assertTrue(trial.isTrying(), "superframes are tried from the start");
                    step.run(trial);
                    trial.look();
                    nowNs += STEP_NS;
                    trial.look();
                    assertEquals(trial.isTrying(), TunnelOffload.Mode.TRIAL == offload.mode());
                    return trial.isTrying();
                }
            }
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
