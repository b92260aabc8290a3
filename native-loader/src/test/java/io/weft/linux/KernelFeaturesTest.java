/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.netlink.Link;
import io.weft.linux.netlink.Rtnetlink;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import java.util.List;
import org.agrona.CloseHelper;
import org.junit.jupiter.api.Test;

@RequiresRoot
class KernelFeaturesTest {
    @Test
    void shouldFindWhatTheKernelThenGives() {
        try (NetworkNamespace namespace = NetworkNamespace.create("features")) {
            namespace.run(() -> {
                final KernelFeatures features = KernelFeatures.probe();
                assertEquals(namespace.exec("uname", "-r").trim(), features.version());
                assertTrue(features.udpSegmentation());
                assertTrue(List.of(64, 128).contains(features.maxUdpSegments()), features.toString());
                assertTrue(features.udpReceiveOffload());
                final List<TunDevice> queues = TunDevice.open("weft.1", features.tunMultiQueue() ? 2 : 1, 10);
                assertEquals(
                        features.tunUdpSegmentation(), queues.get(0).framing().takesUdpSuperframes());
                CloseHelper.closeAll(queues);
                try (Rtnetlink rtnetlink = Rtnetlink.open()) {
                    assertEquals(
                            List.of("lo"),
                            rtnetlink.links().stream().map(Link::name).toList(),
                            "the probe left a device behind");
                }
            });
        }
    }

    /** Else what sets up every device that it does not know sets these up as well: packaging/host tells it of weft's by their names. */
    @Test
    void shouldTryWithDevicesThatAreCalledAsWeftsAre() {
        try (NetworkNamespace namespace = NetworkNamespace.create("features");
                BackgroundProcess monitor = namespace.start("ip", "-o", "monitor", "link")) {
            Await.until(monitor::output, Await.TIMEOUT_MS, () -> {
                namespace.ip("link", "add", "before", "type", "veth");
                namespace.ip("link", "delete", "before");
                return monitor.output().contains("before");
            });
            namespace.call(KernelFeatures::probe);
            namespace.ip("link", "add", "after", "type", "veth");
            Await.until(
                    monitor::output, Await.TIMEOUT_MS, () -> monitor.output().contains("after"));
            final List<String> others = monitor.output()
                    .lines()
                    .filter(line -> !line.contains("veth") && !line.contains("before") && !line.contains("after"))
                    .toList();
            assertFalse(others.isEmpty(), monitor::output);
            others.forEach(line -> assertTrue(line.contains(": weft.try"), line));
        }
    }

    @Test
    void shouldTellWhatAnOlderKernelLacks() {
        assertEquals(List.of(), new KernelFeatures("6.18.0", true, 128, true, true, true, true, true).missing());
        assertEquals(
                List.of(
                        "tunnel offload of TAP devices (6.17)",
                        "128 segments in a message of UDP_SEGMENT (6.9)",
                        "UDP superframes of TUN devices, USO (6.2)"),
                new KernelFeatures("5.10.0", true, 64, true, true, true, false, false).missing());
        assertEquals(
                List.of("a TUN driver that may be opened"),
                new KernelFeatures("6.18.0", true, 128, true, false, false, false, false).missing());
    }

    @Test
    void shouldNameTheRemedyWhenTheCapabilityIsMissing() {
        try (NetworkNamespace namespace = NetworkNamespace.create("nocap");
                BackgroundProcess process = namespace.start(
                        "setpriv",
                        "--bounding-set=-net_admin",
                        "--inh-caps=-net_admin",
                        System.getProperty("java.home") + "/bin/java",
                        "--add-opens",
                        "java.base/jdk.internal.misc=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        WithoutCapability.class.getName())) {
            assertEquals(0, process.awaitExit(Await.TIMEOUT_MS), process.output());
            assertTrue(process.output().contains("EPERM"), process.output());
            assertTrue(process.output().contains("CAP_NET_ADMIN"), process.output());
        }
    }

    /** What a process without CAP_NET_ADMIN sees. */
    static final class WithoutCapability {
        private WithoutCapability() {}

        public static void main(final String[] arguments) {
            try {
                KernelFeatures.requireNetAdmin();
                System.exit(1);
            } catch (final LinuxException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    @Test
    void shouldNameARemedyForEachWayThatTheTunDriverIsMissing() {
        KernelFeatures.requireTun();
        assertTrue(KernelFeatures.tunRemedy(Errno.ENOENT).contains("modprobe tun"));
        assertTrue(KernelFeatures.tunRemedy(Errno.ENODEV).contains("CONFIG_TUN"));
        assertTrue(KernelFeatures.tunRemedy(Errno.EPERM).contains("10:200"));
        assertFalse(KernelFeatures.tunRemedy(Errno.EACCES).isEmpty());
    }
}
