/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.ops.ControlSocket;
import io.weft.overlay.registry.etcd.EtcdServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * weftd in a cluster of 10 000 other nodes, of which one is a real peer on the kernel's VXLAN: it forwards to all of them and
 * follows each change. How soon, and how much memory it takes, are budgets of {@code ./weft bench --only=budgets}.
 */
@RequiresRoot
class TenThousandLeasesTest {
    private static final int OTHER_LEASES = 10_000;
    private static final int SAMPLE_STEP = 97;
    private static final int CHANGES = 10;
    private static final int HEALTH_PORT = 8081;
    private static final String READY = "ready: weft.1 forwards";
    private static final String CONFIG = "{\"Network\":\"10.0.0.0/8\",\"Backend\":{\"Type\":\"vxlan\"}}";

    @TempDir
    private Path directory = Path.of(".");

    private Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);
    private final Map<String, String> leases = new LinkedHashMap<>();

    @BeforeEach
    void setUp() {
        topology.kernelVxlan(peer);
        leases.put(key(node), lease(node.underlayAddress(), node.vtepMac()));
        leases.put(key(peer), lease(peer.underlayAddress(), peer.vtepMac()));
        for (int i = 0; i < OTHER_LEASES - 1; i++) {
            leases.put(subnetBase(i) + "-24", lease(underlayAddress(i), mac(i)));
        }
    }

    @AfterEach
    void tearDown() {
        topology.close();
    }

    private static String key(final Topology.Node of) {
        return of.subnet().replace('/', '-');
    }

    private static String subnetBase(final int index) {
        return "10." + (index / 250) + '.' + (index % 250) + ".0";
    }

    private static String underlayAddress(final int index) {
        return "172." + (16 + index / 250 / 250) + '.' + (index / 250 % 250) + '.' + (index % 250 + 1);
    }

    private static String mac(final int index) {
        return String.format("02:01:00:00:%02x:%02x", index >> 8, index & 0xff);
    }

    private static String changedMac(final int index) {
        return mac(index).replace("02:01", "02:02");
    }

    private static String lease(final String publicIp, final String mac) {
        return "{\"PublicIP\":\"" + publicIp + "\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\","
                + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + mac + "\"}}";
    }

    private BackgroundProcess startReady(final String registry) {
        return WeftdProcess.start(
                        node.namespace(),
                        directory,
                        registry,
                        "--iface=" + node.underlayDevice(),
                        "--healthz-port=" + HEALTH_PORT)
                .awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
    }

    private String explain(final String address) {
        try {
            return ControlSocket.ask(directory.resolve("run/weft.1.sock"), "explain " + address);
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private String metrics() throws IOException {
        try (InputStream body = URI.create("http://127.0.0.1:" + HEALTH_PORT + "/metrics")
                .toURL()
                .openStream()) {
            return new String(body.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private boolean isReached() {
        return 0
                == node.pod()
                        .tryExec("ping", "-c", "1", "-W", "1", peer.podAddress())
                        .exitCode();
    }

    private void assertForwardsToAll(final BackgroundProcess weftd) {
        Await.until(weftd::output, Await.TIMEOUT_MS, this::isReached);
        final String metrics = node.namespace().call(this::metrics);
        assertTrue(metrics.contains("weft_leases " + OTHER_LEASES + ".0\n"), metrics);
        for (int i = 0; i < OTHER_LEASES - 1; i += SAMPLE_STEP) {
            final String explanation = explain(subnetBase(i).replaceAll("0$", "9"));
            assertTrue(explanation.contains(mac(i) + " dst " + underlayAddress(i)), explanation);
        }
    }

    /** Changes, removes and brings back leases. */
    private void assertFollows(final BackgroundProcess weftd, final Change change) throws Exception {
        for (int i = 0; i < CHANGES; i++) {
            final int index = i * 911;
            final String key = subnetBase(index) + "-24";
            follow(weftd, index, change, key, lease(underlayAddress(index), changedMac(index)));
            follow(weftd, index, change, key, null);
            follow(weftd, index, change, key, lease(underlayAddress(index), mac(index)));
        }
    }

    private void follow(
            final BackgroundProcess weftd,
            final int index,
            final Change change,
            final String key,
            final @Nullable String value)
            throws Exception {
        final String address = subnetBase(index).replaceAll("0$", "9");
        final String wanted = null == value ? "none: dropped" : value.replaceAll(".*VtepMAC\":\"([^\"]*)\".*", "$1");
        change.make(key, value);
        Await.until(
                () -> wanted + " in: " + explain(address) + weftd.output(),
                Await.TIMEOUT_MS,
                () -> explain(address).contains(wanted));
    }

    /** What changes a lease, or removes it by a null value, and returns when it is done. */
    @FunctionalInterface
    private interface Change {
        void make(String key, @Nullable String value) throws Exception;
    }

    @Test
    void shouldForwardToAllAndFollowWhenTheyAreInEtcd() throws Exception {
        assumeTrue(EtcdServer.isInstalled(), "needs Debian's etcd-server and etcd-client");
        try (EtcdServer etcd = node.namespace().call(() -> new EtcdServer(directory))) {
            final Function<String, String> name = key -> "/coreos.com/network/subnets/" + key;
            node.namespace().run(() -> {
                final Map<String, String> all = new LinkedHashMap<>(Map.of("/coreos.com/network/config", CONFIG));
                leases.forEach((key, value) -> all.put(name.apply(key), value));
                etcd.putAll(all);
            });
            try (BackgroundProcess weftd = startReady("--etcd-endpoints=" + etcd.endpoint())) {
                assertForwardsToAll(weftd);
                node.namespace()
                        .run(() -> assertFollows(weftd, (key, value) -> {
                            if (null == value) {
                                etcd.ctl("del", name.apply(key));
                            } else {
                                etcd.ctl("put", name.apply(key), value);
                            }
                        }));
            }
        }
    }

    @Test
    void shouldForwardToAllAndFollowWhenTheyAreInAFile() throws Exception {
        final Path file = directory.resolve("leases.json");
        final Change change = (key, value) -> {
            if (null == value) {
                leases.remove(key);
            } else {
                leases.put(key, value);
            }
            final StringBuilder entries = new StringBuilder();
            leases.forEach((k, v) -> entries.append(entries.isEmpty() ? "" : ",\n")
                    .append('"')
                    .append(k)
                    .append("\":")
                    .append(v));
            final Path fresh = Files.writeString(
                    directory.resolve("fresh"), "{\"config\":" + CONFIG + ",\"leases\":{" + entries + "}}");
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        };
        change.make(key(node), leases.get(key(node)));
        try (BackgroundProcess weftd = startReady("--registry=file:" + file)) {
            assertForwardsToAll(weftd);
            assertFollows(weftd, change);
        }
    }
}
