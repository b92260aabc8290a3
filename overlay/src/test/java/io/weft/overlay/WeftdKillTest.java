/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static java.lang.System.Logger.Level.INFO;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.registry.etcd.EtcdServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** weftd is killed by SIGKILL, which nothing can be done about, and started again. */
@RequiresRoot
class WeftdKillTest {
    private static final System.Logger LOG = System.getLogger(WeftdKillTest.class.getName());
    private static final int ROUNDS = 5;
    private static final long RESUME_MS = 1_000;
    private static final String[] OPTIONS = {"--ip-masq", "--ip-blackhole-route", "--healthz-port=18081"};

    @TempDir
    private Path directory = Path.of(".");

    @Test
    void shouldForwardWithinASecondAndLeaveNothingTwiceWhenStartedAgain() throws Exception {
        assumeTrue(EtcdServer.isInstalled(), "needs Debian's etcd-server and etcd-client");
        try (MixedCluster cluster = new MixedCluster(directory, 2)) {
            final Topology.Node node = cluster.node(0);
            final Topology.Node peer = cluster.node(1);
            cluster.startFlanneld(peer);
            BackgroundProcess weftd = cluster.startReadyWeftd(node, OPTIONS);
            final String before = HostState.of(node.namespace(), cluster.directory(node));
            final long[] resumedMs = new long[ROUNDS];
            final long[] ownMs = new long[ROUNDS];
            try (DatagramStream to = new DatagramStream(node, peer);
                    DatagramStream from = new DatagramStream(peer, node)) {
                for (int i = 0; i < ROUNDS; i++) {
                    weftd.process().destroyForcibly().waitFor();
                    final long startNs = System.nanoTime();
                    weftd = cluster.startWeftd(node, OPTIONS);
                    final long resumedNs = Math.max(
                            to.awaitArrivalAfter(startNs, WeftdProcess.START_TIMEOUT_MS),
                            from.awaitArrivalAfter(startNs, WeftdProcess.START_TIMEOUT_MS));
                    resumedMs[i] = TimeUnit.NANOSECONDS.toMillis(resumedNs - startNs);
                    ownMs[i] = resumedMs[i] - longestWaitMs(weftd.process().pid());
                    weftd.awaitOutput("ready: weft.1 forwards", WeftdProcess.START_TIMEOUT_MS);
                    assertEquals(before, HostState.of(node.namespace(), cluster.directory(node)), weftd::output);
                }
            }
            final String figures = "forwards again after " + Arrays.toString(resumedMs)
                    + " ms, without waits for a CPU " + Arrays.toString(ownMs) + " ms";
            LOG.log(INFO, figures);
            Arrays.sort(ownMs);
            assertTrue(ownMs[ROUNDS / 2] < RESUME_MS, figures);
        }
    }

    /**
     * How long the thread of a process that had to wait longest for a CPU waited, which is what other work on the machine adds to
     * a start (Linux Documentation/scheduler/sched-stats.rst: the second number is the time on the run queue, in ns).
     */
    private static long longestWaitMs(final long pid) throws IOException {
        try (Stream<Path> tasks = Files.list(Path.of("/proc", Long.toString(pid), "task"))) {
            return TimeUnit.NANOSECONDS.toMillis(
                    tasks.mapToLong(WeftdKillTest::waitNs).max().orElseThrow());
        }
    }

    private static long waitNs(final Path task) {
        try {
            return Long.parseLong(Files.readString(task.resolve("schedstat")).split(" ", -1)[1]);
        } catch (final IOException threadEnded) {
            return 0;
        }
    }
}
