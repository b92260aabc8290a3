/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What weftd receives by, and what becomes of it, with a kernel VXLAN node as its peer. */
@RequiresRoot
class UnderlayPortTest {
    private static final long TIMEOUT_MS = Await.TIMEOUT_MS;
    private static final String READY = "ready: weft.1 forwards";

    @TempDir
    private Path directory = Path.of(".");

    private final Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);
    private final NetworkNamespace namespace = node.namespace();

    @BeforeEach
    void setUp() throws Exception {
        topology.kernelVxlan(peer);
        WeftdProcess.leases(directory, WeftdProcess.lease(node), WeftdProcess.lease(peer));
    }

    @AfterEach
    void tearDown() {
        topology.close();
    }

    /** Without the packet socket that sees superframes leave. */
    private BackgroundProcess start(final String... options) {
        final List<String> all = new ArrayList<>(List.of(options));
        all.add("--tunnel-offload=OFF");
        return WeftdProcess.start(node, directory, all.toArray(String[]::new))
                .awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
    }

    /** All workers' messages by packet socket. */
    private long packetMessages() {
        return counted(DataPlaneCounter.INGRESS_PACKET_MESSAGES);
    }

    private long counted(final DataPlaneCounter counter) {
        final AtomicLong sum = new AtomicLong();
        try (CountersFile file = CountersFile.open(directory.resolve("run/weft.1.counters"))) {
            file.reader().forEach((value, id, label) -> {
                if (counter.label().equals(label)) {
                    sum.addAndGet(value);
                }
            });
        }
        return sum.get();
    }

    private List<String> labels() {
        final List<String> labels = new ArrayList<>();
        try (CountersFile file = CountersFile.open(directory.resolve("run/weft.1.counters"))) {
            file.reader().forEach((value, id, label) -> labels.add(label));
        }
        return labels;
    }

    /** The packet sockets of the namespace, a line each. */
    private List<String> packetSockets() {
        final List<String> lines = new ArrayList<>(
                namespace.exec("cat", "/proc/net/packet").lines().toList());
        return lines.subList(1, lines.size());
    }

    private void awaitReached(final BackgroundProcess weftd) {
        Await.until(weftd::output, TIMEOUT_MS, () -> PodTraffic.reaches(peer, node, false));
    }

    @ParameterizedTest
    @CsvSource({
        "--underlay-port=udp, weft.1 receives and sends by UDP: --underlay-port says so",
        "--underlay-port=auto, weft.1 receives and sends by UDP: measured"
    })
    void shouldReceiveByUdpAndSayWhy(final String option, final String said) throws Exception {
        try (BackgroundProcess weftd = start(option)) {
            assertTrue(weftd.output().contains(said), weftd::output);
            awaitReached(weftd);
            assertEquals(0, packetMessages());
            assertEquals(0, counted(DataPlaneCounter.EGRESS_PACKET_MESSAGES));
            assertEquals(List.of(), packetSockets());
            final String remark = said.replace("weft.1 receives and sends by UDP", "underlay port udp");
            assertTrue(labels().stream().anyMatch(label -> label.startsWith(remark)), () -> labels().toString());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void shouldReceiveByPacketSocketsAndLeaveNoneBehind(final int workers) throws Exception {
        takeOnlyTheHostsTtl();
        try (BackgroundProcess weftd = start("--underlay-port=packet", "--workers=" + workers)) {
            assertTrue(weftd.output().contains("weft.1 receives by packet socket on uA"), weftd::output);
            assertEquals(workers, packetSockets().size(), () -> packetSockets().toString());
            awaitReached(weftd);
            PodTraffic.assertCarried(peer, node, false);
            PodTraffic.assertCarried(node, peer, false);
            assertTrue(packetMessages() > 0);
            assertTrue(counted(DataPlaneCounter.EGRESS_PACKET_MESSAGES) > 0);
            assertEquals(0, counted(DataPlaneCounter.EGRESS_PACKET_REFUSALS));
            assertTrue(neighbours().contains(" managed "), this::neighbours);
        }
        assertEquals(List.of(), packetSockets());
        assertFalse(neighbours().contains(" managed "), this::neighbours);
    }

    /** Frames that routers between the nodes would drop come to nobody. */
    private void takeOnlyTheHostsTtl() {
        final NetworkNamespace receiver = peer.namespace();
        receiver.exec("nft", "add", "table", "ip", "ttl");
        receiver.exec("nft", "add chain ip ttl input { type filter hook input priority 0 ; }");
        receiver.exec("nft", "add rule ip ttl input udp dport 8472 ip ttl != 64 drop");
    }

    /** What passes the host's IP stack by would pass by IPsec too. */
    @Test
    void shouldSendByUdpWhileTheHostHasIpsecPolicies() throws Exception {
        try (BackgroundProcess weftd = start("--underlay-port=packet")) {
            awaitReached(weftd);
            Await.until(weftd::output, TIMEOUT_MS, () -> {
                PodTraffic.reaches(node, peer, false);
                return counted(DataPlaneCounter.EGRESS_PACKET_MESSAGES) > 0;
            });
            namespace.ip("xfrm", "policy", "add", "dst", "203.0.113.1/32", "dir", "out", "action", "allow");
            weftd.awaitOutput("the host has IPsec policies", TIMEOUT_MS);
            final String remark = "underlay port packet, sends by udp: the host has IPsec policies";
            Await.until(remark, TIMEOUT_MS, () -> labels().stream().anyMatch(label -> label.startsWith(remark)));
            final long before = counted(DataPlaneCounter.EGRESS_PACKET_MESSAGES);
            PodTraffic.assertCarried(node, peer, false);
            assertEquals(before, counted(DataPlaneCounter.EGRESS_PACKET_MESSAGES));

            namespace.ip("xfrm", "policy", "flush");
            Await.until(weftd::output, TIMEOUT_MS, () -> {
                PodTraffic.reaches(node, peer, false);
                return counted(DataPlaneCounter.EGRESS_PACKET_MESSAGES) > before;
            });
            assertTrue(
                    labels().contains(
                                    "underlay port packet: as --underlay-port says; the host's firewall does not see it"),
                    () -> labels().toString());
        }
    }

    /** Rules that weftd sets itself are no reason to warn; whoever sets others is told once which of them have no effect here. */
    @Test
    void shouldWarnOfEachRuleThatThePacketSocketPassesByAlsoIfItComesLater() throws Exception {
        namespace.exec("iptables-legacy", "-A", "INPUT", "-s", "203.0.113.0/24", "-j", "DROP");
        final String legacy =
                "passes the host's firewall by: chain INPUT of table ip filter (legacy) has a rule for UDP"
                        + " port 8472, or that may concern it: drop";
        final String nft = "passes the host's firewall by: chain c of table inet t drops what it does not accept";
        try (BackgroundProcess weftd = start("--underlay-port=packet")) {
            weftd.awaitOutput(legacy, TIMEOUT_MS);
            namespace.exec("iptables-legacy", "-D", "INPUT", "-s", "203.0.113.0/24", "-j", "DROP");
            final String quiet = "underlay port packet: as --underlay-port says; the host's firewall does not see it";
            Await.until(() -> labels().toString(), TIMEOUT_MS, () -> labels().contains(quiet));
            weftd.awaitOutput("The packet socket on uA passes no rule of the host's firewall by any more", TIMEOUT_MS);
            namespace.exec("nft", "add", "table", "inet", "t");
            namespace.exec("nft", "add chain inet t c { type filter hook output priority 0; policy drop; }");
            weftd.awaitOutput(nft, TIMEOUT_MS);
            final String remark =
                    "the host's firewall does not see it, which has rules that may concern it: chain c of table";
            Await.until(
                    () -> labels().toString(),
                    TIMEOUT_MS,
                    () -> labels().stream().anyMatch(label -> label.contains(remark)));
            namespace.exec("nft", "delete", "table", "inet", "t");
            Await.until(() -> labels().toString(), TIMEOUT_MS, () -> labels().contains(quiet));
            assertEquals(
                    2,
                    weftd.output()
                            .lines()
                            .filter(line -> line.contains("passes the host's firewall by"))
                            .count(),
                    weftd::output);
        }
    }

    private String neighbours() {
        return namespace.exec("ip", "neigh", "show", "dev", node.underlayDevice());
    }

    @Test
    void shouldLeaveNoneBehindWhenKilled() throws Exception {
        kill("--underlay-port=packet");
        try (BackgroundProcess weftd = start("--underlay-port=udp")) {
            awaitReached(weftd);
            assertEquals(List.of(), packetSockets());
            assertFalse(neighbours().contains(" managed "), this::neighbours);
        }
        kill("--underlay-port=packet");
        namespace.exec(WeftdProcess.command(directory, "--uninstall"));
        assertFalse(neighbours().contains(" managed "), this::neighbours);
    }

    /** Once it has all that it could leave. */
    private void kill(final String option) throws Exception {
        try (BackgroundProcess weftd = start(option)) {
            Await.until(this::neighbours, TIMEOUT_MS, () -> neighbours().contains(" managed "));
            weftd.process().destroyForcibly().waitFor();
            Await.until(
                    () -> packetSockets().toString(),
                    TIMEOUT_MS,
                    () -> packetSockets().isEmpty());
        }
    }

    @Test
    void shouldFollowTheInterfaceThatIsMadeAnew() throws Exception {
        try (BackgroundProcess weftd = start("--underlay-port=packet")) {
            awaitReached(weftd);
            namespace.ip("link", "set", node.underlayDevice(), "down");
            weftd.awaitOutput("interface uA is down", TIMEOUT_MS);
            namespace.ip("link", "set", node.underlayDevice(), "up");
            final long before = packetMessages();
            awaitReached(weftd);
            assertTrue(packetMessages() > before, "the same interface");

            namespace.ip("link", "delete", node.underlayDevice()); // the peer's device and its VXLAN go with it
            weftd.awaitOutput("no interface matches --iface=uA", TIMEOUT_MS);
            namespace.vethTo(node.underlayDevice(), peer.namespace(), peer.underlayDevice(), topology.mtu());
            peer.namespace().ip("address", "add", peer.underlayAddress() + "/24", "dev", peer.underlayDevice());
            topology.kernelVxlan(peer);
            namespace.ip("address", "add", node.underlayAddress() + "/24", "dev", node.underlayDevice());
            weftd.awaitOutput("uA was made anew: received by packet socket again", TIMEOUT_MS);
            final long anew = packetMessages();
            awaitReached(weftd);
            PodTraffic.assertCarried(peer, node, false);
            assertTrue(packetMessages() > anew, "another interface");
            assertEquals(1, packetSockets().size(), () -> packetSockets().toString());
        }
    }

    /** Another interface that leads to the node is not the underlay's: what comes by it comes by UDP. */
    @Test
    void shouldReceiveWhatComesByAnotherInterface() throws Exception {
        try (BackgroundProcess weftd = start("--underlay-port=packet")) {
            awaitReached(weftd);
            namespace.vethTo("other0", peer.namespace(), "other1", topology.mtu());
            namespace.ip("address", "add", "192.168.101.1/24", "dev", "other0");
            namespace.sysctl("net/ipv4/conf/all/rp_filter", 0);
            namespace.sysctl("net/ipv4/conf/other0/rp_filter", 0);
            peer.namespace().ip("address", "add", "192.168.101.2/24", "dev", "other1");
            peer.namespace().ip("route", "add", node.underlayAddress() + "/32", "via", "192.168.101.1");
            peer.namespace()
                    .bridge(
                            "fdb",
                            "replace",
                            node.vtepMac(),
                            "dev",
                            KernelVxlan.DEVICE,
                            "dst",
                            node.underlayAddress(),
                            "via",
                            "other1",
                            "self",
                            "permanent");
            final long before = packetMessages();
            awaitReached(weftd);
            PodTraffic.assertCarried(peer, node, false);
            assertEquals(before, packetMessages());
        }
    }

    @Test
    void shouldEndWithTheRemedyWhenItMayNotOpenPacketSockets() throws Exception {
        final List<String> command =
                new ArrayList<>(List.of("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"));
        command.addAll(List.of(WeftdProcess.command(
                directory,
                "--registry=file:" + directory.resolve("leases.json"),
                "--iface=" + node.underlayDevice(),
                "--underlay-port=packet")));
        try (BackgroundProcess weftd = namespace.start(command.toArray(String[]::new))) {
            assertEquals(1, weftd.awaitExit(TIMEOUT_MS), weftd::output);
            assertTrue(weftd.output().contains("--underlay-port=packet: open a packet socket: EPERM"), weftd::output);
            assertTrue(weftd.output().contains("It needs capability CAP_NET_RAW, or choose udp"), weftd::output);
        }
    }
}
