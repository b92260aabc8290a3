/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.registry.etcd.EtcdServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What people and network services do to the interface below while weftd runs, with a kernel VXLAN node as its peer. */
@RequiresRoot
class UnderlayChangeTest {
    private static final String READY = "ready: weft.1 forwards";
    private static final String NEW_ADDRESS = "192.168.100.11";
    private static final long TIMEOUT_MS = Await.TIMEOUT_MS;
    private static final int POD_PORT = 7000;

    @TempDir
    private Path directory = Path.of(".");

    private final Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);
    private final NetworkNamespace namespace = node.namespace();
    private Path leases = Path.of("leases.json");

    @BeforeEach
    void setUp() throws IOException {
        topology.kernelVxlan(peer);
        leases = directory.resolve("leases.json");
        writeLeases(node.underlayAddress());
    }

    @AfterEach
    void tearDown() {
        topology.close();
    }

    private static String lease(final Topology.Node of, final String publicIp) {
        return "{\"PublicIP\":\"" + publicIp + "\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\","
                + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + of.vtepMac() + "\"}}";
    }

    private static String key(final Topology.Node of) {
        return of.subnet().replace('/', '-');
    }

    private void writeLeases(final String publicIp) throws IOException {
        final Path fresh = Files.writeString(
                directory.resolve("fresh"),
                "{\"config\":{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}},\"leases\":{\""
                        + key(node) + "\":" + lease(node, publicIp) + ",\"" + key(peer) + "\":"
                        + lease(peer, peer.underlayAddress()) + "}}");
        Files.move(fresh, leases, StandardCopyOption.ATOMIC_MOVE);
    }

    private BackgroundProcess start(final String registry) {
        return WeftdProcess.start(namespace, directory, registry, "--iface=" + node.underlayDevice())
                .awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
    }

    private BackgroundProcess startWithFile() {
        return start("--registry=file:" + leases);
    }

    private boolean isReached() {
        return 0
                == node.pod()
                        .tryExec("ping", "-c", "1", "-W", "1", peer.podAddress())
                        .exitCode();
    }

    private String subnetFile() {
        try {
            return Files.readString(directory.resolve("subnet.env"));
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /** The device with its number: another number means that it was made anew. */
    private String device() {
        return namespace.ip("-o", "link", "show", "dev", "weft.1").replaceAll("<.*", "");
    }

    private boolean hasMtu(final int mtu) {
        return namespace.ip("-o", "link", "show", "dev", "weft.1").contains(" mtu " + mtu + " ")
                && subnetFile().contains("FLANNEL_MTU=" + mtu + "\n");
    }

    @Test
    void shouldTakeOverTheMtuWithoutTouchingDeviceAndRoutes() {
        try (BackgroundProcess weftd = startWithFile();
                BackgroundProcess routes = namespace.start("ip", "monitor", "route")) {
            final String device = device();
            namespace.ip("route", "add", "10.99.0.0/16", "dev", "weft.1");
            routes.awaitOutput("10.99.0.0/16", TIMEOUT_MS);
            for (final int mtu : new int[] {1400, 9000, 1500}) {
                namespace.ip("link", "set", node.underlayDevice(), "mtu", "" + mtu);
                Await.until(weftd::output, TIMEOUT_MS, () -> hasMtu(mtu - Topology.VXLAN_OVERHEAD));
                Await.until(
                        () -> CommandOutput.of(directory, "status"),
                        TIMEOUT_MS,
                        () -> CommandOutput.of(directory, "status").contains("192.168.100.1, MTU " + mtu + ')'));
                Await.until(weftd::output, TIMEOUT_MS, this::isReached);
            }
            namespace.ip("route", "del", "10.99.0.0/16");
            routes.awaitOutput("Deleted 10.99.0.0/16", TIMEOUT_MS);
            assertFalse(routes.output().contains("10.244.0.0/16"), routes::output);
            assertEquals(device, device());
            assertFalse(weftd.output().contains("repaired"), weftd::output);
        }
    }

    @Test
    void shouldKeepItsMtuWhenTheUnderlaysIsTooSmall() {
        try (BackgroundProcess weftd = startWithFile()) {
            namespace.ip("link", "set", node.underlayDevice(), "mtu", "600");
            weftd.awaitOutput("leaves 550 bytes for pods, IPv4 needs 576", TIMEOUT_MS);
            assertTrue(hasMtu(topology.podMtu()));
            namespace.ip("link", "set", node.underlayDevice(), "mtu", "1400");
            Await.until(weftd::output, TIMEOUT_MS, () -> hasMtu(1350));
        }
    }

    @Test
    void shouldSendAgainWhenTheInterfaceIsBack() {
        try (BackgroundProcess weftd = startWithFile()) {
            final String device = device();
            namespace.ip("link", "set", node.underlayDevice(), "down");
            weftd.awaitOutput("interface uA is down", TIMEOUT_MS);
            namespace.ip("link", "set", node.underlayDevice(), "up");
            Await.until(weftd::output, TIMEOUT_MS, this::isReached);

            peer.namespace().ip("link", "set", peer.underlayDevice(), "down");
            weftd.awaitOutput("interface uA has no carrier", TIMEOUT_MS);
            peer.namespace().ip("link", "set", peer.underlayDevice(), "up");
            Await.until(weftd::output, TIMEOUT_MS, this::isReached);

            namespace.ip("address", "flush", "dev", node.underlayDevice());
            weftd.awaitOutput("interface uA has no IPv4 address", TIMEOUT_MS);
            namespace.ip("address", "add", node.underlayAddress() + "/24", "dev", node.underlayDevice());
            Await.until(weftd::output, TIMEOUT_MS, this::isReached);

            namespace.ip("link", "delete", node.underlayDevice()); // the peer's device and its VXLAN go with it
            weftd.awaitOutput("no interface matches --iface=uA", TIMEOUT_MS);
            namespace.vethTo(node.underlayDevice(), peer.namespace(), peer.underlayDevice(), 1400);
            peer.namespace().ip("address", "add", peer.underlayAddress() + "/24", "dev", peer.underlayDevice());
            topology.kernelVxlan(peer);
            namespace.ip("address", "add", node.underlayAddress() + "/24", "dev", node.underlayDevice());
            Await.until(weftd::output, TIMEOUT_MS, this::isReached);
            Await.until(weftd::output, TIMEOUT_MS, () -> hasMtu(1350));

            assertEquals(device, device());
            assertFalse(weftd.output().contains("taken down"), weftd::output);
        }
    }

    /** Among them one that would be preferred at a start, for it is permanent and the one in use is not. */
    @Test
    void shouldNotMindOtherAddresses() {
        try (BackgroundProcess weftd = startWithFile()) {
            final String device = device();
            final String underlay = node.underlayDevice();
            namespace.ip(
                    "address",
                    "change",
                    node.underlayAddress() + "/24",
                    "dev",
                    underlay,
                    "valid_lft",
                    "3600",
                    "preferred_lft",
                    "3600");
            namespace.sysctl("net/ipv6/conf/" + underlay + "/disable_ipv6", 0);
            for (final String address :
                    new String[] {"192.168.100.50/24", "10.9.9.9/24", "fe80::77/64", "fd00:9::9/64"}) {
                namespace.ip("address", "add", address, "dev", underlay);
            }
            for (final String address : new String[] {"192.168.100.50/24", "fe80::77/64", "fd00:9::9/64"}) {
                namespace.ip("address", "delete", address, "dev", underlay);
            }
            namespace.ip("link", "set", underlay, "mtu", "1400"); // comes after them
            Await.until(weftd::output, TIMEOUT_MS, () -> hasMtu(1350));
            Await.until(weftd::output, TIMEOUT_MS, this::isReached);
            assertEquals(device, device());
            assertFalse(weftd.output().contains("taken down"), weftd::output);
        }
    }

    @Test
    void shouldFollowTheAddressIntoTheLeaseWithItsSubnetAndMac() throws Exception {
        assumeTrue(EtcdServer.isInstalled(), "needs Debian's etcd-server and etcd-client");
        final String prefix = "/coreos.com/network/";
        try (EtcdServer etcd = namespace.call(() -> new EtcdServer(directory))) {
            namespace.run(() -> {
                etcd.ctl(
                        "put",
                        prefix + "config",
                        "{\"Network\":\"10.244.0.0/16\",\"SubnetMin\":\"10.244.0.0\",\"Backend\":{\"Type\":\"vxlan\"}}");
                etcd.ctl("put", prefix + "subnets/" + key(node), lease(node, node.underlayAddress()));
                etcd.ctl("put", prefix + "subnets/" + key(peer), lease(peer, peer.underlayAddress()));
            });
            try (BackgroundProcess weftd = start("--etcd-endpoints=" + etcd.endpoint());
                    ServerSocket server = peer.pod().call(() -> new ServerSocket(POD_PORT));
                    Socket client = node.pod().call(() -> {
                        final Socket socket = new Socket();
                        socket.connect(new InetSocketAddress(peer.podAddress(), POD_PORT), (int) TIMEOUT_MS);
                        return socket;
                    });
                    Socket accepted = server.accept()) {
                namespace.ip("address", "delete", node.underlayAddress() + "/24", "dev", node.underlayDevice());
                namespace.ip("address", "add", NEW_ADDRESS + "/24", "dev", node.underlayDevice());
                Await.until(
                        weftd::output,
                        TIMEOUT_MS,
                        () -> lease(node, NEW_ADDRESS)
                                .equals(namespace.call(
                                        () -> etcd.ctl("get", "--print-value-only", prefix + "subnets/" + key(node)))));
                peer.namespace()
                        .bridge(
                                "fdb",
                                "replace",
                                node.vtepMac(),
                                "dev",
                                KernelVxlan.DEVICE,
                                "dst",
                                NEW_ADDRESS,
                                "self");
                Await.until(weftd::output, TIMEOUT_MS, this::isReached);
                accepted.setSoTimeout((int) TIMEOUT_MS);
                client.getOutputStream().write(42);
                assertEquals(42, accepted.getInputStream().read(), "the connection goes on");
                assertEquals(
                        2,
                        namespace
                                .call(() -> etcd.ctl("get", "--prefix", "--keys-only", prefix + "subnets/"))
                                .lines()
                                .filter(line -> !line.isEmpty())
                                .count());
            }
        }
    }

    @Test
    void shouldWaitForALeaseThatNamesTheNewAddress() throws Exception {
        try (BackgroundProcess weftd = startWithFile()) {
            namespace.ip("address", "delete", node.underlayAddress() + "/24", "dev", node.underlayDevice());
            namespace.ip("address", "add", NEW_ADDRESS + "/24", "dev", node.underlayDevice());
            weftd.awaitOutput("no lease has a PublicIP of this node (" + NEW_ADDRESS + ")", TIMEOUT_MS);
            writeLeases(NEW_ADDRESS);
            peer.namespace()
                    .bridge("fdb", "replace", node.vtepMac(), "dev", KernelVxlan.DEVICE, "dst", NEW_ADDRESS, "self");
            Await.until(weftd::output, TIMEOUT_MS, this::isReached);
        }
    }
}
