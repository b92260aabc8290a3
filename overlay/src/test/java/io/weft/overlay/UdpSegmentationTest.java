/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.record.CountersRecord;
import io.weft.overlay.record.DeviceRecord;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Messages of several datagrams on kernels that cut them wrong, by what files of the kernel say. The peer is a kernel VXLAN node. */
@RequiresRoot
class UdpSegmentationTest {
    private static final String READY = "ready: weft.1 forwards";
    private static final String BRIDGE = "br-uplink";

    @TempDir
    private Path directory = Path.of(".");

    private final Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);

    /** A bridge, since a veth device knows no tx-gso-partial. */
    @BeforeEach
    void setUp() throws Exception {
        topology.kernelVxlan(peer);
        WeftdProcess.leases(directory, WeftdProcess.lease(node), WeftdProcess.lease(peer));
        node.bridgeUnderlay(BRIDGE);
    }

    @AfterEach
    void tearDown() {
        topology.close();
    }

    private BackgroundProcess start(final String release) throws Exception {
        final Path file = Files.writeString(directory.resolve("osrelease"), release + "\n");
        return node.namespace()
                .start(Stream.concat(
                                Stream.of(
                                        "unshare",
                                        "--mount",
                                        "sh",
                                        "-c",
                                        "mount --bind " + file + " /proc/sys/kernel/osrelease; exec \"$@\"",
                                        "sh"),
                                Stream.of(WeftdProcess.command(
                                        directory,
                                        "--registry=file:" + directory.resolve("leases.json"),
                                        "--iface=" + BRIDGE,
                                        "--tunnel-offload=OFF")))
                        .toArray(String[]::new));
    }

    private long messages() {
        return counters().total(DataPlaneCounter.EGRESS_MESSAGES);
    }

    private long packets() {
        return counters().total(DataPlaneCounter.EGRESS_FORWARDED_PACKETS);
    }

    private CountersRecord counters() {
        final Path run = directory.resolve("run");
        return new DeviceRecord("weft.1", run, run.resolve("weft.1.counters")).counters();
    }

    @ParameterizedTest
    @CsvSource({
        "7.0.2-6-pve, on, true",
        "7.0.2-6-pve, off, false",
        "7.0.11-1-generic, on, false",
    })
    void shouldSendOneByOneWhereTheKernelCutsWrong(final String release, final String partial, final boolean isOneByOne)
            throws Exception {
        node.namespace().exec("ethtool", "-K", BRIDGE, "tx-gso-partial", partial);
        try (BackgroundProcess weftd = start(release)) {
            weftd.awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
            PodTraffic.assertCarried(node, peer, false);
            if (isOneByOne) {
                Await.until(weftd::output, Await.TIMEOUT_MS, () -> messages() == packets());
            } else {
                assertTrue(messages() < packets(), weftd::output);
            }
            assertEquals(
                    isOneByOne,
                    weftd.output()
                            .contains("WARNING weft.1: Linux 7.0.2-6-pve cuts messages of several datagrams wrong"
                                    + " (UDP_SEGMENT) for br-uplink, which has tx-gso-partial on"),
                    weftd::output);
        }
    }
}
