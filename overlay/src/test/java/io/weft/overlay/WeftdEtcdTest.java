/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.registry.etcd.EtcdServer;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** weftd in flanneld's place: leases in a real etcd, which both nodes reach over the underlay. */
@RequiresRoot
class WeftdEtcdTest {
    private static final String SUBNETS = "/coreos.com/network/subnets/";
    private static final String READY = "ready: weft.1 forwards";
    private static final long TIMEOUT_MS = Await.TIMEOUT_MS;

    @TempDir
    private Path directory = Path.of(".");

    private Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);
    private @Nullable EtcdServer server;
    private String peerMac = "";

    @BeforeEach
    void setUp() throws Exception {
        assumeTrue(EtcdServer.isInstalled(), "needs Debian's etcd-server and etcd-client");
        topology.kernelVxlan(peer);
        peerMac = mac(peer.namespace());
        server = node.namespace().call(() -> new EtcdServer(directory));
        put("config", "{\"Network\":\"10.244.0.0/16\",\"SubnetMin\":\"10.244.0.0\",\"Backend\":{\"Type\":\"vxlan\"}}");
        put("subnets/" + peer.subnet().replace('/', '-'), lease(peer.underlayAddress(), peerMac));
        put("subnets/" + node.subnet().replace('/', '-'), lease(node.underlayAddress(), "02:00:00:00:00:0a"));
    }

    @AfterEach
    void tearDown() {
        if (null != server) {
            server.close();
        }
        topology.close();
    }

    private EtcdServer etcd() {
        if (null == server) {
            throw new IllegalStateException("not set up");
        }
        return server;
    }

    private static String mac(final NetworkNamespace namespace) {
        return namespace
                .exec("cat", "/sys/class/net/" + KernelVxlan.DEVICE + "/address")
                .trim();
    }

    private static String lease(final String publicIp, final String mac) {
        return "{\"PublicIP\":\"" + publicIp + "\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\","
                + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + mac + "\"}}";
    }

    private void put(final String key, final String value) {
        node.namespace().run(() -> etcd().ctl("put", "/coreos.com/network/" + key, value));
    }

    private String get(final String key) {
        return node.namespace().call(() -> etcd().ctl("get", "--print-value-only", key));
    }

    private BackgroundProcess startReady(final String... options) {
        final String[] all = Stream.concat(
                        Stream.of("--etcd-endpoints=" + etcd().endpoint(), "-iface", node.underlayDevice()),
                        Stream.of(options))
                .toArray(String[]::new);
        return WeftdProcess.start(node.namespace(), directory, all).awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
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

    @Test
    void shouldTakeOverTheKernelDeviceWithItsMac() {
        topology.kernelVxlan(node);
        final String mac = mac(node.namespace());
        put("subnets/" + node.subnet().replace('/', '-'), lease(node.underlayAddress(), mac));
        try (BackgroundProcess weftd = startReady()) {
            tellPeer(mac);
            Await.until(weftd::output, TIMEOUT_MS, this::isReached);
            assertEquals(
                    lease(node.underlayAddress(), mac),
                    get(SUBNETS + node.subnet().replace('/', '-')),
                    "peers need no update");
            assertFalse(node.namespace().ip("-o", "link").contains(KernelVxlan.DEVICE));
        }
    }

    @Test
    void shouldGoOnForwardingWhileEtcdIsGone() throws Exception {
        try (BackgroundProcess weftd = startReady()) {
            tellPeer("02:00:00:00:00:0a");
            Await.until(weftd::output, TIMEOUT_MS, this::isReached);
            etcd().kill();
            weftd.awaitOutput("Forwarding goes on", TIMEOUT_MS);
            Await.until(weftd::output, TIMEOUT_MS, this::isReached);
            node.namespace().run(() -> etcd().start());
            put("subnets/10.244.9.0-24", lease("192.168.100.77", "02:00:00:00:00:99"));
            weftd.awaitOutput("etcd is followed again", TIMEOUT_MS);
        }
    }

    /** Each is named once, also when it comes again, and counted; the peer's lease stays as it is. */
    @Test
    void shouldNameBadLeasesOnceAndGoOn() {
        final String long1 = "\"" + "x".repeat(1 << 20) + "\"";
        final Map<String, String> bad = new LinkedHashMap<>();
        bad.put("10.244.10.0-24", "{\"PublicIP\":");
        bad.put(
                "10.244.11.0-24",
                lease("192.168.100.11", "02:00:00:00:00:11").replace("\"vxlan\"", "\"carrier-pigeon\""));
        bad.put("10.99.12.0-24", lease("192.168.100.12", "02:00:00:00:00:12"));
        bad.put("10.244.13.0-24", lease("192.168.100.13", "02:00:00:00:00:13").replace("\"192.168.100.13\"", long1));
        bad.put("10.244.14.0-24", lease("192.168.100.14", "ff:ff:ff:ff:ff:ff"));
        bad.put("10.244.0.128-25", lease("192.168.100.15", "02:00:00:00:00:15"));
        bad.put("n".repeat(100_000), lease("192.168.100.16", "02:00:00:00:00:16"));
        final Map<String, String> keys = new LinkedHashMap<>();
        bad.forEach((name, value) -> keys.put(SUBNETS + name, value));
        try (BackgroundProcess weftd = startReady("--healthz-ip=127.0.0.1", "--healthz-port=18081")) {
            tellPeer("02:00:00:00:00:0a");
            for (int i = 0; i < 2; i++) {
                node.namespace().run(() -> etcd().putAll(keys));
                put("subnets/10.244.9.0-24", lease("192.168.100.9", "02:00:00:00:00:0" + (8 + i))); // comes after them
                final String events =
                        "weft_registry_events_total{registry=\"etcd\"} " + ((i + 1) * (bad.size() + 1) + 1);
                Await.until(
                        () -> events + " in " + http("/metrics"),
                        TIMEOUT_MS,
                        () -> http("/metrics").contains(events));
            }
            final String metrics = http("/metrics");
            assertTrue(metrics.contains("weft_registry_refusals_total{registry=\"etcd\"} 4\n"), metrics);
            assertTrue(metrics.contains("weft_lease_refusals_total 3\n"), metrics);
            assertTrue(metrics.contains("weft_leases 2.0\n"), metrics);
            for (final String name : List.of(
                    "etcd lease 10.244.10.0-24:1:",
                    "lease 10.244.11.0-24 is ignored: its BackendType is \"carrier-pigeon\"",
                    "lease 10.99.12.0-24 is ignored: 10.99.12.0/24 is not in this cluster's network 10.244.0.0/16",
                    "PublicIP must be an IPv4 address",
                    "VtepMAC is ff:ff:ff:ff:ff:ff, a VTEP needs a unicast address",
                    "lease 10.244.0.128-25 is ignored: it overlaps this node's own subnet",
                    "nnnn…\" is no subnet key")) {
                assertEquals(
                        2, weftd.output().split(Pattern.quote(name), -1).length, () -> name + " in " + weftd.output());
            }
            assertTrue(weftd.output().length() < 10_000, "the log does not repeat long values");
            Await.until(() -> CommandOutput.of(directory, "status"), TIMEOUT_MS, () -> {
                final String status = CommandOutput.of(directory, "status"); // told anew each second
                return status.contains("etcd lease 10.244.10.0-24 is ignored: etcd lease")
                        && status.contains("; and 1 more; 10.99.12.0-24 is ignored: ");
            });
            Await.until(weftd::output, TIMEOUT_MS, this::isReached);
        }
    }

    @Test
    void shouldNeverShareASubnetWhenNodesStartAtTheSameInstant() throws Exception {
        try (MixedCluster cluster = new MixedCluster(Files.createDirectory(directory.resolve("cluster")), 3)) {
            // Two subnets for three nodes: the first one of the network is never given away, and SubnetMax ends it.
            cluster.putConfig("{\"Network\":\"10.244.0.0/28\",\"SubnetLen\":30,\"SubnetMax\":\"10.244.0.8\","
                    + "\"Backend\":{\"Type\":\"vxlan\"}}");
            final List<BackgroundProcess> weftds = new ArrayList<>();
            cluster.etcd().signal("STOP"); // until all of them have asked it for the network
            for (int i = 0; i < 3; i++) {
                Files.delete(cluster.subnetFile(cluster.node(i)));
                weftds.add(cluster.startWeftd(cluster.node(i)));
            }
            for (int i = 0; i < 3; i++) {
                final NetworkNamespace host = cluster.node(i).namespace();
                final String ofEtcd =
                        ":" + URI.create(cluster.etcd().endpoint()).getPort();
                Await.until(
                        weftds.get(i)::output,
                        WeftdProcess.START_TIMEOUT_MS,
                        () -> !host.exec("ss", "--no-header", "--tcp", "state", "established", "dport", "=", ofEtcd)
                                .isEmpty());
            }
            cluster.etcd().signal("CONT");
            int ready = 0;
            for (final BackgroundProcess weftd : weftds) {
                Await.until(
                        weftd::output,
                        WeftdProcess.START_TIMEOUT_MS,
                        () -> weftd.output().contains(READY) || !weftd.process().isAlive());
                if (weftd.process().isAlive()) {
                    ready++;
                } else {
                    assertEquals(1, weftd.process().exitValue());
                    assertTrue(
                            weftd.output().contains("no subnet is left from 10.244.0.4/30 to 10.244.0.8/30"),
                            weftd::output);
                }
            }
            assertEquals(2, ready);
            final String keys = cluster.etcdctl("get", "--prefix", "--keys-only", SUBNETS);
            assertEquals(
                    Set.of(SUBNETS + "10.244.0.4-30", SUBNETS + "10.244.0.8-30"),
                    keys.lines().filter(key -> !key.isEmpty()).collect(Collectors.toSet()));
        }
    }

    @Test
    void shouldKeepFlannelsIptablesRules() {
        try (BackgroundProcess weftd = startReady("--ip-masq", "--iptables-resync=1")) {
            final NetworkNamespace namespace = node.namespace();
            final String masquerade = namespace.exec("iptables", "-t", "nat", "-S", "FLANNEL-POSTRTG");
            final String source = node.subnet();
            assertEquals("""
                    -N FLANNEL-POSTRTG
                    -A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -m comment --comment "flanneld masq" -j RETURN
                    -A FLANNEL-POSTRTG -s %1$s -d 10.244.0.0/16 -m comment --comment "flanneld masq" -j RETURN
                    -A FLANNEL-POSTRTG -s 10.244.0.0/16 -d %1$s -m comment --comment "flanneld masq" -j RETURN
                    -A FLANNEL-POSTRTG ! -s 10.244.0.0/16 -d %1$s -m comment --comment "flanneld masq" -j RETURN
                    -A FLANNEL-POSTRTG -s 10.244.0.0/16 ! -d 224.0.0.0/4 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
                    -A FLANNEL-POSTRTG ! -s 10.244.0.0/16 -d 10.244.0.0/16 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
                    """.formatted(source), masquerade);
            namespace.exec("iptables", "-t", "nat", "-F", "FLANNEL-POSTRTG");
            namespace.exec(
                    "iptables",
                    "-t",
                    "filter",
                    "-D",
                    "FORWARD",
                    "-m",
                    "comment",
                    "--comment",
                    "flanneld forward",
                    "-j",
                    "FLANNEL-FWD");
            Await.until(
                    weftd::output,
                    TIMEOUT_MS,
                    () -> masquerade.equals(namespace.exec("iptables", "-t", "nat", "-S", "FLANNEL-POSTRTG"))
                            && 1
                                    == namespace
                                            .exec("iptables", "-S", "FORWARD")
                                            .lines()
                                            .filter(line -> line.contains("FLANNEL-FWD"))
                                            .count());
        }
        try (BackgroundProcess again = startReady("--ip-masq")) {
            assertEquals(
                    1,
                    node.namespace()
                            .exec("iptables", "-t", "nat", "-S", "POSTROUTING")
                            .lines()
                            .filter(line -> line.contains("FLANNEL-POSTRTG"))
                            .count(),
                    again::output);
        }
    }

    @Test
    void shouldKeepNftablesRulesWhenTheNetworkSaysSo() {
        put(
                "config",
                "{\"Network\":\"10.244.0.0/16\",\"SubnetMin\":\"10.244.0.0\",\"EnableNFTables\":true,\"Backend\":{\"Type\":\"vxlan\"}}");
        try (BackgroundProcess weftd = startReady("--ip-masq", "--iptables-resync=1")) {
            final NetworkNamespace namespace = node.namespace();
            final String rules = namespace.exec("nft", "list", "table", "ip", "flannel-ipv4");
            assertTrue(rules.contains("chain postrtg") && rules.contains("masquerade fully-random"), rules);
            namespace.exec("nft", "delete", "table", "ip", "flannel-ipv4");
            Await.until(
                    weftd::output,
                    TIMEOUT_MS,
                    () -> rules.equals(namespace
                            .tryExec("nft", "list", "table", "ip", "flannel-ipv4")
                            .output()));
        }
    }

    @Test
    void shouldTellHealthReadinessAndMetrics() {
        try (BackgroundProcess weftd = startReady("--healthz-ip=127.0.0.1", "--healthz-port=18081")) {
            assertEquals("flanneld is running", http("/healthz"));
            assertEquals("flanneld is ready", http("/readyz"));
            Await.until(weftd::output, TIMEOUT_MS, () -> http("/metrics").contains("weft_leases 1.0\n"));
            tellPeer("02:00:00:00:00:0a");
            Await.until(weftd::output, TIMEOUT_MS, this::isReached);
            final String metrics = http("/metrics");
            assertTrue(metrics.contains("weft_forwarded_packets_total{direction=\"egress\"} "), metrics);
            assertFalse(metrics.contains("weft_forwarded_packets_total{direction=\"egress\"} 0\n"), metrics);
            assertTrue(
                    metrics.contains("weft_drop_packets_total{direction=\"ingress\",reason=\"VXLAN_INVALID_HDR\"} 0\n"),
                    metrics);
            final String idle = "weft_thread_idle_seconds_total{device=\"weft.1\",thread=\"weft-worker-0\"} ";
            assertTrue(metrics.contains(idle), metrics);
            assertFalse(metrics.contains(idle + "0.0\n"), metrics);
            assertTrue(metrics.contains("weft_registry_up{registry=\"etcd\"} 1.0\n"), metrics);
        }
    }

    @Test
    void shouldTellInReadinessThatAnotherNodeClaimsItsLease() {
        final String key = "subnets/" + node.subnet().replace('/', '-');
        final String others = lease(node.underlayAddress(), "02:00:00:00:00:0a").replace("null", "\"fd00:100::9\"");
        put(key, others);
        try (BackgroundProcess weftd = startReady("--healthz-ip=127.0.0.1", "--healthz-port=18081")) {
            assertEquals("flanneld is ready", http("/readyz"));
            Await.until(() -> http("/readyz") + weftd.output(), TIMEOUT_MS, () -> {
                put(key, others); // whoever puts this back again and again is alive
                return http("/readyz")
                        .contains("own_lease: the lease " + node.subnet().replace('/', '-'));
            });
            node.namespace().run(() -> etcd().ctl("del", "/coreos.com/network/" + key));
            Await.until(() -> http("/readyz"), TIMEOUT_MS, () -> "flanneld is ready".equals(http("/readyz")));
        }
    }

    private String http(final String path) {
        return node.namespace().exec("curl", "--silent", "http://127.0.0.1:18081" + path);
    }
}
