/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.bench.machine.Machine;
import io.weft.bench.traffic.Iperf;
import io.weft.bench.traffic.PeerProxy;
import io.weft.bench.traffic.Ping;
import io.weft.linux.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@RequiresRoot
class LabTest {
    private static final Weftd NO_WEFTD = new Weftd(List.of(), List.of(), "", "");

    private final String prefix = "weft-labtest-" + ProcessHandle.current().pid();

    @AfterEach
    void shouldLeaveNoNamespace() {
        assertFalse(Command.run("ip", "netns", "list").contains(prefix));
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void shouldCarryBytesBetweenAllPodsOverTheKernelsVxlan(final int nodeCount) throws IOException {
        try (Lab lab = new Lab(prefix)) {
            lab.up(nodeCount);
            try (Overlay overlay = new Overlay(lab)) {
                overlay.start(Collections.nCopies(nodeCount, DataPlane.KERNEL), NO_WEFTD);
                final Node from = lab.node(0);
                final Node to = lab.node(nodeCount - 1);
                try (PeerProxy near = PeerProxy.start(from);
                        PeerProxy far = PeerProxy.start(to)) {
                    near.tcp(to, 1_000_000);
                    near.udp(to, 1, 100);
                    far.udp(from, 1_400, 1_430);
                }
                Ping.exchange(from, to, List.of(1, 1_423));
            }
        }
    }

    @Test
    void shouldGiveTcpTheCongestionControlThatWasAskedFor() throws IOException {
        final List<String> there = Machine.congestionControls();
        try (Lab lab = new Lab(prefix)) {
            lab.up(2);
            try (Overlay overlay = new Overlay(lab)) {
                overlay.start(List.of(DataPlane.KERNEL, DataPlane.KERNEL), NO_WEFTD);
                try (Iperf iperf = Iperf.start(lab.node(0), lab.node(1))) {
                    for (final String name : there) {
                        lab.congestionControl(name);
                        assertEquals(name, iperf.tcp(1, 1).congestionControl());
                    }
                }
            }
        }

        assertTrue(there.contains("reno"), there::toString); // which each kernel has
    }

    /** Of those that are not on this machine the test is skipped. */
    @ParameterizedTest
    @EnumSource(names = {"SINGLE", "OVS", "WIREGUARD_GO", "WIREGUARD"})
    void shouldForwardBetweenTwoNodesByWhatIsNoVxlanOfFlannel(final DataPlane plane) throws IOException {
        assumeTrue(plane.missing().isEmpty(), () -> plane + ": " + plane.missing());
        final List<Process> processes = new ArrayList<>();
        try (Lab lab = new Lab(prefix)) {
            lab.up(2);
            try (Overlay overlay = new Overlay(lab)) {
                overlay.start(List.of(plane, plane), NO_WEFTD);
                overlay.userspaceNodes().forEach(node -> processes.add(overlay.process(node)));
                try (PeerProxy near = PeerProxy.start(lab.node(0));
                        PeerProxy far = PeerProxy.start(lab.node(1))) {
                    near.tcp(lab.node(1), 1_000_000);
                    far.tcp(lab.node(0), 1_000_000);
                }
            }
        }

        assertEquals(plane.isProcess() ? 2 : 0, processes.size());
        assertTrue(processes.stream().noneMatch(Process::isAlive), "a process is left");
    }

    @ParameterizedTest
    @EnumSource(Offload.class)
    void shouldSetWhatTheUnderlayOffloads(final Offload offload) {
        try (Lab lab = new Lab(prefix)) {
            lab.up(2);
            lab.offload(offload);

            final String features = Command.run(lab.node(1).inNode("ethtool", "-k", Node.UNDERLAY_DEVICE));
            assertEquals(Offload.PASSTHROUGH == offload, features.contains("\ntx-udp_tnl-segmentation: on"));
            assertEquals(Offload.PLAIN != offload, features.contains("\ntx-udp-segmentation: on"));
            assertEquals(Offload.PLAIN == offload, features.contains("\ngeneric-receive-offload: on"));
        }
    }

    @Test
    void shouldTellWhatTheDataPlaneSaidWhenItDoesNotStart() throws IOException {
        try (Lab lab = new Lab(prefix)) {
            lab.up(2);
            try (Overlay overlay = new Overlay(lab)) {
                final Weftd broken =
                        new Weftd(List.of("sh", "-c", "echo no such option >&2; exit 2"), List.of(), "", "");

                final Command.CommandException ex = assertThrows(
                        Command.CommandException.class,
                        () -> overlay.start(List.of(DataPlane.WEFT, DataPlane.KERNEL), broken));

                assertEquals("node A: the data plane ended with status 2: no such option", ex.getMessage());
            }
        }
    }

    @Test
    void shouldStartTheDaemonWithTwoCapabilitiesWhenItHasAUser() throws IOException {
        try (Lab lab = new Lab(prefix)) {
            lab.up(2);
            try (Overlay overlay = new Overlay(lab)) {
                // Its arguments begin with the interface, which is $0; the run directory is to be made in the lab's.
                final String says =
                        "id -un; grep -E '^Cap(Eff|Bnd)' /proc/self/status; mkdir \"${4#*=}\" && echo made; exit 2";
                final Weftd daemon = new Weftd(List.of("sh", "-c", says), List.of(), "", "nobody");

                assertThrows(
                        Command.CommandException.class,
                        () -> overlay.start(List.of(DataPlane.WEFT, DataPlane.KERNEL), daemon));

                assertEquals(
                        List.of("nobody", "CapEff:\t0000000000003000", "CapBnd:\t0000000000003000", "made"),
                        overlay.said(lab.node(0)).lines().toList());
            }
        }
    }

    /** Skipped where control groups are not this machine's to make. */
    @Test
    void shouldStartTheDaemonWithAPartOfTheCpus() throws IOException {
        assumeTrue(
                Stream.of("/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cgroup.subtree_control")
                        .anyMatch(file -> Files.isWritable(Path.of(file))),
                "no control groups can be made");
        try (Lab lab = new Lab(prefix)) {
            lab.up(2);
            final List<String> groups;
            try (CpuLimit limit = new CpuLimit(prefix, 0.1);
                    Overlay overlay = new Overlay(lab)) {
                final String says = "echo $WEFT_JAVA_OPTS; cat /proc/self/cgroup; exit 2";
                final Weftd daemon = new Weftd(List.of("sh", "-c", says), List.of(), "", "").under(limit);

                assertThrows(
                        Command.CommandException.class,
                        () -> overlay.start(List.of(DataPlane.WEFT, DataPlane.KERNEL), daemon));

                final String said = overlay.said(lab.node(0));
                assertTrue(said.contains("-XX:ActiveProcessorCount=1"), said);
                assertTrue(said.contains(":/" + prefix + "-"), said);
                groups = groups();
                assertEquals(1, groups.size());
                final String quota = Command.run(
                        "sh", "-c", "cat \"$0\"/cpu.max \"$0\"/cpu.cfs_quota_us 2>/dev/null || true", groups.get(0));
                assertTrue(List.of("10000 100000", "10000").contains(quota.strip()), quota);
            }
            assertEquals(List.of(), groups());
        }
    }

    private List<String> groups() {
        return Command.run("find", "/sys/fs/cgroup", "-maxdepth", "2", "-type", "d", "-name", prefix + "-*")
                .lines()
                .toList();
    }

    @Test
    void shouldRemoveWhatWasMadeWhenAStepFails() {
        try (Lab first = new Lab(prefix);
                Lab second = new Lab(prefix)) {
            first.up(2);

            assertThrows(Command.CommandException.class, () -> second.up(2));
            assertTrue(Command.run("ip", "netns", "list").contains(prefix + "-nodeA"));
        }
    }
}
