/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static java.lang.System.Logger.Level.INFO;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.ops.ControlSocket;
import io.weft.overlay.registry.etcd.EtcdServer;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A weft node and a kernel VXLAN node send each other datagrams, of which every one is counted, while something happens to etcd.
 */
@RequiresRoot
class WeftdEtcdOutageTest {
    private static final System.Logger LOG = System.getLogger(WeftdEtcdOutageTest.class.getName());
    private static final String FORWARDING_GOES_ON = "Forwarding goes on";
    private static final String NEW_KEY = MixedCluster.PREFIX + "/subnets/10.244.9.0-24";
    private static final String NEW_LEASE =
            "{\"PublicIP\":\"192.168.100.77\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\","
                    + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:99\"}}";
    private static final long TIMEOUT_MS = Await.TIMEOUT_MS;

    @TempDir
    private Path directory = Path.of(".");

    private final CloseAll resources = new CloseAll();
    private @Nullable Running running;

    /** What each test begins with: both nodes run, and both streams. */
    private record Running(
            MixedCluster cluster, BackgroundProcess weftd, DatagramStream toKernel, DatagramStream toWeft) {
        Topology.Node node() {
            return cluster.node(0);
        }

        Topology.Node peer() {
            return cluster.node(1);
        }
    }

    @BeforeEach
    void setUp() throws Exception {
        assumeTrue(EtcdServer.isInstalled(), "needs Debian's etcd-server and etcd-client");
        final MixedCluster cluster = resources.add(new MixedCluster(directory, 2));
        cluster.startFlanneld(cluster.node(1));
        final BackgroundProcess weftd = cluster.startReadyWeftd(cluster.node(0));
        final DatagramStream toKernel = resources.add(new DatagramStream(cluster.node(0), cluster.node(1)));
        final DatagramStream toWeft = resources.add(new DatagramStream(cluster.node(1), cluster.node(0)));
        running = new Running(cluster, weftd, toKernel, toWeft);
    }

    @AfterEach
    void tearDown() {
        resources.close();
    }

    private Running running() {
        return Objects.requireNonNull(running);
    }

    /** weftd's connections to etcd break, so that it lists all leases now and not within the next minute. */
    private void breakConnections() {
        final int port = URI.create(running().cluster.etcd().endpoint()).getPort();
        running().node().namespace().exec("ss", "--kill", "--tcp", "dport", "=", ":" + port);
    }

    private void startEtcd() {
        running().node().namespace().run(() -> running().cluster.etcd().start());
    }

    private boolean isRouted(final String address) {
        try {
            return ControlSocket.ask(
                            running().cluster.directory(running().node()).resolve("run/weft.1.sock"),
                            "explain " + address)
                    .contains(" via ");
        } catch (final IOException failure) {
            throw new AssertionError(failure);
        }
    }

    /** A node that comes now is known: etcd is followed. */
    private void assertFollowed() {
        running().cluster.etcdctl("put", NEW_KEY, NEW_LEASE);
        Await.until(running().weftd::output, TIMEOUT_MS, () -> isRouted("10.244.9.2"));
        running().cluster.etcdctl("del", NEW_KEY);
        Await.until(running().weftd::output, TIMEOUT_MS, () -> !isRouted("10.244.9.2"));
    }

    private void assertNothingLost() throws InterruptedException {
        assertEquals(
                0,
                running().toKernel.finish(),
                () -> running().toKernel + "\n" + running().weftd.output());
        assertEquals(
                0,
                running().toWeft.finish(),
                () -> running().toWeft + "\n" + running().weftd.output());
    }

    @Test
    void shouldLoseNothingWhenEtcdIsKilledAndStartedAgainWithItsHistoryCompacted() throws Exception {
        final EtcdServer etcd = running().cluster.etcd();
        etcd.kill();
        running().weftd.awaitOutput(FORWARDING_GOES_ON, TIMEOUT_MS);
        startEtcd();
        running().cluster.etcdctl("put", NEW_KEY, NEW_LEASE);
        running().cluster.etcdctl("del", NEW_KEY);
        running().cluster.etcdctl("compact", Long.toString(running().cluster.revision()));
        running().weftd.awaitOutput("etcd is followed again", TIMEOUT_MS);
        assertFollowed();
        assertNothingLost();
    }

    /** As in a pause of more than a minute: the list that comes once in a minute gets no answer. */
    @Test
    void shouldLoseNothingWhenEtcdDoesNotAnswer() throws Exception {
        running().cluster.etcd().signal("STOP");
        breakConnections();
        running().weftd.awaitOutput(FORWARDING_GOES_ON, TIMEOUT_MS);
        running().cluster.etcd().signal("CONT");
        assertFollowed();
        assertNothingLost();
    }

    /** flanneld does not notice that its lease is gone until it renews it, up to a day later; its node goes on forwarding. */
    @Test
    void shouldLoseNothingWhenEtcdsDataIsWiped() throws Exception {
        final String own = running().cluster.lease(running().node());
        running().cluster.etcd().wipe();
        startEtcd();
        Await.until(
                running().weftd::output,
                TIMEOUT_MS,
                () -> own.equals(running().cluster.lease(running().node())));
        for (int i = 0; i < 2; i++) {
            breakConnections();
            assertFollowed();
        }
        assertEquals("", running().cluster.lease(running().peer()));
        assertNothingLost();
    }

    @Test
    void shouldPutTheOwnLeaseBackWhenItIsDeletedByHand() throws Exception {
        final String own = running().cluster.lease(running().node());
        running().toWeft.takeLongestGapMs();
        running().cluster.etcdctl("del", Flanneld.key(running().node()));
        Await.until(
                running().weftd::output,
                TIMEOUT_MS,
                () -> own.equals(running().cluster.lease(running().node())));
        // The other node was told that this one is gone, so what it sent in that moment is lost.
        running().toWeft.awaitArrivalAfter(System.nanoTime(), TIMEOUT_MS);
        LOG.log(
                INFO,
                "own lease deleted: the other node sent nothing for {0} ms",
                running().toWeft.takeLongestGapMs());
        assertEquals(
                0,
                running().toKernel.finish(),
                () -> running().toKernel + "\n" + running().weftd.output());
    }
}
