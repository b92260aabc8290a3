/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertFalse;

import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.DropReason;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who gets into the overlay by weftd, as leases and addresses change; the other node is the kernel's. */
@RequiresRoot
class IngressSourcesTest {
    private static final String READY = "ready: weft.1";
    private static final String ELSEWHERE = "192.168.100.99";
    private static final String VIRTUAL = "198.51.100.5";

    @TempDir
    private Path directory = Path.of(".");

    private final Topology topology = Topology.builder().build();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);

    @BeforeEach
    void setUp() {
        topology.kernelVxlan(peer);
    }

    @AfterEach
    void tearDown() {
        topology.close();
    }

    private static String lease(final Topology.Node of, final String publicIp) {
        return '"' + of.subnet().replace('/', '-') + "\":{\"PublicIP\":\"" + publicIp
                + "\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + of.vtepMac() + "\"}}";
    }

    private void write(final String... leases) throws IOException {
        final Path fresh = Files.writeString(
                directory.resolve("fresh"),
                "{\"config\":{\"Network\":\"" + Topology.CLUSTER_NETWORK
                        + "\",\"Backend\":{\"Type\":\"vxlan\"}},\"leases\":{" + String.join(",", leases) + "}}");
        Files.move(fresh, directory.resolve("leases.json"), StandardCopyOption.ATOMIC_MOVE);
    }

    private BackgroundProcess start(final String... options) {
        return WeftdProcess.start(node, directory, options).awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
    }

    private List<String> labels() {
        final List<String> labels = new ArrayList<>();
        try (CountersFile counters = CountersFile.open(directory.resolve("run/weft.1.counters"))) {
            counters.reader().forEach((value, id, label) -> {
                if (0 != value) {
                    labels.add(label);
                }
            });
        }
        return labels;
    }

    private boolean reaches(final String source, final String destination) {
        return 0
                == peer.namespace()
                        .tryExec("ping", "-c", "1", "-W", "1", "-I", source, destination)
                        .exitCode();
    }

    /** Sends until it is counted, and kept who it was. */
    private void awaitRefused(
            final BackgroundProcess weftd, final DropReason reason, final String source, final String destination) {
        final String remark = "last " + reason + ": from " + peer.underlayAddress();
        Await.until(() -> remark + " in " + labels() + weftd.output(), Await.TIMEOUT_MS, () -> {
            assertFalse(reaches(source, destination), weftd::output);
            return labels().contains(reason.name()) && labels().stream().anyMatch(label -> label.startsWith(remark));
        });
    }

    private void awaitReached(final BackgroundProcess weftd, final String source, final String destination) {
        Await.until(() -> labels() + weftd.output(), Await.TIMEOUT_MS, () -> reaches(source, destination));
    }

    @Test
    void shouldLetInANodeFromTheMomentThatItsLeaseIsThere() throws Exception {
        write(lease(node, node.underlayAddress()));
        try (BackgroundProcess weftd = start()) {
            awaitRefused(weftd, DropReason.UNKNOWN_SENDER, peer.subnetBase(), node.podAddress());
            weftd.awaitOutput("--ingress-allow=" + peer.underlayAddress() + " admits it", Await.TIMEOUT_MS);
            // A process of this node sends to the tunnel's port: nothing admits it, so nothing is advised.
            node.namespace().exec("bash", "-c", "echo > /dev/udp/127.0.0.1/8472");
            weftd.awaitOutput(
                    "counted under " + DropReason.OUTER_INVALID_SOURCE + ": from 127.0.0.1. "
                            + DropReason.OUTER_INVALID_SOURCE.description() + '.',
                    Await.TIMEOUT_MS);
            assertFalse(weftd.output().contains("--ingress-allow=127.0.0.1"), weftd::output);
            write(lease(node, node.underlayAddress()), lease(peer, peer.underlayAddress()));
            awaitReached(weftd, peer.subnetBase(), node.podAddress());
            PodTraffic.assertCarried(node, peer, false);
            PodTraffic.assertCarried(peer, node, false);
            // A pod in the host's network, or the node itself.
            awaitReached(weftd, peer.underlayAddress(), node.podAddress());
            // What this node has of addresses changes while it runs.
            peer.namespace().ip("route", "add", VIRTUAL, "via", node.subnetBase(), "dev", "flannel.1", "onlink");
            awaitRefused(weftd, DropReason.FOREIGN_DESTINATION, peer.subnetBase(), VIRTUAL);
            node.namespace().ip("addr", "add", VIRTUAL + "/32", "dev", "lo");
            awaitReached(weftd, peer.subnetBase(), VIRTUAL);
            // The lease goes to another address, and comes back.
            write(lease(node, node.underlayAddress()), lease(peer, ELSEWHERE));
            Await.until(weftd::output, Await.TIMEOUT_MS, () -> !reaches(peer.subnetBase(), node.podAddress()));
            write(lease(node, node.underlayAddress()), lease(peer, peer.underlayAddress()));
            awaitReached(weftd, peer.subnetBase(), node.podAddress());
        }
    }

    @Test
    void shouldLetInANodeThatSendsFromAnotherAddressWhereThatIsAllowed() throws Exception {
        peer.namespace().ip("addr", "add", ELSEWHERE + "/24", "dev", peer.underlayDevice());
        write(lease(node, node.underlayAddress()), lease(peer, ELSEWHERE));
        try (BackgroundProcess weftd = start("--ingress-allow=203.0.113.0/24," + peer.underlayAddress())) {
            awaitReached(weftd, peer.subnetBase(), node.podAddress());
            PodTraffic.assertCarried(peer, node, false);
        }
    }

    /** Whose datagram comes by the underlay, as where nobody masquerades it; and what comes out of the tunnel for its port. */
    @Test
    void shouldKeepAPodFromTheTunnelsPortAndNotAdviseToAdmitIt() throws Exception {
        for (final Topology.Node each : topology.nodes()) {
            each.namespace().exec("sh", "-c", "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $f; done");
        }
        write(lease(node, node.underlayAddress()), lease(peer, peer.underlayAddress()));
        try (BackgroundProcess weftd = start()) {
            Await.until(weftd::output, Await.TIMEOUT_MS, () -> hasRuleOfTheTunnel("\\d+"));
            Await.until(weftd::output, Await.TIMEOUT_MS, () -> {
                sendToThePort(node.bridgeAddress());
                return hasRuleOfTheTunnel("[1-9]\\d*");
            });
            assertFalse(labels().contains(DropReason.UNKNOWN_SENDER.name()), weftd::output);
            Await.until(weftd::output, Await.TIMEOUT_MS, () -> {
                sendToThePort(node.underlayAddress());
                return weftd.output()
                        .contains(
                                "from " + peer.podAddress() + ". This is a pod's address, and pods must not send to the"
                                        + " tunnel's port: find out which pod it is, do not admit it.");
            });
            assertFalse(weftd.output().contains("--ingress-allow="), weftd::output);
        }
    }

    /** @param packets that it has dropped, as a regular expression. */
    private boolean hasRuleOfTheTunnel(final String packets) {
        return node.namespace()
                .exec("iptables", "-t", "mangle", "-vnxL")
                .lines()
                .anyMatch(line -> line.matches(" *" + packets + " +\\d+ DROP .* weft\\.1 .*"));
    }

    /** As a pod of the peer. */
    private void sendToThePort(final String destination) {
        peer.pod().exec("bash", "-c", "echo > /dev/udp/" + destination + "/8472");
    }

    @Test
    void shouldLetInThePodsAndAddressesOfASenderAloneWhenItIsStrict() throws Exception {
        peer.namespace().ip("addr", "add", VIRTUAL + "/32", "dev", "lo");
        write(lease(node, node.underlayAddress()), lease(peer, peer.underlayAddress()));
        try (BackgroundProcess weftd = start("--ingress-sources=strict")) {
            PodTraffic.assertCarried(peer, node, false);
            awaitReached(weftd, peer.underlayAddress(), node.podAddress());
            awaitRefused(weftd, DropReason.UNANNOUNCED_SOURCE, VIRTUAL, node.podAddress());
        }
    }

    @Test
    void shouldLetInAnybodyWhereThatIsWished() throws Exception {
        write(lease(node, node.underlayAddress()), lease(peer, ELSEWHERE));
        try (BackgroundProcess weftd = start("--ingress-sources=any")) {
            final long before = echoRequests();
            Await.until(() -> before + " echo requests still" + weftd.output(), Await.TIMEOUT_MS, () -> {
                assertFalse(reaches(peer.subnetBase(), node.podAddress()), "the answer goes elsewhere");
                return echoRequests() > before;
            });
            assertFalse(labels().contains(DropReason.UNKNOWN_SENDER.name()), () -> labels().toString());
        }
    }

    /** Those that the node's pod has got. */
    private long echoRequests() {
        return Long.parseLong(node.pod()
                .exec("awk", "/^Icmp: [0-9]/ {print $10}", "/proc/net/snmp")
                .strip());
    }
}
