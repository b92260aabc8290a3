/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** deploy/weftd.service under a systemd that is booted for it, with all that it forbids. */
class SystemdTest {
    private static final long TIMEOUT_MS = TimeUnit.MINUTES.toMillis(5);
    private static final Path ROOT =
            Path.of(System.getProperty("weft.root", "..")).toAbsolutePath().normalize();
    private static final Path UNIT = ROOT.resolve("deploy/weftd.service");
    private static final Pattern EXPOSURE = Pattern.compile("Overall exposure level for weftd.service: (\\d+\\.\\d+)");
    private static final double EXPOSURE_LIMIT = 3;
    private static final String GOES_ON = "goes on with what the weftd before has left";
    /** CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_NICE. */
    private static final String KEPT = "0000000000803000";

    @TempDir
    private Path directory = Path.of(".");

    @Test
    void shouldBeExposedLittle() {
        final String analysis =
                Command.run(List.of("systemd-analyze", "security", "--offline=true", "--no-pager", UNIT.toString()));
        final Matcher exposure = EXPOSURE.matcher(analysis);
        assertTrue(exposure.find(), analysis);
        assertTrue(Double.parseDouble(exposure.group(1)) < EXPOSURE_LIMIT, analysis);
    }

    @Test
    @RequiresRoot
    void shouldForwardWithTheRightsOfItsUnit() throws IOException {
        try (Topology topology = Topology.twoNodes()) {
            final Topology.Node node = topology.node(0);
            prepare(node);
            final String group = "weft-test-" + ProcessHandle.current().pid();
            try (BackgroundProcess boot = node.namespace()
                    .start("sh", directory.resolve("systemd.sh").toString(), ROOT.toString(), directory + "", group)) {
                final Systemd systemd = new Systemd(boot);
                systemd.awaitActive();
                Await.until(systemd::log, TIMEOUT_MS, () -> "forwards".equals(systemd.show("StatusText")));
                assertRights(systemd);
                assertWatched(systemd);
                assertFalse(systemd.log().contains(GOES_ON), systemd::log);
                systemd.run("systemctl", "restart", "weftd");
                systemd.awaitActive();
                Await.until(systemd::log, TIMEOUT_MS, () -> systemd.log().contains(GOES_ON));
                assertRights(systemd);
            }
        }
    }

    private void prepare(final Topology.Node node) throws IOException {
        try (InputStream script = Objects.requireNonNull(SystemdTest.class.getResourceAsStream("systemd.sh"))) {
            Files.copy(script, directory.resolve("systemd.sh"));
        }
        Files.writeString(
                directory.resolve("leases.json"),
                "{\"config\":{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}},\"leases\":{\"10.244.0.0-24\":"
                        + "{\"PublicIP\":\"" + node.underlayAddress()
                        + "\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + node.vtepMac()
                        + "\"}}}}");
        Files.writeString(
                directory.resolve("weftd"),
                "FLANNELD_IFACE=" + node.underlayDevice() + "\nFLANNELD_IP_MASQ=true\nFLANNELD_HEALTHZ_PORT=8081\n"
                        + "WEFTD_REGISTRY=file:/var/lib/leases.json\n"
                        // The JVM of the tests runs weftd as well.
                        + "JAVA_HOME=" + System.getProperty("java.home") + "\n");
        final Path changes = Files.createDirectories(directory.resolve("units/weftd.service.d"));
        Files.copy(UNIT, directory.resolve("units/weftd.service"));
        // Not less than four times the second after which an idle data thread takes a turn, by far.
        Files.writeString(
                changes.resolve("test.conf"),
                "[Service]\nWatchdogSec=20\nStandardOutput=append:/run/weftd.log\nStandardError=inherit\n");
    }

    private static void assertRights(final Systemd systemd) {
        final String pid = systemd.show("MainPID");
        final List<String> capabilities = systemd.run(
                        "sh",
                        "-c",
                        "for status in /proc/" + pid + "/task/*/status; do"
                                + " sed -n 's/^Cap[IPEB][a-z]*://p' $status 2>/dev/null || [ ! -e $status ] || exit; done")
                .lines()
                .map(String::strip)
                .distinct()
                .sorted()
                .toList();
        assertEquals(List.of("0000000000000000", KEPT), capabilities, systemd::log);
        assertEquals(
                "1",
                systemd.run(
                                "sh",
                                "-c",
                                "for task in /proc/" + pid + "/task/*; do [ \"$(cat $task/comm)\" != 'VM Thread' ]"
                                        + " || sed 's/.*) //' $task/stat | cut -d ' ' -f 39; done")
                        .strip(),
                "the JVM's thread that others wait for is one of real time (policy, proc_pid_stat(5))");
        final String others =
                systemd.run("find", "/run/weft", "-type", "f", "-perm", "/077", "-o", "-type", "s", "-perm", "/077");
        assertEquals("", others);
        assertTrue(systemd.run("ls", "/run/weft").contains("weft.1.counters"));
        assertTrue(systemd.run("ip", "-o", "link", "show", "weft.1").contains("weft.1"), systemd::log);
        assertTrue(systemd.run("iptables-save", "-t", "nat").contains("FLANNEL-POSTRTG"), systemd::log);
        assertFalse(systemd.log().contains(" WARNING "), systemd::log);
    }

    private static void assertWatched(final Systemd systemd) {
        final String before = systemd.show("WatchdogTimestampMonotonic");
        Await.until(
                () -> "a sign of life: " + systemd.log(),
                TIMEOUT_MS,
                () -> !before.equals(systemd.show("WatchdogTimestampMonotonic")));
        assertNotEquals("0", before);
        assertEquals("0", systemd.show("NRestarts"), systemd::log);
    }

    /** The one that has been booted. */
    private record Systemd(BackgroundProcess boot) {
        void awaitActive() {
            Await.until(() -> "active: " + status() + log(), TIMEOUT_MS, () -> {
                assertTrue(boot.process().isAlive(), boot::output);
                return tryRun("systemctl", "is-active", "weftd").output().startsWith("active");
            });
        }

        private String status() {
            return tryRun("systemctl", "--no-pager", "status", "weftd").output();
        }

        String show(final String property) {
            return run("systemctl", "show", "--property=" + property, "--value", "weftd")
                    .strip();
        }

        String log() {
            return boot.output() + tryRun("cat", "/run/weftd.log").output();
        }

        String run(final String... command) {
            return Command.run(inside(command));
        }

        Command.Result tryRun(final String... command) {
            return Command.tryRun(inside(command));
        }

        private List<String> inside(final String... command) {
            final String pid = boot.process()
                    .descendants()
                    .filter(process -> process.info().command().orElse("").endsWith("/systemd"))
                    .findFirst()
                    .map(process -> String.valueOf(process.pid()))
                    .orElse("0");
            return Stream.concat(Stream.of("nsenter", "--all", "--target", pid), Stream.of(command))
                    .toList();
        }
    }
}
