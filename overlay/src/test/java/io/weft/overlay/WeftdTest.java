/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.KernelFeatures;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.cli.WeftCommand;
import io.weft.overlay.ops.ControlSocket;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.DatagramSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** weftd with a registry file, as a process among namespaces, with a kernel VXLAN node as its peer. */
@RequiresRoot
class WeftdTest {
    private static final long TIMEOUT_MS = Await.TIMEOUT_MS;
    private static final String READY = "ready: weft.1 forwards";

    @TempDir
    private Path directory = Path.of(".");

    private Topology topology = Topology.twoNodes();
    private Topology.Node node = topology.node(0);
    private Topology.Node peer = topology.node(1);
    private String peerMac = "";
    private Path leases = Path.of("leases.json");

    @BeforeEach
    void setUp() throws IOException {
        leases = directory.resolve("leases.json");
        topology.kernelVxlan(peer);
        peerMac = peer.namespace()
                .exec("cat", "/sys/class/net/" + KernelVxlan.DEVICE + "/address")
                .trim();
        write(document(node, "02:00:00:00:00:0a") + "," + document(peer, peerMac));
    }

    @AfterEach
    void tearDown() {
        topology.close();
    }

    private static String document(final Topology.Node of, final String mac) {
        return "\"" + of.subnet().replace('/', '-') + "\":{\"PublicIP\":\"" + of.underlayAddress()
                + "\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + mac + "\"}}";
    }

    private void write(final String entries) throws IOException {
        final Path fresh = Files.writeString(
                directory.resolve("fresh"),
                "{\"config\":{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}},\"leases\":{" + entries
                        + "}}");
        Files.move(fresh, leases, StandardCopyOption.ATOMIC_MOVE);
    }

    private BackgroundProcess start(final String... options) {
        final String[] all = Stream.concat(Stream.of("--registry=file:" + leases), Stream.of(options))
                .toArray(String[]::new);
        return WeftdProcess.start(node.namespace(), directory, all);
    }

    private BackgroundProcess startReady() {
        return start("--iface=" + node.underlayDevice()).awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
    }

    /** The kernel's side of the peer, programmed as flanneld would for this node's lease. */
    private void tellPeer(final String mac) {
        final NetworkNamespace namespace = peer.namespace();
        namespace.ip(
                "neigh", "replace", node.subnetBase(), "lladdr", mac, "dev", KernelVxlan.DEVICE, "nud", "permanent");
        namespace.bridge("fdb", "replace", mac, "dev", KernelVxlan.DEVICE, "dst", node.underlayAddress(), "self");
        namespace.ip("route", "replace", node.subnet(), "via", node.subnetBase(), "dev", KernelVxlan.DEVICE, "onlink");
    }

    private boolean isReached() {
        return 0
                == node.pod()
                        .tryExec("ping", "-c", "1", "-W", "1", peer.podAddress())
                        .exitCode();
    }

    private void assertFails(final int exitCode, final String message, final BackgroundProcess process) {
        assertEquals(exitCode, process.awaitExit(WeftdProcess.START_TIMEOUT_MS), process::output);
        assertTrue(process.output().contains(message), process::output);
        assertFalse(process.output().contains("\tat "), process::output);
        assertEquals("", node.namespace().ip("-o", "link", "show", "type", "tun"), "no device is left");
        assertFalse(Files.exists(directory.resolve("subnet.env")), "no subnet file is left");
        final String[] left = directory.resolve("run").toFile().list();
        assertTrue(
                null != left && 1 == left.length && left[0].matches("weftd-\\d+-\\d+\\.status"),
                () -> "not just why it failed: " + Arrays.toString(left));
    }

