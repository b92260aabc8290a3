/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.docs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** packaging/host beside the systemd-networkd of this machine, which is told to set up every device. */
@RequiresRoot
class HostSettingsTest {
    private static final long TIMEOUT_MS = TimeUnit.MINUTES.toMillis(2);
    private static final Path ROOT =
            Path.of(System.getProperty("weft.root", "..")).toAbsolutePath().normalize();
    private static final String GUARD = "blackhole 10.244.0.0/16";
    private static final String UNMANAGED = "ADMIN_STATE=unmanaged\n";
    private static final String CONFIGURED = "ADMIN_STATE=configured\n";

    @TempDir
    private Path directory = Path.of(".");

    @Test
    void shouldKeepDeviceAddressAndRoutesFromSystemdNetworkd() throws IOException {
        try (Topology topology = Topology.twoNodes()) {
            final Topology.Node node = topology.node(0);
            try (BackgroundProcess weftd = weftd(topology, "vxlan");
                    BackgroundProcess monitor = node.namespace().start("ip", "monitor", "address", "route")) {
                weftd.awaitOutput("ready: weft.1 forwards", TIMEOUT_MS);
                final String device = "weft.1";
                // What it is there to prevent.
                try (BackgroundProcess networkd = networkd(node, "none")) {
                    reconfigure(node, networkd, node.underlayDevice(), device);
                    awaitDeleted(monitor, networkd, GUARD);
                    awaitDeleted(monitor, networkd, node.subnetBase() + "/32");
                    assertFalse(state(node, networkd, device).contains(UNMANAGED), networkd::output);
                }
                Await.until(
                        () -> "the guard route again: " + weftd.output(),
                        TIMEOUT_MS,
                        () -> node.namespace().ip("route").contains(GUARD));
                final int before = settled(node, monitor, "198.51.100.1").length();
                try (BackgroundProcess networkd = networkd(node, ROOT.resolve("packaging/host") + "")) {
                    reconfigure(node, networkd, node.underlayDevice(), device);
                    awaitState(node, networkd, device, UNMANAGED);
                    assertUntouched(settled(node, monitor, "198.51.100.2").substring(before));
                }
            }
        }
    }

    /** Whose routes belong to a device that is systemd-networkd's own. */
    @Test
    void shouldKeepTheRoutesOfHostGatewaysFromSystemdNetworkd() throws IOException {
        try (Topology topology = Topology.twoNodes()) {
            final Topology.Node node = topology.node(0);
            final String route =
                    topology.node(1).subnet() + " via " + topology.node(1).underlayAddress();
            try (BackgroundProcess weftd = weftd(topology, "host-gw");
                    BackgroundProcess monitor = node.namespace().start("ip", "monitor", "address", "route")) {
                Await.until(
                        () -> route + ": " + weftd.output(),
                        TIMEOUT_MS,
                        () -> node.namespace().ip("route").contains(route));
                try (BackgroundProcess networkd = networkd(node, "none")) {
                    reconfigure(node, networkd, node.underlayDevice());
                    awaitDeleted(monitor, networkd, route);
                }
                Await.until(
                        () -> route + " again: " + weftd.output(),
                        TIMEOUT_MS,
                        () -> node.namespace().ip("route").contains(route));
                final int before = settled(node, monitor, "198.51.100.1").length();
                try (BackgroundProcess networkd = networkd(node, ROOT.resolve("packaging/host") + "")) {
                    reconfigure(node, networkd, node.underlayDevice());
                    assertUntouched(settled(node, monitor, "198.51.100.2").substring(before));
                }
            }
        }
    }

