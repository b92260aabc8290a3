/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.Errno;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.RefusedCalls;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.cli.WeftCommand;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** By what pods' packets come to weftd, and what is left of that. */
@RequiresRoot
class PodPortTest {
    private static final long TIMEOUT_MS = Await.TIMEOUT_MS;
    private static final String READY = "ready: weft.1 forwards";
    private static final String MAC = "02:00:00:00:00:0a";
    private static final String WITHOUT_TUN = "mount -t tmpfs none /dev/net && ";

    /** As in a container that may configure the network, and no more. */
    private static final String UNPRIVILEGED = WITHOUT_TUN
            + "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && "
            + "exec setpriv --bounding-set=-all,+net_admin,+net_raw --inh-caps=-all ";

    @TempDir
    private Path directory = Path.of(".");

    private final Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);

    @BeforeEach
    void setUp() throws IOException {
        topology.kernelVxlan(peer);
        WeftdProcess.leases(directory, WeftdProcess.lease(node, MAC), WeftdProcess.lease(peer));
        KernelVxlan.of(peer).addPeer(node.subnet(), node.subnetBase(), MAC, node.underlayAddress());
    }

    @AfterEach
    void tearDown() {
        topology.close();
    }

    private BackgroundProcess start(final String... options) {
        return WeftdProcess.start(node, directory, options);
    }

    private BackgroundProcess startReady(final String... options) {
        return start(options).awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
    }

    /** Starts it behind shell commands, which end with a word that takes a command. */
    private BackgroundProcess startAfter(final String commands, final String... options) {
        final String[] weftd = WeftdProcess.command(
                directory,
                Stream.concat(
                                Stream.of(
                                        "--registry=file:" + directory.resolve("leases.json"),
                                        "--iface=" + node.underlayDevice()),
                                Stream.of(options))
                        .toArray(String[]::new));
        return node.namespace()
                .start(Stream.concat(
                                Stream.of("unshare", "--mount", "sh", "-c", commands + "\"$@\"", "sh"),
                                Stream.of(weftd))
                        .toArray(String[]::new));
    }

    private String deviceKind() {
        final String shown = node.namespace().ip("-details", "-oneline", "link", "show", "dev", "weft.1");
        return Stream.of("tun", "veth")
                .filter(kind -> shown.contains(" " + kind + " "))
                .toList()
                .toString();
    }

    private String counters() {
        final StringWriter output = new StringWriter();
        assertEquals(
                0,
                WeftCommand.commandLine()
                        .setOut(new PrintWriter(output))
                        .execute("counters", "--run-dir=" + directory.resolve("run")));
        return output.toString();
    }

    @Test
    void shouldForwardByFrameSocketsWhereThereIsNoTunAndLittlePrivilege() throws Exception {
        final String reason = "pod port packet: open /dev/net/tun: ENOENT (no such file or directory)";
        try (BackgroundProcess weftd = startAfter(UNPRIVILEGED)) {
            weftd.awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
            assertTrue(weftd.output().contains(reason), weftd::output);
            assertFalse(weftd.output().contains("WARNING"), weftd::output);
            PodTraffic.assertCarried(node, peer, false);
            PodTraffic.assertCarried(peer, node, false);
            PodTraffic.assertToldOfNoRoute(node, weftd);
            assertTrue(counters().contains("pod port packet: open /dev/net/tun: ENOENT\n"), this::counters);
        }
    }

    /** As a sandbox masks devices that it does not want to be used. */
    @Test
    void shouldForwardByFrameSocketsWhereAnotherDeviceLiesOverTheTun() throws Exception {
        try (BackgroundProcess weftd = startAfter("mount --bind /dev/null /dev/net/tun && exec ")) {
            weftd.awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
            assertTrue(
                    weftd.output().contains("pod port packet: use /dev/net/tun as the TUN driver: ENOTTY"),
                    weftd::output);
            PodTraffic.assertCarried(node, peer, false);
        }
    }

    @Test
    void shouldChooseATunWhereThereIsOne() {
        try (BackgroundProcess weftd = startReady()) {
            assertTrue(weftd.output().contains("pod port tun: there is a TUN driver"), weftd::output);
            assertEquals("[tun]", deviceKind());
            assertTrue(counters().contains("pod port tun: there is a TUN driver"), this::counters);
        }
    }

    /** As by the seccomp profile of a container's runtime. */
    @Test
    void shouldForwardPacketByPacketWhereIoUringIsRefused() throws Exception {
        try (BackgroundProcess weftd =
                RefusedCalls.refusing(RefusedCalls.IO_URING_SETUP, Errno.EPERM, this::startReady)) {
            assertTrue(weftd.output().contains("INFO use io_uring: EPERM"), weftd::output);
            assertTrue(weftd.output().contains("kernel.io_uring_disabled"), weftd::output);
            PodTraffic.assertCarried(node, peer, false);
        }
        try (BackgroundProcess weftd = startReady("--io-uring=false")) {
            assertFalse(weftd.output().contains("io_uring"), weftd::output);
            PodTraffic.assertCarried(node, peer, false);
        }
    }

    @Test
    void shouldNameBothWaysWhenNeitherIsPossible() {
        final String before = state();
        try (BackgroundProcess weftd =
                startAfter(WITHOUT_TUN + "exec setpriv --bounding-set=-net_raw --inh-caps=-net_raw ")) {
            assertEquals(1, weftd.awaitExit(TIMEOUT_MS), weftd::output);
            final String last = weftd.output().lines().reduce("", (one, other) -> other);
            assertTrue(last.startsWith("weftd: there is no port for pods' packets: open /dev/net/tun: ENOENT"), last);
            assertTrue(last.contains("open a packet socket: EPERM"), last);
            assertTrue(last.contains("CAP_NET_RAW"), last);
        }
        assertEquals(before, state());
    }

    @Test
    void shouldTakeOverWhatAKilledDaemonLeftAndLeaveNothing() throws Exception {
        final String before = state();
        for (final String port : List.of("packet", "tun", "packet", "packet")) {
            final BackgroundProcess killed = startReady("--pod-port=" + port);
            assertEquals("tun".equals(port) ? "[tun]" : "[veth]", deviceKind());
            PodTraffic.assertCarried(node, peer, false);
            killed.process().destroyForcibly().waitFor();
        }
        try (BackgroundProcess weftd = startReady("--pod-port=tun")) {
            assertEquals("[tun]", deviceKind());
            stop(weftd);
        }
        try (BackgroundProcess weftd = startReady("--pod-port=packet")) {
            assertEquals("[veth]", deviceKind());
            stop(weftd);
        }
        assertEquals(before, state());
    }

    @Test
    void shouldTakeAwayAtTheEndOfWeftWhatAKilledDaemonLeftAndNothingThatIsInUse() throws Exception {
        try (BackgroundProcess weftd = startReady("--pod-port=packet")) {
            final String before = pair();
            assertEquals(0, uninstall(directory.resolve("another")).exitCode());
            assertEquals(before, pair(), "a daemon of another run directory reads from it");
            weftd.process().destroyForcibly().waitFor();
        }
        assertTrue(pair().contains("weft.1-far"), "a pair outlives its daemon");
        final Command.Result uninstalled = uninstall(directory);
        assertEquals(0, uninstalled.exitCode(), uninstalled::errors);
        assertEquals("", pair());
    }

    private Command.Result uninstall(final Path of) {
        return node.namespace().tryExec(WeftdProcess.command(of, "--uninstall"));
    }

    /**
     * Devices, addresses, routes and neighbours, but for the bridge, whose state comes and goes with the pods, and the guard
     * routes, which stay.
     */
    private String state() {
        final String state =
                HostState.of(node.namespace(), directory).replaceAll("(?m)^(cni0:|blackhole .* proto 87 ).*\n", "");
        return state.substring(0, state.indexOf("# iptables-save"));
    }

    private static void stop(final BackgroundProcess weftd) {
        weftd.process().destroy();
        assertEquals(0, weftd.awaitExit(TIMEOUT_MS), weftd::output);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ip link set weft.1-far down",
                "ip link set weft.1 arp on",
                "ip link set weft.1 address 02:00:00:00:00:77",
                "ip link set weft.1-far address 02:77:65:66:74:01",
                "ip link set weft.1-far mtu 600",
                "ip link delete weft.1-far",
                "ip link set weft.1 name wx", // as a .link file of udev does; of a link that is up from Linux 6.2 on
                "ip link set weft.1 netns ELSEWHERE",
            })
    void shouldPutRightWhatSomebodyChangedAtThePair(final String damage) throws Exception {
        try (BackgroundProcess weftd = startReady("--pod-port=packet")) {
            final String before = pair();
            node.namespace()
                    .exec("sh", "-c", damage.replace("ELSEWHERE", peer.pod().name()));
            Await.until(
                    () -> damage + "\n" + before + "\nis now\n" + pair() + weftd.output(),
                    TIMEOUT_MS,
                    () -> before.equals(pair()));
            PodTraffic.assertCarried(node, peer, false);
            PodTraffic.assertCarried(peer, node, false);
        }
    }

    private String pair() {
        final Command.Result near = node.namespace().tryExec("ip", "-oneline", "link", "show", "dev", "weft.1");
        final Command.Result far = node.namespace().tryExec("ip", "-oneline", "link", "show", "dev", "weft.1-far");
        return (near.output() + far.output()).replaceAll("(?m)^\\d+: ", "");
    }
}