    @Test
    void shouldReachAKernelNodeAndTakeBackAllButTheGuardRouteWhenTold() throws Exception {
        final String before = node.namespace().ip("route");
        try (BackgroundProcess weftd = startReady()) {
            tellPeer("02:00:00:00:00:0a");
            Await.until(weftd::output, TIMEOUT_MS, this::isReached);
            assertEquals(
                    "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=" + node.bridgeAddress()
                            + "/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n",
                    Files.readString(directory.resolve("subnet.env")));
            assertTrue(node.namespace()
                    .ip("-o", "address", "show", "dev", "weft.1")
                    .contains(node.subnetBase() + "/32"));
            assertTrue(node.namespace().ip("route").contains("10.244.0.0/16 dev weft.1 scope link"));
            final String explanation =
                    ControlSocket.ask(directory.resolve("run/weft.1.sock"), "explain " + peer.podAddress());
            assertTrue(explanation.contains(peer.subnet() + " via " + peer.subnetBase()), explanation);
            assertTrue(explanation.contains(peerMac + " dst " + peer.underlayAddress()), explanation);
            weftd.process().destroy();
            assertEquals(0, weftd.awaitExit(TIMEOUT_MS), weftd::output);
        }
        assertEquals("", node.namespace().ip("-o", "link", "show", "type", "tun"));
        final String guard = "blackhole 10.244.0.0/16 proto 87 metric 2000001";
        assertEquals(
                before,
                node.namespace()
                        .ip("route")
                        .lines()
                        .filter(route -> !guard.equals(route.strip()))
                        .map(route -> route + "\n")
                        .collect(Collectors.joining()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"INFO pod port", "INFO underlay interface", "INFO own lease"})
    void shouldEndWithoutAnErrorWhenToldToStopWhileItStarts(final String line) {
        try (BackgroundProcess weftd = start("--iface=" + node.underlayDevice())) {
            weftd.awaitOutput(line, WeftdProcess.START_TIMEOUT_MS).process().destroy();
            assertEquals(0, weftd.awaitExit(TIMEOUT_MS), weftd::output);
            assertFalse(weftd.output().contains("weftd: "), weftd::output);
        }
        assertEquals("", node.namespace().ip("-o", "link", "show", "type", "tun"));
    }

    @Test
    void shouldTellWhatTheKernelLacksWhenItIsReady() {
        final KernelFeatures kernel = node.namespace().call(KernelFeatures::probe);
        try (BackgroundProcess weftd = startReady()) {
            weftd.awaitOutput("Linux " + kernel.version() + " lacks ", Await.TIMEOUT_MS);
            kernel.missing().forEach(feature -> assertTrue(weftd.output().contains(feature), weftd::output));
        }
    }

    @Test
    void shouldEndWeftExplainWhenTheDaemonIsStopped() {
        try (BackgroundProcess weftd = startReady()) {
            final String pid = String.valueOf(weftd.process().pid());
            Command.run(List.of("kill", "-STOP", pid));
            final StringWriter output = new StringWriter();
            try {
                assertEquals(
                        1,
                        WeftCommand.commandLine()
                                .setOut(new PrintWriter(output))
                                .execute("explain", "--run-dir=" + directory.resolve("run"), peer.podAddress()));
            } finally {
                Command.run(List.of("kill", "-CONT", pid));
            }
            assertTrue(output.toString().contains("process " + pid + " was stopped by a signal"), output::toString);
        }
    }

    @Test
    void shouldTellAPodThatItsDestinationHasNoRoute() throws Exception {
        try (BackgroundProcess weftd = startReady()) {
            PodTraffic.assertToldOfNoRoute(node, weftd);
        }
    }

    @Test
    void shouldFollowTheFileWhileRunning() throws Exception {
        write(document(node, "02:00:00:00:00:0a"));
        try (BackgroundProcess weftd = startReady()) {
            tellPeer("02:00:00:00:00:0a");
            assertFalse(isReached(), "the peer has no lease yet");
            write(document(node, "02:00:00:00:00:0a") + "," + document(peer, peerMac));
            Await.until(weftd::output, TIMEOUT_MS, this::isReached);
            Files.writeString(leases, "{\"config\": ");
            weftd.awaitOutput("leases.json:1:", TIMEOUT_MS);
            Await.until("a broken file changes nothing", TIMEOUT_MS, this::isReached);
        }
    }

    @Test
    void shouldStartAnewWhenItsOwnLeaseChanges() throws Exception {
        try (BackgroundProcess weftd = startReady()) {
            write(document(node, "02:00:00:00:00:0b") + "," + document(peer, peerMac));
            tellPeer("02:00:00:00:00:0b");
            Await.until(weftd::output, TIMEOUT_MS, this::isReached);
        }
    }

    @Test
    void shouldRepairWhatOthersBreak() {
        try (BackgroundProcess weftd = startReady()) {
            tellPeer("02:00:00:00:00:0a");
            node.namespace().ip("route", "delete", "10.244.0.0/16");
            Await.until(weftd::output, TIMEOUT_MS, this::isReached);
            node.namespace().ip("link", "set", "weft.1", "down");
            Await.until(weftd::output, TIMEOUT_MS, this::isReached);
            node.namespace().ip("address", "flush", "dev", "weft.1");
            Await.until(
                    weftd::output,
                    TIMEOUT_MS,
                    () -> node.namespace()
                            .ip("-o", "address", "show", "dev", "weft.1")
                            .contains(node.subnetBase() + "/32"));
            node.namespace().ip("link", "delete", "weft.1");
            Await.until(weftd::output, TIMEOUT_MS, this::isReached);
        }
    }

    @Test
    void shouldKeepABlackholeRouteWhenAskedTo() {
        final String blackhole = "blackhole " + node.subnet();
        try (BackgroundProcess weftd = start("--iface=" + node.underlayDevice(), "--ip-blackhole-route")
                .awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS)) {
            assertTrue(node.namespace().ip("route").contains(blackhole));
            assertTrue(
                    node.namespace().ip("route", "get", node.podAddress()).contains("cni0"), "the bridge's route wins");
            weftd.process().destroy();
            assertEquals(0, weftd.awaitExit(TIMEOUT_MS), weftd::output);
        }
        assertFalse(node.namespace().ip("route").contains(blackhole));
    }

