/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.registry.etcd.EtcdServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * weftd goes on in the place of the devices that flanneld left, wholly or not at all: when it cannot, devices, routes, neighbours
 * and the lease are as before, and pods stay connected.
 */
@RequiresRoot
class TakeoverTest {
    /** As deploy/weftd.service gives it. */
    private static final List<String> UNITS_PRIVILEGE =
            List.of("setpriv", "--bounding-set=-all,+net_admin,+net_raw,+dac_override", "--inh-caps=-all");

    private static final String SUBNETS = MixedCluster.PREFIX + "/subnets/";

    @TempDir
    private Path directory = Path.of(".");

    private final CloseAll resources = new CloseAll();
    private final Topology topology = Topology.builder().dualStack().build();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);
    private Path files = Path.of(".");
    private @Nullable EtcdServer etcd;

    @BeforeEach
    void setUp() throws Exception {
        assumeTrue(EtcdServer.isInstalled(), "needs Debian's etcd-server and etcd-client");
        resources.add(topology);
        topology.kernelVxlan(node);
        topology.kernelVxlan(peer);
        files = directory.resolve("node");
        Files.createDirectories(files.resolve("run"));
        etcd = resources.add(node.namespace().call(() -> new EtcdServer(directory, node.underlayAddress())));
        putConfig("");
        put(node);
        put(peer);
        Files.writeString(
                files.resolve("subnet.env"),
                "FLANNEL_SUBNET=" + node.bridgeAddress() + "/24\nFLANNEL_IPV6_SUBNET=" + node.bridgeAddressV6()
                        + "/64\n");
    }

    @AfterEach
    void tearDown() {
        resources.close();
    }

    private String ctl(final String... words) {
        return node.namespace().call(() -> Objects.requireNonNull(etcd).ctl(words));
    }

    /** @param backend keys of it behind its type, each with a comma in front. */
    private void putConfig(final String backend) {
        ctl(
                "put",
                MixedCluster.PREFIX + "/config",
                "{\"EnableIPv6\":true,\"Network\":\"" + Topology.CLUSTER_NETWORK + "\",\"SubnetMin\":\"10.244.0.0\","
                        + "\"IPv6Network\":\"" + Topology.CLUSTER_NETWORK_V6
                        + "\",\"IPv6SubnetMin\":\"fd00:10:244::\",\"Backend\":{\"Type\":\"vxlan\"" + backend + "}}");
    }

    private void put(final Topology.Node of) {
        ctl(
                "put",
                SUBNETS + of.subnet().replace('/', '-') + "&" + of.subnetV6().replace('/', '-'),
                "{\"PublicIP\":\"" + of.underlayAddress() + "\",\"PublicIPv6\":\"" + of.underlayAddressV6()
                        + "\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + of.vtepMac()
                        + "\"},\"BackendV6Data\":{\"VNI\":1,\"VtepMAC\":\"" + of.vtepMacV6() + "\"}}");
    }

    private BackgroundProcess start() {
        return start(List.of());
    }

    /** @param launcher the command that runs weftd; empty for none. */
    private BackgroundProcess start(final List<String> launcher, final String... options) {
        final String[] weftd = WeftdProcess.command(
                files,
                "--etcd-endpoints=" + Objects.requireNonNull(etcd).endpoint(),
                "--iface=" + node.underlayDevice());
        return node.namespace()
                .start(Stream.of(launcher.stream(), Stream.of(weftd), Stream.of(options))
                        .flatMap(words -> words)
                        .toArray(String[]::new));
    }

    private boolean isReached(final String address) {
        return 0 == node.pod().tryExec("ping", "-c", "1", "-W", "1", address).exitCode();
    }

    private void assertReached(final BackgroundProcess weftd) {
        for (final String address : new String[] {peer.podAddress(), peer.podAddressV6()}) {
            Await.until(
                    () -> address + " is not reached: " + weftd.output(),
                    WeftdProcess.START_TIMEOUT_MS,
                    () -> isReached(address));
        }
    }

    /** What of a host a takeover changes, without what the kernel makes by itself in its own time. */
    private String host() {
        return Stream.of(
                                "ip -oneline link show type vxlan",
                                "ip -oneline link show type tun",
                                "ip -4 -oneline address",
                                "ip -6 -oneline address show scope global",
                                "ip route",
                                "ip -6 route show proto boot",
                                "ip neighbour show nud permanent",
                                "bridge fdb show dev flannel.1",
                                "bridge fdb show dev flannel-v6.1")
                        .map(command -> sorted(HostState.output(node.namespace(), command.split(" ", -1))))
                        .collect(Collectors.joining())
                + sorted(node.namespace().exec("find", files.toString(), "!", "-name", "weftd-*.status"));
    }

    private static String sorted(final String lines) {
        return lines.lines().sorted().map(line -> line + "\n").collect(Collectors.joining());
    }

    /** @param isUntouched nothing was written to etcd either. */
    private void assertRefused(final String cause, final boolean isUntouched) {
        assertRefused(cause, isUntouched, List.of());
    }

    private void assertRefused(final String cause, final boolean isUntouched, final List<String> launcher) {
        final String before = host();
        final String leases = ctl("get", "--prefix", SUBNETS);
        final String revisions = ctl("get", "--prefix", "--write-out=json", SUBNETS);
        try (BackgroundProcess weftd = start(launcher)) {
            assertEquals(1, weftd.awaitExit(WeftdProcess.START_TIMEOUT_MS), weftd::output);
            assertTrue(weftd.output().contains(cause), weftd::output);
            assertEquals(before, host(), weftd::output);
            assertEquals(leases, ctl("get", "--prefix", SUBNETS));
            if (isUntouched) {
                assertEquals(revisions, ctl("get", "--prefix", "--write-out=json", SUBNETS));
            }
            assertReached(weftd);
        }
    }

    @Test
    void shouldTakeOverBothDevicesAndDeleteThemWhenNothingIsInTheWay() {
        try (BackgroundProcess weftd = start()) {
            weftd.awaitOutput("ready: weft.1 and weft-v6.1 forward", WeftdProcess.START_TIMEOUT_MS);
            assertReached(weftd);
            assertEquals("", node.namespace().ip("-oneline", "link", "show", "type", "vxlan"));
            assertTrue(node.namespace()
                    .ip("route", "show", "table", "local")
                    .contains("local " + node.subnetBase() + " dev weft.1"));
        }
    }

    /** As operators do whose firewall names flannel's device. */
    @Test
    void shouldTakeOverTheNameOfTheDeviceToo() {
        try (BackgroundProcess weftd = start(List.of(), "--device-name=flannel.1")) {
            weftd.awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
            assertEquals("", node.namespace().ip("-oneline", "link", "show", "type", "vxlan"));
            assertTrue(node.namespace().ip("-oneline", "link").contains(" flannel.1: "), weftd::output);
            Await.until(weftd::output, Await.TIMEOUT_MS, () -> isReached(peer.podAddress()));
        }
    }

    /** Else the routes to each node's subnet that flanneld has left would be in front of weft's to the network. */
    @Test
    void shouldTakeOverFromDevicesOfAnotherPort() {
        putConfig(",\"Port\":8473");
        try (BackgroundProcess weftd = start()) {
            weftd.awaitOutput("ready: weft.1 and weft-v6.1 forward", WeftdProcess.START_TIMEOUT_MS);
            assertEquals("", node.namespace().ip("-oneline", "link", "show", "type", "vxlan"), weftd::output);
        }
    }

    /** The name was set aside for a device of weft's own, and whoever did that was killed. */
    @Test
    void shouldFindTheDevicesThatAKilledDaemonHasSetAside() {
        final String aside = KernelVxlan.DEVICE + "-old";
        node.namespace().ip("link", "set", KernelVxlan.DEVICE, "down");
        node.namespace().ip("link", "set", KernelVxlan.DEVICE, "name", aside);
        try (BackgroundProcess weftd = start(List.of(), "--device-name=" + KernelVxlan.DEVICE)) {
            weftd.awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
            assertEquals("", node.namespace().ip("-oneline", "link", "show", "type", "vxlan"), weftd::output);
            Await.until(weftd::output, Await.TIMEOUT_MS, () -> isReached(peer.podAddress()));
        }
    }

    @Test
    void shouldGiveDevicesThatWereSetAsideTheirNamesBackWhenAStepFails() throws Exception {
        node.namespace().ip("link", "set", KernelVxlan.DEVICE, "down");
        node.namespace().ip("link", "set", KernelVxlan.DEVICE, "name", KernelVxlan.DEVICE + "-old");
        Files.createDirectories(files.resolve("run/weft-v6.1.sock/in the way"));
        try (BackgroundProcess weftd = start()) {
            assertEquals(1, weftd.awaitExit(WeftdProcess.START_TIMEOUT_MS), weftd::output);
            assertTrue(
                    node.namespace()
                            .ip("-oneline", "link", "show", "type", "vxlan")
                            .contains(" " + KernelVxlan.DEVICE + ": "),
                    weftd::output);
        }
    }

    @Test
    void shouldChangeNothingWhenAnotherDeviceHasThePort() {
        node.namespace()
                .ip(
                        "link",
                        "add",
                        "cilium_vxlan",
                        "type",
                        "vxlan",
                        "id",
                        "2",
                        "dstport",
                        "8472",
                        "nolearning",
                        "local",
                        node.underlayAddress(),
                        "dev",
                        node.underlayDevice());
        node.namespace().ip("link", "set", "cilium_vxlan", "up");
        assertRefused("UDP port 8472 belongs to the kernel VXLAN device cilium_vxlan (VNI 2)", true);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldChangeNothingWhenFlanneldStillRuns(final boolean isUnitsPrivilege) throws Exception {
        final Path flanneld = Files.copy(Path.of("/bin/sleep"), directory.resolve("flanneld"));
        try (NetworkNamespace elsewhere = NetworkNamespace.create("elsewhere");
                BackgroundProcess another = elsewhere.start(flanneld.toString(), "infinity");
                BackgroundProcess running = node.namespace().start(flanneld.toString(), "infinity")) {
            for (final BackgroundProcess each : new BackgroundProcess[] {another, running}) {
                final Path comm = Path.of("/proc", String.valueOf(each.process().pid()), "comm");
                Await.until(() -> comm + " is not flanneld", Await.TIMEOUT_MS, () -> isNamed(comm));
            }
            assertRefused(
                    "flanneld still runs, process " + running.process().pid() + ": stop it first",
                    true,
                    isUnitsPrivilege ? UNITS_PRIVILEGE : List.of());
            running.process().destroyForcibly().waitFor();
            try (BackgroundProcess weftd = start()) {
                weftd.awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
            }
        }
    }

    private static boolean isNamed(final Path comm) {
        try {
            return "flanneld".equals(Files.readString(comm).strip());
        } catch (final IOException gone) {
            return false;
        }
    }

    @Test
    void shouldChangeNothingWhenTheUnderlayLeavesTooLittle() {
        node.namespace().ip("link", "set", node.underlayDevice(), "mtu", "1310");
        final String before = host();
        assertTrue(before.contains(KernelVxlan.DEVICE), before);
        try (BackgroundProcess weftd = start()) {
            assertEquals(1, weftd.awaitExit(WeftdProcess.START_TIMEOUT_MS), weftd::output);
            assertTrue(weftd.output().contains("leaves 1240 bytes for pods, IPv6 needs 1280"), weftd::output);
            assertEquals(before, host());
        }
    }

    /** Else what is for pods leaves the host by its default route in between. */
    @Test
    void shouldGuardTheNetworkFromBeforeTheDevicesAreDownUntilTheyAreBack() throws Exception {
        Files.createDirectories(files.resolve("run/weft-v6.1.sock/in the way"));
        try (BackgroundProcess monitor = node.namespace().start("ip", "-oneline", "monitor", "link", "route")) {
            awaitMonitoring(monitor);
            assertRefused("make control socket", false);
            final String guard = "blackhole " + Topology.CLUSTER_NETWORK;
            Await.until(
                    monitor::output, Await.TIMEOUT_MS, () -> monitor.output().contains("Deleted " + guard));
            final List<String> changes = monitor.output().lines().toList();
            final int set = first(changes, guard + ".*");
            final int down = first(changes, "\\d+: " + KernelVxlan.DEVICE + ": <BROADCAST,MULTICAST>.*");
            final int back = first(changes.subList(down, changes.size()), peer.subnet() + " via .*") + down;
            final int deleted = first(changes, "Deleted " + guard + ".*");
            assertTrue(set < down && down < back && back < deleted, monitor::output);
        }
    }

    private void awaitMonitoring(final BackgroundProcess monitor) {
        Await.until("the monitor tells of a route", Await.TIMEOUT_MS, () -> {
            node.namespace().ip("route", "add", "blackhole", "10.99.0.0/16");
            node.namespace().ip("route", "delete", "blackhole", "10.99.0.0/16");
            return monitor.output().contains("10.99.0.0/16");
        });
    }

    private static int first(final List<String> lines, final String pattern) {
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).matches(pattern)) {
                return i;
            }
        }
        throw new AssertionError(pattern + " is not in\n" + String.join("\n", lines));
    }

    /** The control socket is the last of what is made on the host, so all else is there already. */
    @Test
    void shouldPutBackWhatWasWhenAStepAfterItFails() throws Exception {
        Files.createDirectories(files.resolve("run/weft-v6.1.sock/in the way"));
        assertRefused("make control socket", false);
    }
}
