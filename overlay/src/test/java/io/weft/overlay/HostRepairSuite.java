/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static java.lang.System.Logger.Level.INFO;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.overlay.registry.etcd.EtcdServer;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Somebody damages what weftd needs on the host; weftd puts it right, and counts that. One weftd goes through all of it. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class HostRepairSuite {
    private static final System.Logger LOG = System.getLogger(HostRepairSuite.class.getName());
    private static final long TIMEOUT_MS = Await.TIMEOUT_MS;

    private static final String METRICS = "http://127.0.0.1:18081/metrics";

    private final CloseAll resources = new CloseAll();
    private @Nullable MixedCluster cluster;
    private @Nullable BackgroundProcess weftd;
    private @Nullable DatagramStream stream;

    /** By what weftd takes pods' packets, in the words of --pod-port. */
    abstract String podPort();

    @BeforeAll
    void setUp(@TempDir final Path directory) throws Exception {
        assumeTrue(EtcdServer.isInstalled(), "needs Debian's etcd-server and etcd-client");
        final MixedCluster started = resources.add(new MixedCluster(directory, 2));
        cluster = started;
        started.startFlanneld(started.node(1));
        weftd = started.startReadyWeftd(
                started.node(0),
                "--pod-port=" + podPort(),
                "--ip-masq",
                "--ip-blackhole-route",
                "--iptables-resync=1",
                "--healthz-ip=127.0.0.1",
                "--healthz-port=18081");
        stream = resources.add(new DatagramStream(started.node(1), started.node(0)));
    }

    @AfterAll
    void tearDown() {
        resources.close();
    }

    private NetworkNamespace host() {
        return Objects.requireNonNull(cluster).node(0).namespace();
    }

    /** The part of {@link HostState} that may be damaged; empty while the device is not there. */
    private String state() {
        if (0 != host().tryExec("ip", "link", "show", "dev", "weft.1").exitCode()) {
            return "";
        }
        return Stream.of(
                        "ip -details -oneline link show dev weft.1",
                        "ip -oneline address",
                        "ip route show table all",
                        "iptables-save")
                .map(command -> HostState.output(host(), command.split(" ", -1)))
                .collect(Collectors.joining());
    }

    private long repairs(final String part) {
        return host().exec("curl", "--silent", METRICS)
                .lines()
                .filter(line -> line.startsWith("weft_repairs_total{part=\"" + part + "\"} "))
                .mapToLong(line -> (long) Double.parseDouble(line.substring(line.indexOf(' ') + 1)))
                .sum();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "device | ip link set weft.1 down",
                "device | ip link set weft.1 mtu 1300",
                "device | ip link set weft.1 txqueuelen 7",
                "device | ip address flush dev weft.1",
                "device | ip address add 10.244.7.7/24 dev weft.1",
                "device | ip route delete 10.244.0.0/16",
                "device | ip route replace 10.244.0.0/16 via 192.168.100.2",
                "device | ip route delete blackhole 10.244.0.0/24",
                "device | ip route delete blackhole 10.244.0.0/16",
                "node | ip link delete weft.1",
                "rules | iptables -t nat -F FLANNEL-POSTRTG",
                "rules | iptables -D FORWARD -m comment --comment 'flanneld forward' -j FLANNEL-FWD",
                "rules | iptables -t nat -F",
                "rules | iptables -F",
            })
    void shouldPutRightAndCountWhenSomebodyDamagesTheHost(final String part, final String damage) {
        final DatagramStream datagrams = Objects.requireNonNull(stream);
        final BackgroundProcess running = Objects.requireNonNull(weftd);
        final String before = state();
        final long repairsBefore = repairs(part);
        final long damagedNs = System.nanoTime();
        host().exec("bash", "-c", damage);
        Await.until(
                () -> damage + "\n" + before + "\nis now\n" + state() + running.output(),
                TIMEOUT_MS,
                () -> repairs(part) > repairsBefore && before.equals(state()));
        LOG.log(
                INFO,
                "{0}: repaired after {1} ms",
                damage,
                TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - damagedNs));
        datagrams.awaitArrivalAfter(System.nanoTime(), TIMEOUT_MS);
    }
}
