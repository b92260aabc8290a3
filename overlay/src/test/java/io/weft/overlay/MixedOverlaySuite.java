/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static java.lang.System.Logger.Level.INFO;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.registry.etcd.EtcdServer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Three nodes with one etcd, of which one runs weftd and two the kernel's VXLAN as flanneld programs it; each becomes the other
 * kind and goes back while TCP streams between all pods run through it.
 */
@RequiresRoot
abstract class MixedOverlaySuite {
    private static final System.Logger LOG = System.getLogger(MixedOverlaySuite.class.getName());
    private static final int NODES = 3;
    private static final long TIMEOUT_MS = Await.TIMEOUT_MS;

    @TempDir
    private Path directory = Path.of(".");

    private final CloseAll resources = new CloseAll();
    private final List<TcpStream> streams = new ArrayList<>();
    private final Map<Topology.Node, BackgroundProcess> weftds = new HashMap<>();
    private final Map<Topology.Node, Flanneld> flannelds = new HashMap<>();
    private @Nullable MixedCluster started;

    private final String[] options;

    /** @param options of weftd: its ports. */
    MixedOverlaySuite(final String... options) {
        this.options = options.clone();
    }

    @BeforeEach
    void setUp() throws Exception {
        assumeTrue(EtcdServer.isInstalled(), "needs Debian's etcd-server and etcd-client");
        started = resources.add(new MixedCluster(directory, NODES));
    }

    @AfterEach
    void tearDown() {
        resources.close();
    }

    private MixedCluster cluster() {
        return Objects.requireNonNull(started);
    }

    private void startFlanneld(final Topology.Node node) throws Exception {
        flannelds.put(node, cluster().startFlanneld(node));
    }

    private void startWeftd(final Topology.Node node) {
        weftds.put(node, cluster().startReadyWeftd(node, options));
    }

    /** flanneld is stopped, and weftd started on what it left. */
    private void toWeft(final Topology.Node node) {
        Objects.requireNonNull(flannelds.remove(node)).close();
        startWeftd(node);
    }

    private void toKernel(final Topology.Node node) throws Exception {
        final BackgroundProcess weftd = Objects.requireNonNull(weftds.remove(node));
        weftd.process().destroy();
        assertEquals(0, weftd.awaitExit(TIMEOUT_MS), weftd::output);
        startFlanneld(node);
    }

    private String device(final Topology.Node node, final String name) {
        return node.namespace()
                .tryExec("cat", "/sys/class/net/" + name + "/address")
                .output()
                .trim();
    }

    private void forEachPair(final PairTask task) throws Exception {
        for (int from = 0; from < NODES; from++) {
            for (int to = 0; to < NODES; to++) {
                if (from != to) {
                    task.run(cluster().node(from), cluster().node(to));
                }
            }
        }
    }

    private interface PairTask {
        void run(Topology.Node from, Topology.Node to) throws Exception;
    }

    /** All streams go on; returns the longest time that any of them stood still. */
    private long awaitAllStreams() {
        long longestGapMs = 0;
        for (final TcpStream stream : streams) {
            stream.awaitProgress(TIMEOUT_MS);
        }
        for (final TcpStream stream : streams) {
            longestGapMs = Math.max(longestGapMs, stream.takeLongestGapMs());
        }
        return longestGapMs;
    }

    @Test
    void shouldKeepStreamsWhenEachNodeBecomesTheOtherKindAndGoesBack() throws Exception {
        startWeftd(cluster().node(0));
        startFlanneld(cluster().node(1));
        startFlanneld(cluster().node(2));
        forEachPair((from, to) -> PodTraffic.assertCarried(from, to, false));
        forEachPair((from, to) -> streams.add(resources.add(new TcpStream(from, to))));
        awaitAllStreams();

        for (int i = 0; i < NODES; i++) {
            final Topology.Node node = cluster().node(i);
            final boolean isWeft = weftds.containsKey(node);
            for (final boolean toWeft : new boolean[] {!isWeft, isWeft}) {
                final String mac = device(node, KernelVxlan.DEVICE);
                if (toWeft) {
                    toWeft(node);
                    assertTrue(cluster().lease(node).contains(mac), "the lease has the kernel device's MAC still");
                    assertEquals("", device(node, KernelVxlan.DEVICE));
                } else {
                    toKernel(node);
                    assertFalse(device(node, KernelVxlan.DEVICE).isEmpty());
                }
                LOG.log(
                        INFO,
                        "node {0} becomes {1}: streams stand still for {2} ms at most",
                        node.letter(),
                        toWeft ? "weft" : "kernel VXLAN",
                        awaitAllStreams());
            }
        }
        forEachPair((from, to) -> Await.until(
                "no way from " + from.letter() + " to " + to.letter(),
                TIMEOUT_MS,
                () -> PodTraffic.reaches(from, to, false)));
        for (final TcpStream stream : streams) {
            stream.finish(TIMEOUT_MS);
        }
    }
}
