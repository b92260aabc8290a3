/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.registry.etcd.EtcdServer;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** weftd is killed by SIGKILL, which nothing can be done about, and started again. */
@RequiresRoot
abstract class WeftdKillSuite {
    private static final int ROUNDS = 5;

    @TempDir
    private Path directory = Path.of(".");

    /** By what weftd takes pods' packets, in the words of --pod-port. */
    abstract String podPort();

    private String[] options() {
        return new String[] {"--pod-port=" + podPort(), "--ip-masq", "--ip-blackhole-route", "--healthz-port=18081"};
    }

    @Test
    void shouldForwardAgainAndLeaveNothingTwiceWhenStartedAgain() throws Exception {
        assumeTrue(EtcdServer.isInstalled(), "needs Debian's etcd-server and etcd-client");
        try (MixedCluster cluster = new MixedCluster(directory, 2)) {
            final Topology.Node node = cluster.node(0);
            final Topology.Node peer = cluster.node(1);
            cluster.startFlanneld(peer);
            BackgroundProcess weftd = cluster.startReadyWeftd(node, options());
            Await.until(
                    weftd::output,
                    Await.TIMEOUT_MS,
                    () -> hasFile(cluster.directory(node).resolve("state")));
            final String before = HostState.of(node.namespace(), cluster.directory(node));
            try (DatagramStream to = new DatagramStream(node, peer);
                    DatagramStream from = new DatagramStream(peer, node)) {
                for (int i = 0; i < ROUNDS; i++) {
                    weftd.process().destroyForcibly().waitFor();
                    final long startNs = System.nanoTime();
                    weftd = cluster.startWeftd(node, options());
                    to.awaitArrivalAfter(startNs, WeftdProcess.START_TIMEOUT_MS);
                    from.awaitArrivalAfter(startNs, WeftdProcess.START_TIMEOUT_MS);
                    weftd.awaitOutput("ready: weft.1 forwards", WeftdProcess.START_TIMEOUT_MS);
                    assertEquals(before, HostState.of(node.namespace(), cluster.directory(node)), weftd::output);
                }
            }
        }
    }

    /** The leases known before, which are written soon after a node is ready. */
    private static boolean hasFile(final Path state) {
        final String[] names = state.toFile().list((parent, name) -> !name.endsWith(".new"));
        return null != names && 1 == names.length;
    }
}
