/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.ops.ControlSocket;
import io.weft.overlay.registry.etcd.EtcdServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** weftd in a network of flannel's udp backend, with a peer that speaks its wire format by plain calls. */
@RequiresRoot
class UdpBackendTest {
    private static final String READY = "ready: weft.0 forwards";
    private static final String CONFIG = "{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"udp\"}}";
    private static final long TIMEOUT_MS = Await.TIMEOUT_MS;
    private static final int MTU = 1500 - 28;

    @TempDir
    private Path directory = Path.of(".");

    private Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);

    @BeforeEach
    void setUp() throws IOException {
        write(CONFIG);
        for (final Topology.Node each : topology.nodes()) {
            for (final String device : new String[] {"veth0", "cni0"}) {
                each.namespace().ip("link", "set", device, "mtu", "" + MTU);
            }
            each.pod().ip("link", "set", "eth0", "mtu", "" + MTU);
        }
    }

    @AfterEach
    void tearDown() {
        topology.close();
    }

    private void write(final String config) throws IOException {
        Files.writeString(
                directory.resolve("leases.json"),
                "{\"config\":" + config + ",\"leases\":{" + lease(node) + "," + lease(peer) + "}}");
    }

    private static String lease(final Topology.Node of) {
        return "\"" + of.subnet().replace('/', '-') + "\":{\"PublicIP\":\"" + of.underlayAddress() + "\"}";
    }

    private BackgroundProcess start(final String... options) {
        return WeftdProcess.start(node, directory, options);
    }

    private BackgroundProcess startReady(final String... options) {
        return start(options).awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
    }

    @Test
    void shouldCarryPodTrafficToAndFromFlannelsWireFormat() throws Exception {
        try (FlannelUdpPeer forwarder = new FlannelUdpPeer(topology, peer, node);
                BackgroundProcess weftd = startReady()) {
            PodTraffic.assertCarried(node, peer, false);
            PodTraffic.assertCarried(peer, node, false);
            assertEquals(
                    Set.of(new InetSocketAddress(node.underlayAddress(), FlannelUdpPeer.PORT)), forwarder.sources());
            assertEquals(
                    "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=" + node.bridgeAddress() + "/24\nFLANNEL_MTU=" + MTU
                            + "\nFLANNEL_IPMASQ=false\n",
                    Files.readString(directory.resolve("subnet.env")));
            final NetworkNamespace namespace = node.namespace();
            final String device = namespace.ip("-o", "address", "show", "dev", "weft.0");
            assertTrue(device.contains(node.subnetBase() + "/32"), device);
            assertTrue(namespace.ip("link", "show", "weft.0").contains("mtu " + MTU));
            assertTrue(namespace.ip("route").contains("10.244.0.0/16 dev weft.0 scope link"));
            assertTrue(
                    explanation().contains(peer.subnet() + " via " + peer.underlayAddress() + " port 8285"),
                    this::explanation);
            weftd.process().destroy();
            assertEquals(0, weftd.awaitExit(TIMEOUT_MS), weftd::output);
            assertEquals("", namespace.ip("-o", "link", "show", "type", "tun"));
        }
    }

    private String explanation() {
        try {
            return ControlSocket.ask(directory.resolve("run/weft.0.sock"), "explain " + peer.podAddress());
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /** On the way are the kernels of both nodes and the two ends of the tunnel, four routers in all. */
    @Test
    void shouldCountAsARouterAtEitherEndOfTheTunnel() throws Exception {
        try (FlannelUdpPeer forwarder = new FlannelUdpPeer(topology, peer, node);
                BackgroundProcess weftd = startReady("--healthz-ip=127.0.0.1", "--healthz-port=18082")) {
            assertTrue(ping(node, peer, 64).contains(" ttl=60 "), weftd::output);
            assertTrue(ping(peer, node, 64).contains(" ttl=60 "), weftd::output);
            assertTrue(ping(node, peer, 5).contains(" ttl=60 "));
            assertTrue(ping(peer, node, 5).contains(" ttl=60 "));
            ping(node, peer, 2);
            Await.until(weftd::output, TIMEOUT_MS, () -> 1 == drops("egress", "TTL_EXPIRED"));
            ping(peer, node, 3);
            Await.until(weftd::output, TIMEOUT_MS, () -> 1 == drops("ingress", "INNER_TTL_EXPIRED"));
            assertFalse(forwarder.sources().isEmpty());
        }
    }

    private static String ping(final Topology.Node from, final Topology.Node to, final int ttl) {
        return from.pod()
                .tryExec("ping", "-c", "1", "-W", "10", "-t", "" + ttl, to.podAddress())
                .output();
    }

    private int drops(final String direction, final String reason) {
        final String name = "weft_drop_packets_total{direction=\"" + direction + "\",reason=\"" + reason + "\"} ";
        final String metrics = node.namespace().exec("curl", "--silent", "http://127.0.0.1:18082/metrics");
        return metrics.lines()
                .filter(line -> line.startsWith(name))
                .mapToInt(line -> Integer.parseInt(line.substring(name.length())))
                .findFirst()
                .orElseThrow(() -> new AssertionError(name + "is not in " + metrics));
    }

    @Test
    void shouldCountDatagramsThatAreNoIpv4PacketsAndGoOn() throws Exception {
        final byte[] good = HexFormat.of()
                .parseHex(
                        "4500002400000000401163de" + "0af40102" + "0af40002" + "1b581b5900100000" + "0102030405060708");
        final Map<String, byte[]> bad = new LinkedHashMap<>();
        bad.put("PKT_TOO_SMALL", Arrays.copyOf(good, 19));
        bad.put("UNHANDLED_PROTO", HexFormat.of().parseHex("60" + "0000000008".repeat(9)));
        bad.put("INNER_IP_INHDR", Arrays.copyOf(good, 30));
        bad.put("IP_CSUM", with(good, 10, good[10] + 1));
        final InetSocketAddress target = new InetSocketAddress(node.underlayAddress(), FlannelUdpPeer.PORT);
        try (FlannelUdpPeer forwarder = new FlannelUdpPeer(topology, peer, node);
                BackgroundProcess weftd = startReady("--healthz-ip=127.0.0.1", "--healthz-port=18082");
                DatagramSocket sender = peer.namespace().call(() -> new DatagramSocket())) {
            for (final Map.Entry<String, byte[]> each : bad.entrySet()) {
                final byte[] datagram = each.getValue();
                sender.send(new DatagramPacket(datagram, datagram.length, target));
                Await.until(weftd::output, TIMEOUT_MS, () -> 1 == drops("ingress", each.getKey()));
            }
            assertTrue(ping(node, peer, 64).contains(" ttl=60 "), weftd::output);
            assertFalse(forwarder.sources().isEmpty());
        }
    }

    private static byte[] with(final byte[] bytes, final int offset, final int value) {
        final byte[] changed = bytes.clone();
        changed[offset] = (byte) value;
        return changed;
    }

    @Test
    void shouldTellAPodThatItsDestinationHasNoRoute() {
        try (BackgroundProcess weftd = startReady()) {
            PodTraffic.assertToldOfNoRoute(node, weftd);
        }
    }

    /**
     * The kernel calls a process as the file that it runs is called. With the rights that bin/weftd leaves of root's, weftd may not
     * see what one has open that has all of them.
     */
    @ParameterizedTest
    @CsvSource({"+all,''", "'-all,+net_admin,+net_raw,+sys_nice','a process that weftd may not look into, most likely '"
    })
    void shouldNameAFlanneldThatStillOwnsThePort(final String bounding, final String doubt) throws Exception {
        final Path flanneld =
                Files.copy(Path.of("/usr/bin/perl"), directory.resolve("flanneld"), StandardCopyOption.COPY_ATTRIBUTES);
        final String script = "$s = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '" + node.underlayAddress()
                + "', LocalPort => 8285) or die; $| = 1; print qq(bound\n); sleep 3600";
        try (BackgroundProcess owner = node.namespace()
                        .start(flanneld.toString(), "-MIO::Socket::INET", "-e", script)
                        .awaitOutput("bound", TIMEOUT_MS);
                BackgroundProcess weftd = node.namespace()
                        .start(Stream.concat(
                                        Stream.of("setpriv", "--bounding-set=" + bounding, "--inh-caps=-all"),
                                        Stream.of(WeftdProcess.command(
                                                directory,
                                                "--registry=file:" + directory.resolve("leases.json"),
                                                "--iface=" + node.underlayDevice())))
                                .toArray(String[]::new))) {
            assertEquals(1, weftd.awaitExit(WeftdProcess.START_TIMEOUT_MS), weftd::output);
            final String message = "UDP port 8285 belongs to " + doubt + "flanneld, process "
                    + owner.process().pid() + ": stop it";
            assertTrue(weftd.output().contains(message), weftd::output);
        }
    }

    @Test
    void shouldRefuseASecondIpVersionByName() throws Exception {
        write("{\"Network\":\"10.244.0.0/16\",\"EnableIPv6\":true,\"IPv6Network\":\"fd00:10:244::/48\","
                + "\"Backend\":{\"Type\":\"udp\"}}");
        try (BackgroundProcess weftd = start()) {
            assertEquals(1, weftd.awaitExit(WeftdProcess.START_TIMEOUT_MS), weftd::output);
            final String message = "config.EnableIPv6 is true, and the backend udp, which carries IPv4 alone";
            assertTrue(weftd.output().contains(message), weftd::output);
        }
    }

    /** Without a backend in the configuration, flannel's is udp. Its leases have no type, and whose have one is not asked. */
    @Test
    void shouldKeepItsLeaseInEtcdAsFlannelDoes() throws Exception {
        assumeTrue(EtcdServer.isInstalled(), "needs Debian's etcd-server and etcd-client");
        final NetworkNamespace namespace = node.namespace();
        try (EtcdServer etcd = namespace.call(() -> new EtcdServer(directory))) {
            final String prefix = "/coreos.com/network/";
            final String peerKey = prefix + "subnets/" + peer.subnet().replace('/', '-');
            namespace.run(() -> etcd.ctl("put", prefix + "config", "{\"Network\":\"10.244.0.0/16\"}"));
            namespace.run(() -> etcd.ctl(
                    "put", peerKey, "{\"PublicIP\":\"" + peer.underlayAddress() + "\",\"BackendType\":\"alloc\"}"));
            try (BackgroundProcess weftd = WeftdProcess.start(
                            namespace,
                            directory,
                            "--etcd-endpoints=" + etcd.endpoint(),
                            "--iface=" + node.underlayDevice())
                    .awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS)) {
                final String values = namespace.call(() -> etcd.ctl("get", "--prefix", prefix + "subnets/"));
                final String value = "{\"PublicIP\":\"" + node.underlayAddress() + "\",\"PublicIPv6\":null}";
                assertTrue(values.lines().anyMatch(value::equals), values);
                assertTrue(explanation().contains("via " + peer.underlayAddress()), weftd::output);
            }
        }
    }

    @Test
    void shouldReachANodeWhoseLeaseNamesAnotherAddressFromThenOn() throws Exception {
        final InetAddress moved = InetAddress.getByName("192.168.100.77");
        peer.namespace().ip("address", "add", moved.getHostAddress() + "/24", "dev", peer.underlayDevice());
        try (BackgroundProcess weftd = startReady()) {
            final String lease = lease(peer).replace(peer.underlayAddress(), moved.getHostAddress());
            Files.writeString(
                    directory.resolve("leases.json"),
                    "{\"config\":" + CONFIG + ",\"leases\":{" + lease(node) + "," + lease + "}}");
            Await.until(weftd::output, TIMEOUT_MS, () -> explanation().contains("via " + moved.getHostAddress()));
        }
    }
}