    private BackgroundProcess weftd(final Topology topology, final String backend) throws IOException {
        final StringBuilder leases = new StringBuilder();
        for (final Topology.Node node : topology.nodes()) {
            leases.append(0 == node.index() ? "" : ",")
                    .append("\"10.244.")
                    .append(node.index())
                    .append(".0-24\":{\"PublicIP\":\"")
                    .append(node.underlayAddress())
                    .append("\",\"BackendType\":\"")
                    .append(backend)
                    .append("\",\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"")
                    .append(node.vtepMac())
                    .append("\"}}");
        }
        final Path registry = Files.writeString(
                directory.resolve("leases.json"),
                "{\"config\":{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"" + backend + "\"}},\"leases\":{"
                        + leases + "}}");
        final Topology.Node node = topology.node(0);
        return node.namespace()
                .start(
                        ROOT.resolve("bin/weftd").toString(),
                        "--iface=" + node.underlayDevice(),
                        "--registry=file:" + registry,
                        "--run-dir=" + directory.resolve("run"),
                        "--state-dir=" + directory.resolve("state"),
                        "--subnet-file=" + directory.resolve("subnet.env"),
                        "--rehearsal-limit=0");
    }

    private BackgroundProcess networkd(final Topology.Node node, final String settings) throws IOException {
        final Path script = directory.resolve("networkd.sh");
        if (!Files.exists(script)) {
            try (InputStream stream =
                    Objects.requireNonNull(HostSettingsTest.class.getResourceAsStream("networkd.sh"))) {
                Files.copy(stream, script);
            }
        }
        return node.namespace().start("unshare", "--mount", "sh", script.toString(), settings, node.underlayDevice());
    }

    /** As netplan does when its settings are applied: what systemd-networkd does not know of a device it takes away. */
    private static void reconfigure(
            final Topology.Node node, final BackgroundProcess networkd, final String... devices) {
        awaitState(node, networkd, node.underlayDevice(), CONFIGURED);
        final List<String> command = new ArrayList<>(
                List.of("nsenter", "--mount", "--target=" + networkd.process().pid(), "networkctl", "reconfigure"));
        command.addAll(List.of(devices));
        Await.until(
                () -> command + ": " + networkd.output(),
                TIMEOUT_MS,
                () -> 0
                        == node.namespace()
                                .tryExec(command.toArray(String[]::new))
                                .exitCode());
        Await.until(
                () -> "it begins: " + networkd.output(),
                TIMEOUT_MS,
                () -> 2 <= networkd.output().split(node.underlayDevice() + ": Configuring with", -1).length - 1);
        awaitState(node, networkd, node.underlayDevice(), CONFIGURED);
    }

    private static void awaitDeleted(
            final BackgroundProcess monitor, final BackgroundProcess networkd, final String what) {
        Await.until(
                () -> "deleted, " + what + ": " + monitor.output() + networkd.output(),
                TIMEOUT_MS,
                () -> monitor.output().lines().anyMatch(line -> line.startsWith("Deleted ") && line.contains(what)));
    }

    private static void awaitState(
            final Topology.Node node, final BackgroundProcess networkd, final String device, final String state) {
        Await.until(() -> device + ' ' + state + networkd.output(), TIMEOUT_MS, () -> {
            assertTrue(networkd.process().isAlive(), networkd::output);
            return state(node, networkd, device).contains(state);
        });
    }

    /** What systemd-networkd says of a device, in its own /run. */
    private static String state(final Topology.Node node, final BackgroundProcess networkd, final String device) {
        final String index = node.namespace().ip("-o", "link", "show", device).replaceFirst("(?s):.*", "");
        return Command.tryRun(List.of(
                        "nsenter",
                        "--mount",
                        "--target=" + networkd.process().pid(),
                        "cat",
                        "/run/systemd/netif/links/" + index))
                .output();
    }

    /** All that the monitor has seen up to now: until a route comes by that is made for this. */
    private static String settled(final Topology.Node node, final BackgroundProcess monitor, final String destination) {
        node.namespace().ip("route", "add", "blackhole", destination);
        Await.until(
                () -> destination + ": " + monitor.output(),
                TIMEOUT_MS,
                () -> monitor.output().contains("blackhole " + destination));
        return monitor.output();
    }

    private static void assertUntouched(final String events) {
        assertEquals(
                List.of(),
                events.lines().filter(line -> line.startsWith("Deleted ")).toList());
    }
}
