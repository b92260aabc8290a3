/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.ops.ControlSocket;
import io.weft.overlay.registry.etcd.EtcdServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** weftd starts while etcd is away, as after a power failure: it forwards by what the node knew, until etcd says otherwise. */
@RequiresRoot
class KnownLeasesTest {
    private static final String READY = "ready: weft.1 forwards";
    private static final String HEALTH = "--healthz-port=18081";
    private static final String SUBNETS = MixedCluster.PREFIX + "/subnets/";

    @TempDir
    private Path directory = Path.of(".");

    private final CloseAll resources = new CloseAll();
    private @Nullable MixedCluster cluster;

    @BeforeEach
    void setUp() throws Exception {
        assumeTrue(EtcdServer.isInstalled(), "needs Debian's etcd-server and etcd-client");
        cluster = resources.add(new MixedCluster(directory, 2));
        cluster.startFlanneld(cluster.node(1));
    }

    @AfterEach
    void tearDown() {
        resources.close();
    }

    private MixedCluster cluster() {
        return Objects.requireNonNull(cluster);
    }

    private Topology.Node node() {
        return cluster().node(0);
    }

    private Path files() {
        return cluster().directory(node());
    }

    private String http(final String path) {
        return node().namespace().exec("curl", "--silent", "http://127.0.0.1:18081" + path);
    }

    private void awaitReached(final BackgroundProcess weftd) {
        Await.until(
                weftd::output,
                WeftdProcess.START_TIMEOUT_MS,
                () -> 0
                        == node().pod()
                                .tryExec(
                                        "ping",
                                        "-c",
                                        "1",
                                        "-W",
                                        "1",
                                        cluster().node(1).podAddress())
                                .exitCode());
    }

    private boolean isRouted(final String address) {
        try {
            return ControlSocket.ask(files().resolve("run/weft.1.sock"), "explain " + address)
                    .contains(" via ");
        } catch (final IOException failure) {
            throw new AssertionError(failure);
        }
    }

    private void startEtcd() {
        node().namespace().run(() -> cluster().etcd().start());
    }

    /** A weftd that was ready, has written what it knows, and is gone with a power failure, as etcd is. */
    private void runOnce() throws Exception {
        final BackgroundProcess weftd = resources.add(cluster().startReadyWeftd(node()));
        awaitReached(weftd);
        Await.until(weftd::output, Await.TIMEOUT_MS, () -> {
            final String[] names = files().resolve("state").toFile().list((parent, name) -> !name.endsWith(".new"));
            return null != names && 1 == names.length;
        });
        weftd.process().destroyForcibly().waitFor();
    }

    private BackgroundProcess startWithoutEtcd(final String... options) {
        cluster().etcd().kill();
        return resources.add(cluster().startWeftd(node(), options));
    }

    @Test
    void shouldForwardAndWirePodsByWhatTheNodeKnewUntilEtcdIsBack() throws Exception {
        runOnce();
        final String lease = cluster().lease(node());
        final Path subnetFile = cluster().subnetFile(node());
        final String subnetText = Files.readString(subnetFile);
        Files.delete(subnetFile); // as /run after a reboot
        final BackgroundProcess weftd = startWithoutEtcd(HEALTH);
        weftd.awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
        awaitReached(weftd);
        assertEquals(subnetText, Files.readString(subnetFile));
        assertEquals("flanneld is running", http("/healthz"));
        assertTrue(http("/readyz").contains("registry: etcd is not followed at present: "), http("/readyz"));
        assertTrue(http("/metrics").contains("weft_condition{condition=\"registry\"} 0.0\n"), http("/metrics"));
        startEtcd();
        Await.until(() -> http("/readyz"), Await.TIMEOUT_MS, () -> "flanneld is ready".equals(http("/readyz")));
        assertEquals(lease, cluster().lease(node()));
        cluster()
                .etcdctl(
                        "put",
                        SUBNETS + "10.244.9.0-24",
                        "{\"PublicIP\":\"192.168.100.77\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1,"
                                + "\"VtepMAC\":\"02:00:00:00:00:99\"}}");
        Await.until(weftd::output, Await.TIMEOUT_MS, () -> isRouted("10.244.9.2"));
        assertEquals(2, weftd.output().split(Pattern.quote(READY), -1).length, weftd::output);
    }

    /** Takes each connection, and says nothing: there is no error to tell yet. */
    @Test
    void shouldSayWhyItBeginsWithWhatItKnewWhenEtcdIsStopped() throws Exception {
        runOnce();
        cluster().etcd().signal("STOP");
        try {
            resources
                    .add(cluster().startWeftd(node()))
                    .awaitOutput(
                            "etcd does not answer in time (it has not answered yet): this node begins with the ",
                            Await.TIMEOUT_MS);
        } finally {
            cluster().etcd().signal("CONT");
        }
    }

    @Test
    void shouldCorrectWhatTheNodeKnewWhenEtcdAnswers() throws Exception {
        cluster()
                .etcdctl(
                        "put",
                        SUBNETS + "10.244.8.0-24",
                        "{\"PublicIP\":\"192.168.100.76\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1,"
                                + "\"VtepMAC\":\"02:00:00:00:00:98\"}}");
        runOnce();
        cluster().etcdctl("del", SUBNETS + "10.244.8.0-24");
        final BackgroundProcess weftd = startWithoutEtcd();
        weftd.awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
        assertTrue(isRouted("10.244.8.2"), weftd::output);
        startEtcd();
        Await.until(weftd::output, Await.TIMEOUT_MS, () -> !isRouted("10.244.8.2"));
        awaitReached(weftd);
    }

    @Test
    void shouldSetTheNodeUpAnewWhenTheNetworkHasChangedMeanwhile() throws Exception {
        runOnce();
        cluster()
                .putConfig("{\"Network\":\"10.244.0.0/16\",\"SubnetMin\":\"10.244.0.0\",\"EnableNFTables\":true,"
                        + "\"Backend\":{\"Type\":\"vxlan\"}}");
        final BackgroundProcess weftd = startWithoutEtcd();
        weftd.awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
        startEtcd();
        weftd.awaitOutput("the network configuration has changed since this node last ran", Await.TIMEOUT_MS);
        Await.until(
                weftd::output,
                WeftdProcess.START_TIMEOUT_MS,
                () -> 3 == weftd.output().split(Pattern.quote(READY), -1).length);
        assertTrue(node().namespace().exec("nft", "list", "tables").contains("flannel-ipv4"), weftd::output);
        awaitReached(weftd);
    }

    @Test
    void shouldSayOnceThatItCannotKeepThemAndForwardAllTheSame() {
        try (BackgroundProcess weftd = cluster().startReadyWeftd(node(), "--state-dir=/proc/version/state")) {
            weftd.awaitOutput("Without it a node that starts while its registry is away", Await.TIMEOUT_MS);
            awaitReached(weftd);
        }
    }
}