    @Test
    void shouldRouteToNodesOnTheSameLinkWithoutTheTunnelWhenTheNetworkSaysSo() throws Exception {
        Files.writeString(
                leases,
                Files.readString(leases)
                        .replaceFirst("\"Type\":\"vxlan\"", "\"Type\":\"vxlan\",\"DirectRouting\":true"));
        final String route = peer.subnet() + " via " + peer.underlayAddress() + " dev " + node.underlayDevice();
        try (BackgroundProcess weftd = startReady()) {
            Await.until(
                    weftd::output,
                    TIMEOUT_MS,
                    () -> node.namespace().ip("route").contains(route));
            node.namespace().ip("route", "delete", peer.subnet());
            Await.until(
                    weftd::output,
                    TIMEOUT_MS,
                    () -> node.namespace().ip("route").contains(route));
            weftd.process().destroy();
            assertEquals(0, weftd.awaitExit(TIMEOUT_MS), weftd::output);
        }
        assertFalse(node.namespace().ip("route").contains(route));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'Network':'10.244.0.0/16','Backend':{'Type':'wireguard'}}"
                        + " | Backend.Type is \"wireguard\", weft has the backends vxlan, udp, host-gw",
                "{'Network':'10.244.0.0/16','Backend':{'Type':'vxlan','GBP':true}} | group policy bits are not supported",
            })
    void shouldNameWhatItDoesNotCarry(final String config, final String message) throws Exception {
        Files.writeString(leases, "{\"config\":" + config.replace('\'', '"') + ",\"leases\":{}}");
        assertFails(1, message, start("--iface=" + node.underlayDevice()));
    }

    /** The module is not on every machine; where it is, its settings belong to the namespace. */
    @Test
    void shouldSayWhatServicesLackWhenBridgesDoNotPassIptables() throws Exception {
        final boolean isLoaded = Files.exists(Path.of("/proc/sys/net/bridge"));
        if (isLoaded) {
            node.namespace().sysctl("net.bridge.bridge-nf-call-iptables", 0);
        }
        try (BackgroundProcess weftd = startReady()) {
            assertTrue(
                    weftd.output()
                            .contains("bridge-nf-call-iptables "
                                    + (isLoaded
                                            ? "is 0: set it to 1 (sysctl -w net.bridge.bridge-nf-call-iptables=1)"
                                            : "does not exist: load the module (modprobe br_netfilter)")),
                    weftd::output);
        }
        if (isLoaded) {
            node.namespace().sysctl("net.bridge.bridge-nf-call-iptables", 1);
            try (BackgroundProcess weftd = startReady()) {
                assertFalse(weftd.output().contains("bridge-nf"), weftd::output);
            }
        }
    }

    @Test
    void shouldNameTheKernelDeviceWhenItOwnsThePort() {
        topology.kernelVxlan(node);
        assertFails(
                1,
                "UDP port 8472 belongs to the kernel VXLAN device flannel.1 (VNI 1)",
                start("--iface=" + node.underlayDevice()));
    }

    @Test
    void shouldNameTheProcessThatOwnsThePort() {
        try (DatagramSocket owner = node.namespace().call(() -> new DatagramSocket(KernelVxlan.PORT))) {
            assertTrue(owner.isBound());
            assertFails(
                    1,
                    "UDP port 8472 belongs to java, process "
                            + ProcessHandle.current().pid() + ": stop it",
                    start("--iface=" + node.underlayDevice()));
        }
    }

    @Test
    void shouldSayHowToFindTheProcessThatOwnsThePortWhenItCannotBeSeen() {
        final String[] weftd =
                WeftdProcess.command(directory, "--registry=file:" + leases, "--iface=" + node.underlayDevice());
        try (DatagramSocket owner = node.namespace().call(() -> new DatagramSocket(KernelVxlan.PORT))) {
            assertTrue(owner.isBound());
            final Command.Result result = node.namespace()
                    .tryExec(Stream.concat(Stream.of("unshare", "--pid", "--fork", "--mount-proc"), Stream.of(weftd))
                            .toArray(String[]::new));
            assertEquals(1, result.exitCode());
            assertTrue(
                    result.errors()
                            .contains(
                                    "UDP port 8472 belongs to a process that weftd may not look into, or cannot see, as one of another"
                                            + " container: as root on the host itself, ss -lunp 'sport = :8472' names it; stop it, or,"
                                            + " where it is of another network, give one of the two another \"Port\" in the Backend"),
                    result::errors);
        }
    }

    @Test
    void shouldNameTheInterfacesWhenTheWantedOneIsMissing() {
        assertFails(1, "no interface matches --iface=eth7: there is lo, ", start("--iface=eth7"));
    }

    @Test
    void shouldNameTheInterfaceWhenItHasNoAddress() {
        node.namespace().ip("link", "add", "bare0", "type", "bridge");
        assertFails(1, "interface bare0 has no IPv4 address: give it one", start("--iface=bare0"));
    }

    @Test
    void shouldNameThePlaceWhenTheRegistryFileIsWrong() throws Exception {
        write(document(node, "02:00:00:00:00"));
        assertFails(1, "leases.json:1:", start("--iface=" + node.underlayDevice()));
    }

    @Test
    void shouldNameTheFileWhenTheSubnetFileCannotBeWritten() {
        assertFails(
                1,
                "lock /proc/version/subnet.env.weftd: ",
                start("--iface=" + node.underlayDevice(), "--subnet-file=/proc/version/subnet.env"));
    }

    @Test
    void shouldNameTheCapabilityWhenItHasNone() {
        final Command.Result result = node.namespace()
                .tryExec(Stream.concat(
                                Stream.of("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"),
                                Stream.of(WeftdProcess.command(directory, "--registry=file:" + leases)))
                        .toArray(String[]::new));
        assertEquals(1, result.exitCode());
        assertTrue(result.errors().contains("weftd has no CAP_NET_ADMIN"), result::errors);
        assertTrue(result.errors().contains("AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW"), result::errors);
    }

    @Test
    void shouldSayHowToLoadTheDriverWhenATunIsWishedForAndThereIsNone() {
        final String command = "mount -t tmpfs none /dev/net && exec \"$@\"";
        final Command.Result result = node.namespace()
                .tryExec(Stream.concat(
                                Stream.of("unshare", "--mount", "sh", "-c", command, "sh"),
                                Stream.of(
                                        WeftdProcess.command(directory, "--registry=file:" + leases, "--pod-port=tun")))
                        .toArray(String[]::new));
        assertEquals(1, result.exitCode());
        assertTrue(
                result.errors()
                        .contains(
                                "--pod-port=tun: open /dev/net/tun: ENOENT (no such file or directory). Load the driver"),
                result::errors);
    }

    @Test
    void shouldNameOptionAndRangeWhenAValueIsOutOfIt() {
        assertFails(1, "--workers=65: must be from 1 to 64", start("--workers=65"));
        assertFails(2, "Unknown option: '--wurkers=1'", start("--wurkers=1"));
    }
}
