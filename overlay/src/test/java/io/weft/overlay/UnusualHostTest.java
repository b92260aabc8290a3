/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.counters.CountersFile;
import io.weft.linux.Errno;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RefusedCalls;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.ops.ControlSocket;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Hosts that are not set up as in a textbook, with a kernel VXLAN node as the peer. */
@RequiresRoot
class UnusualHostTest {
    private static final String READY = "ready: weft.1 forwards";
    private static final String LOOPBACK_ADDRESS = "10.0.0.1";
    private static final long TIMEOUT_MS = TimeUnit.MINUTES.toMillis(1);

    @TempDir
    private Path directory = Path.of(".");

    private final Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);
    private final NetworkNamespace host = node.namespace();

    @BeforeEach
    void setUp() throws IOException {
        topology.kernelVxlan(peer);
        writeLeases(node.underlayAddress(), "");
    }

    @AfterEach
    void tearDown() {
        topology.close();
    }

    private void writeLeases(final String publicIp, final String more) throws IOException {
        Files.writeString(
                directory.resolve("leases.json"),
                "{\"config\":{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}" + more + "},\"leases\":{"
                        + lease(node, publicIp) + "," + lease(peer, peer.underlayAddress()) + "}}");
    }

    private static String lease(final Topology.Node of, final String publicIp) {
        return "\"" + of.subnet().replace('/', '-') + "\":{\"PublicIP\":\"" + publicIp
                + "\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + of.vtepMac() + "\"}}";
    }

    private BackgroundProcess start(final String... options) {
        return WeftdProcess.start(
                host, directory, prepend("--registry=file:" + directory.resolve("leases.json"), options));
    }

    private static String[] prepend(final String first, final String... others) {
        final String[] all = new String[others.length + 1];
        all[0] = first;
        System.arraycopy(others, 0, all, 1, others.length);
        return all;
    }

    private BackgroundProcess startReady(final String... options) {
        return start(options).awaitOutput(READY, TIMEOUT_MS);
    }

    private void awaitReached(final BackgroundProcess weftd) {
        Await.until(
                weftd::output,
                TIMEOUT_MS,
                () -> 0
                        == node.pod()
                                .tryExec("ping", "-c", "1", "-W", "1", peer.podAddress())
                                .exitCode());
    }

    private void tellPeer(final String publicIp) {
        peer.namespace().bridge("fdb", "replace", node.vtepMac(), "dev", KernelVxlan.DEVICE, "dst", publicIp, "self");
    }

    @ParameterizedTest
    @CsvSource({"lo", LOOPBACK_ADDRESS})
    void shouldReachPeersFromAnAddressOfTheLoopbackDevice(final String iface) throws Exception {
        host.ip("address", "add", LOOPBACK_ADDRESS + "/32", "dev", "lo");
        host.ip("link", "set", node.underlayDevice(), "mtu", "1400");
        peer.namespace().ip("route", "add", LOOPBACK_ADDRESS, "via", node.underlayAddress());
        tellPeer(LOOPBACK_ADDRESS);
        writeLeases(LOOPBACK_ADDRESS, "");
        try (BackgroundProcess sources = peer.namespace()
                        .start("tcpdump", "-lni", peer.underlayDevice(), "udp and dst host " + peer.underlayAddress());
                BackgroundProcess weftd = startReady("--iface=" + iface)) {
            sources.awaitOutput("listening on", TIMEOUT_MS);
            awaitReached(weftd);
            sources.awaitOutput("IP " + LOOPBACK_ADDRESS + ".", TIMEOUT_MS);
            assertFalse(sources.output().contains("IP " + node.underlayAddress() + "."), sources::output);
            assertTrue(Files.readString(directory.resolve("subnet.env")).contains("FLANNEL_MTU=1350\n"));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "link add under0 type bridge, 9000",
        "link add under0 link uA type macvlan mode bridge, 1500",
    })
    void shouldReachPeersOverAnyKindOfInterface(final String command, final int mtu) {
        host.ip("link", "set", node.underlayDevice(), "mtu", "" + mtu);
        peer.namespace().ip("link", "set", peer.underlayDevice(), "mtu", "" + mtu);
        host.ip("address", "flush", "dev", node.underlayDevice());
        host.ip(command.split(" ", -1));
        host.ip("link", "set", "under0", "mtu", "" + mtu, "up");
        if (command.endsWith("bridge") && !command.contains("macvlan")) {
            host.ip("link", "set", node.underlayDevice(), "master", "under0");
        }
        host.ip("address", "add", node.underlayAddress() + "/24", "dev", "under0");
        try (BackgroundProcess weftd = startReady("--iface=under0")) {
            awaitReached(weftd);
            assertTrue(weftd.output().contains("MTU " + (mtu - Topology.VXLAN_OVERHEAD)), weftd::output);
        }
    }

    @Test
    void shouldReachPeersOverAPointToPointAddress() throws Exception {
        for (final Topology.Node each : topology.nodes()) {
            final Topology.Node other = each.equals(node) ? peer : node;
            each.namespace().ip("address", "flush", "dev", each.underlayDevice());
            each.namespace()
                    .ip(
                            "address",
                            "add",
                            each.underlayAddress(),
                            "peer",
                            other.underlayAddress() + "/32",
                            "dev",
                            each.underlayDevice());
        }
        try (BackgroundProcess weftd = startReady("--iface=" + node.underlayAddress())) {
            awaitReached(weftd);
        }
    }

    @Test
    void shouldWaitForTheDefaultRouteThatComesAfterBoot() {
        try (BackgroundProcess weftd =
                start().awaitOutput("there is no default route to tell the interface", TIMEOUT_MS)) {
            host.ip("route", "add", "default", "via", peer.underlayAddress(), "dev", node.underlayDevice());
            weftd.awaitOutput(READY, TIMEOUT_MS);
            awaitReached(weftd);
        }
    }

    /** As {@code netplan apply} does: the address goes, with it the default route, and both come back. */
    @Test
    void shouldStayOnTheFirstOfTwoInterfacesWhenItsAddressComesBack() {
        host.vethTo("uA2", peer.namespace(), "far", 1500);
        host.ip("address", "add", "192.168.200.1/24", "dev", "uA2");
        host.ip("route", "add", "default", "via", "192.168.200.254", "dev", "uA2", "metric", "200");
        host.ip(
                "route",
                "add",
                "default",
                "via",
                peer.underlayAddress(),
                "dev",
                node.underlayDevice(),
                "metric",
                "100");
        try (BackgroundProcess weftd = startReady()) {
            awaitReached(weftd);
            host.ip("address", "delete", node.underlayAddress() + "/24", "dev", node.underlayDevice());
            weftd.awaitOutput("has lost an address of uA", TIMEOUT_MS);
            host.ip("address", "add", node.underlayAddress() + "/24", "dev", node.underlayDevice());
            host.ip("route", "add", "default", "via", peer.underlayAddress(), "dev", "uA", "metric", "100");
            weftd.awaitOutput("the underlay is back: uA", TIMEOUT_MS);
            awaitReached(weftd);
        }
    }

    @Test
    void shouldSaySoWhenPodsHaveIpv6AndTheHostHasNot() throws Exception {
        writeLeases(node.underlayAddress(), ",\"EnableIPv6\":true,\"IPv6Network\":\"fd00:10:244::/48\"");
        final Path leases = directory.resolve("leases.json");
        Files.writeString(leases, Files.readString(leases).replace("0.0-24\"", "0.0-24&fd00:10:244::-64\""));
        try (BackgroundProcess weftd = start("--iface=" + node.underlayDevice())) {
            assertEquals(1, weftd.awaitExit(TIMEOUT_MS), weftd::output);
            assertTrue(
                    weftd.output()
                            .contains("the cluster network has IPv6 (fd00:10:244::/48), which is switched off here: "
                                    + "/proc/sys/net/ipv6/conf/default/disable_ipv6 is not 0. Set it to 0"),
                    weftd::output);
            assertFalse(weftd.output().contains("device weft.1"), weftd::output);
        }
    }

    /** As with {@code ipv6.disable=1} on the kernel's command line, as far as files tell. */
    @Test
    void shouldForwardIpv4WhereTheKernelHasNoIpv6() {
        final String hide =
                "mount -t tmpfs none /proc/sys/net/ipv6 && mount --bind /dev/null /proc/net/if_inet6; exec \"$@\"";
        final String[] weftd = WeftdProcess.command(
                directory, "--registry=file:" + directory.resolve("leases.json"), "--iface=" + node.underlayDevice());
        try (BackgroundProcess hidden =
                host.start(Stream.concat(Stream.of("unshare", "--mount", "sh", "-c", hide, "sh"), Stream.of(weftd))
                        .toArray(String[]::new))) {
            hidden.awaitOutput(READY, TIMEOUT_MS);
            awaitReached(hidden);
            assertFalse(hidden.output().contains("ipv6"), hidden::output);
        }
    }

    @Test
    void shouldRefuseToShareItsDirectoryWithADaemonOfAnotherNamespace() throws Exception {
        try (BackgroundProcess weftd = startReady("--iface=" + node.underlayDevice());
                NetworkNamespace other = NetworkNamespace.create("other")) {
            final String subnetFile = Files.readString(directory.resolve("subnet.env"));
            other.vethTo("uC", peer.namespace(), "portC", 1500);
            other.ip("address", "add", peer.underlayAddress() + "/24", "dev", "uC");
            final String registry = "--registry=file:" + directory.resolve("leases.json");
            try (BackgroundProcess second = WeftdProcess.start(other, directory, registry, "--iface=uC")) {
                assertEquals(1, second.awaitExit(TIMEOUT_MS), second::output);
                assertTrue(
                        second.output()
                                .contains("device weft.1 belongs to another weftd, process "
                                        + weftd.process().pid() + ", which keeps its files in "
                                        + directory.resolve("run")),
                        second::output);
            }
            try (BackgroundProcess second = WeftdProcess.start(
                    other, directory, registry, "--iface=uC", "--run-dir=" + directory.resolve("other"))) {
                assertEquals(1, second.awaitExit(TIMEOUT_MS), second::output);
                assertTrue(
                        second.output().contains("subnet.env belongs to another weftd, which holds"), second::output);
            }
            assertEquals(subnetFile, Files.readString(directory.resolve("subnet.env")));
            assertTrue(ControlSocket.ask(directory.resolve("run/weft.1.sock"), "explain " + peer.podAddress())
                    .contains(peer.subnet()));
            try (CountersFile counters = CountersFile.open(directory.resolve("run/weft.1.counters"))) {
                assertEquals(weftd.process().pid(), counters.pid());
            }
        }
    }

    @Test
    void shouldLeaveNothingThatOtherUsersCanLockOrReplace() throws Exception {
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
        try (BackgroundProcess weftd = startReady("--iface=" + node.underlayDevice())) {
            assertEquals("subnet.env", reachable("-type f -readable"), weftd::output);
            assertEquals("", reachable("-writable"), weftd::output);
        }
        assertEquals("subnet.env", reachable("-name subnet.env* -readable"));
    }

    /** What nobody's processes find of weftd's files. */
    private String reachable(final String condition) {
        final String find = "find . ! -name leases.json ! -type l " + condition + " -printf '%f\\n'";
        return host.exec(
                        "setpriv",
                        "--reuid=65534",
                        "--regid=65534",
                        "--clear-groups",
                        "--bounding-set=-all",
                        "sh",
                        "-c",
                        "cd '" + directory + "' && set -f && " + find)
                .lines()
                .sorted()
                .collect(Collectors.joining(" "));
    }

    /** Whoever owns the directory, or may write in one above, can put another in its place; as root cannot be kept from it. */
    @ParameterizedTest
    @CsvSource({
        "chown 65534 run, run belongs to user 65534",
        "chgrp 65534 run; chmod 775 run, run can be written by its group",
        "mkdir run/deep; chmod 777 run, run can be written by every user",
        "mkdir away; chown 65534 away; rmdir run; ln -s away run, away belongs to user 65534",
        "rmdir run; mkdir away; ln -s away run; chown -h 65534 run, run belongs to user 65534",
    })
    void shouldRefuseARunDirectoryThatAnotherUserCanReplace(final String preparation, final String why)
            throws Exception {
        Files.createDirectory(directory.resolve("run"));
        host.exec("sh", "-c", "cd '" + directory + "' && " + preparation);
        final Path deep = directory.resolve("run/deep");
        final Path chosen = Files.exists(deep) ? deep : deep.getParent();
        try (BackgroundProcess weftd = start("--iface=" + node.underlayDevice(), "--run-dir=" + chosen)) {
            assertEquals(1, weftd.awaitExit(TIMEOUT_MS), weftd::output);
            assertTrue(weftd.output().contains("directory " + directory + "/" + why), weftd::output);
        }
    }

    @ParameterizedTest
    @CsvSource({"--run-dir, open", "--subnet-file, open/subnet.env"})
    void shouldRefuseADirectoryThatEveryUserCanWrite(final String option, final String path) throws Exception {
        final Path open = Files.createDirectory(directory.resolve("open"));
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxrwxrwx"));
        try (BackgroundProcess weftd =
                start("--iface=" + node.underlayDevice(), option + "=" + directory.resolve(path))) {
            assertEquals(1, weftd.awaitExit(TIMEOUT_MS), weftd::output);
            assertTrue(
                    weftd.output().contains("directory " + open + " can be written by every user")
                            && weftd.output().contains("or choose another by " + option),
                    weftd::output);
        }
    }

    /** A container's filter of system calls: each thread is refused a short time slice, and the log says so once. */
    @Test
    void shouldForwardAndTellOnceWhereTimeSlicesAreRefused() throws Exception {
        try (BackgroundProcess weftd = RefusedCalls.refusing(
                RefusedCalls.SCHED_SETATTR,
                Errno.EPERM,
                () -> start("--iface=" + node.underlayDevice(), "--threading-mode=DEDICATED"))) {
            weftd.awaitOutput(READY, TIMEOUT_MS);
            awaitReached(weftd);
            assertEquals(
                    1,
                    weftd.output()
                            .lines()
                            .filter(line -> line.contains("(sched_setattr): EPERM"))
                            .count(),
                    weftd::output);
        }
    }
}
