/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.KernelFeatures;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** When superframes leave unsegmented, and when not, while a TCP stream runs to a kernel VXLAN node. */
@RequiresRoot
class TunnelOffloadTest {
    private static final String MAC = "02:00:00:00:00:0a";
    private static final String OFFLOAD_DEVICE = "weft.1-out";
    private static final String BRIDGE = "br-uplink";
    private static final String UNSEGMENTED = "superframes leave unsegmented";
    private static final String NOT_SEEN = "did not leave by";
    private static final String[] FEATURES = {"tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation"};
    private static final long TIMEOUT_MS = Await.TIMEOUT_MS;
    private static final int STREAM_PORT = 5201; // iperf3's own

    /** What is left of the first trial when a daemon is ready, at the least. */
    private static final long FIRST_TRIAL_NS = TimeUnit.SECONDS.toNanos(5);

    @TempDir
    private Path directory = Path.of(".");

    private final Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);
    private @Nullable BackgroundProcess receiver;
    private @Nullable BackgroundProcess stream;

    @BeforeEach
    void setUp() throws Exception {
        assumeTrue(KernelFeatures.probe().tunnelSegmentation(), "needs Linux 6.17");
        topology.kernelVxlan(peer);
        final NetworkNamespace kernel = peer.namespace();
        KernelVxlan.of(peer).addPeer(node.subnet(), node.subnetBase(), MAC, node.underlayAddress());
        final String peerMac = kernel.exec("cat", "/sys/class/net/" + KernelVxlan.DEVICE + "/address")
                .trim();
        WeftdProcess.leases(directory, WeftdProcess.lease(node, MAC), WeftdProcess.lease(peer, peerMac));
        receiver = PodTraffic.startStreamReceiver(peer);
    }

    @AfterEach
    void tearDown() {
        for (final BackgroundProcess process : new BackgroundProcess[] {stream, receiver}) {
            if (null != process) {
                process.close();
            }
        }
        topology.close();
    }

    private BackgroundProcess start(final String... options) {
        final String[] all = new String[options.length + 2];
        all[0] = "--registry=file:" + directory.resolve("leases.json");
        all[1] = "--iface=" + node.underlayDevice();
        System.arraycopy(options, 0, all, 2, options.length);
        return WeftdProcess.start(node.namespace(), directory, all)
                .awaitOutput("ready: weft.1", WeftdProcess.START_TIMEOUT_MS);
    }

    /** A stream slow enough for a machine that is busy, and made of superframes all the same. */
    private void startStream() {
        Await.until("no way to the peer", TIMEOUT_MS, () -> PodTraffic.reaches(node, peer, false));
        stream = node.pod().start("iperf3", "--client", peer.podAddress(), "--time", "3600", "--bitrate", "500M");
    }

    private void features(final String state) {
        for (final String feature : FEATURES) {
            node.namespace().exec("ethtool", "-K", node.underlayDevice(), feature, state);
        }
    }

    /** Bytes that the host took in by the offload device. */
    private long offloadedBytes() {
        return Long.parseLong(node.namespace()
                .exec("cat", "/sys/class/net/" + OFFLOAD_DEVICE + "/statistics/rx_bytes")
                .trim());
    }

    /** Bytes that the peer's pod has received. */
    private long arrivedBytes() {
        return Long.parseLong(peer.pod()
                .exec("cat", "/sys/class/net/eth0/statistics/rx_bytes")
                .trim());
    }

    private void awaitProgress(final long timeoutMs) {
        final long before = arrivedBytes();
        Await.until("the stream stands still", timeoutMs, () -> arrivedBytes() > before + (4 << 20));
    }

    @Test
    void shouldFollowWhatTheUnderlayDeviceCanDo() throws Exception {
        try (BackgroundProcess weftd = start()) {
            startStream();
            weftd.awaitOutput(UNSEGMENTED, TIMEOUT_MS);
            final long before = offloadedBytes();
            Await.until(weftd::output, TIMEOUT_MS, () -> offloadedBytes() > before + (1 << 20));
            features("off");
            weftd.awaitOutput("does not cut tunnels any more", TIMEOUT_MS);
            awaitProgress(TIMEOUT_MS);
            final long cut = offloadedBytes();
            awaitProgress(TIMEOUT_MS);
            assertEquals(cut, offloadedBytes());
            features("on");
            Await.until(weftd::output, TIMEOUT_MS, () -> offloadedBytes() > cut + (1 << 20));
            PodTraffic.assertCarried(node, peer, false);
        }
        assertEquals("", node.namespace().ip("-o", "link", "show", "type", "tun"), "no device is left");
    }

    /** It says that it cuts tunnels, and the kernel cuts them in front of it: a trial would end with the advice to look at the firewall. */
    @Test
    void shouldTryNoneOverABridge() throws Exception {
        node.bridgeUnderlay(BRIDGE);
        try (BackgroundProcess weftd = start("--iface=" + BRIDGE)) {
            PodTraffic.assertCarried(node, peer, false);
            assertEquals(0, offloadedBytes(), weftd::output);
            assertFalse(weftd.output().contains(NOT_SEEN), weftd::output);
        }
    }

    /** One and no more: it is the trial itself. */
    @Test
    void shouldTryTheFirstSuperframeAfterAStart() {
        try (BackgroundProcess weftd = start()) {
            final long readyNs = System.nanoTime();
            node.pod()
                    .exec(
                            "bash",
                            "-c",
                            "dd if=/dev/zero bs=13000 count=1 status=none >/dev/tcp/" + peer.podAddress() + "/"
                                    + STREAM_PORT);
            assumeTrue(System.nanoTime() - readyNs < FIRST_TRIAL_NS, "this machine took longer than the trial goes on");
            weftd.awaitOutput(UNSEGMENTED, TIMEOUT_MS);
        }
    }

    @Test
    void shouldCutThemWhenTheFirewallDropsWhatTheHostRoutes() throws Exception {
        try (BackgroundProcess weftd = start()) {
            firewall("--append");
            startStream();
            weftd.awaitOutput(NOT_SEEN, TIMEOUT_MS);
            awaitProgress(TIMEOUT_MS);
            PodTraffic.assertCarried(node, peer, false);
        }
    }

    @Test
    void shouldCutThemWhenTheFirewallBeginsToDrop() throws Exception {
        try (BackgroundProcess weftd = start()) {
            startStream();
            weftd.awaitOutput(UNSEGMENTED, TIMEOUT_MS);
            firewall("--append");
            weftd.awaitOutput(NOT_SEEN, TIMEOUT_MS);
            assertTrue(offloadedBytes() > 0);
            // A stream of its own: that of before may wait for half a minute until it tries again.
            PodTraffic.assertCarried(node, peer, false);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "ip link set weft.1-out down",
                "ip address flush dev weft.1-out",
                "sysctl -qw net.ipv4.conf.weft/1-out.rp_filter=1",
                "sysctl -qw net.ipv4.conf.weft/1-out.accept_local=0",
                "sysctl -qw net.ipv4.conf.weft/1-out.forwarding=0"
            })
    void shouldPutRightWhatSomebodyChangesAtTheDevice(final String damage) {
        try (BackgroundProcess weftd = start("--healthz-ip=127.0.0.1", "--healthz-port=18081")) {
            final String before = deviceState();
            final long repairs = deviceRepairs();
            node.namespace().exec(damage.split(" ", -1));
            // Not by the state that the damage leaves: weftd may be faster than a look at it.
            Await.until(weftd::output, TIMEOUT_MS, () -> deviceRepairs() > repairs);
            Await.until(weftd::output, TIMEOUT_MS, () -> before.equals(deviceState()));
        }
    }

    private long deviceRepairs() {
        return node.namespace()
                .exec("curl", "--silent", "http://127.0.0.1:18081/metrics")
                .lines()
                .filter(line -> line.startsWith("weft_repairs_total{part=\"device\"} "))
                .mapToLong(line -> (long) Double.parseDouble(line.substring(line.indexOf(' ') + 1)))
                .sum();
    }

    private String deviceState() {
        final NetworkNamespace host = node.namespace();
        return host.ip("address", "show", "dev", OFFLOAD_DEVICE)
                + host.exec(
                        "bash",
                        "-c",
                        "cat /proc/sys/net/ipv4/conf/" + OFFLOAD_DEVICE + "/{rp_filter,accept_local,forwarding}");
    }

    private void firewall(final String action) {
        node.namespace().exec("iptables", action, "FORWARD", "--in-interface", OFFLOAD_DEVICE, "--jump", "DROP");
    }

    /** systemd gives a new device another MAC address a moment after it was made (MACAddressPolicy=persistent). */
    @Test
    void shouldFollowTheMacAddressOfTheDevice() {
        try (BackgroundProcess weftd = start()) {
            startStream();
            weftd.awaitOutput(UNSEGMENTED, TIMEOUT_MS);
            node.namespace().ip("link", "set", OFFLOAD_DEVICE, "address", "02:00:00:00:0f:0f");
            awaitProgress(TIMEOUT_MS);
            final long before = offloadedBytes();
            awaitProgress(TIMEOUT_MS);
            Await.until(weftd::output, TIMEOUT_MS, () -> offloadedBytes() > before + (1 << 20));
            assertFalse(weftd.output().contains(NOT_SEEN), weftd::output);
        }
    }

    @Test
    void shouldHaveNoDeviceWhenItIsTurnedOff() {
        try (BackgroundProcess weftd = start("--tunnel-offload=OFF")) {
            startStream();
            awaitProgress(TIMEOUT_MS);
            assertEquals(
                    0,
                    node.namespace()
                            .ip("-o", "link")
                            .lines()
                            .filter(line -> line.contains(OFFLOAD_DEVICE))
                            .count(),
                    weftd::output);
        }
    }
}
