/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.WeftdProcess;
import io.weft.overlay.registry.Certificates;
import io.weft.overlay.registry.etcd.EtcdServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the commands say of a node whose clock falls behind while it forwards; of one that starts so tells {@code StartTest}. */
@RequiresRoot
class ClockFaultTest {
    private static final String WRONG = "its certificate is not valid yet by this node's clock, which says ";
    private static final String REMEDY = ": set the clock (timedatectl, chronyc tracking)";

    @TempDir
    private Path directory = Path.of(".");

    private EtcdServer startEtcd(final Certificates certificates) {
        try {
            return new EtcdServer(directory, certificates);
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /** What follows etcd at its address shows a certificate that is valid from the day after tomorrow on. */
    @Test
    void shouldSayThatThisNodesClockIsWrong() {
        assumeTrue(EtcdServer.isInstalled(), "needs Debian's etcd-server and etcd-client");
        assumeTrue(Files.exists(Path.of("/usr/bin/faketime")), "needs Debian's faketime");
        final Certificates certificates = new Certificates(directory);
        certificates.issue("server");
        certificates.issue("client");
        try (CloseAll resources = new CloseAll()) {
            final Topology topology = resources.add(Topology.twoNodes());
            final Topology.Node node = topology.node(0);
            final Topology.Node peer = topology.node(1);
            topology.kernelVxlan(peer);
            final EtcdServer etcd = resources.add(node.namespace().call(() -> startEtcd(certificates)));
            put(
                    node,
                    etcd,
                    "config",
                    "{\"Network\":\"10.244.0.0/16\",\"SubnetMin\":\"10.244.0.0\",\"Backend\":{\"Type\":\"vxlan\"}}");
            put(node, etcd, "subnets/" + node.subnet().replace('/', '-'), lease(node));
            put(node, etcd, "subnets/" + peer.subnet().replace('/', '-'), lease(peer));
            resources
                    .add(WeftdProcess.start(
                            node.namespace(),
                            directory,
                            "--iface=" + node.underlayDevice(),
                            "--etcd-endpoints=" + etcd.endpoint(),
                            "--etcd-cafile=" + certificates.file("ca.crt"),
                            "--etcd-certfile=" + certificates.file("client.crt"),
                            "--etcd-keyfile=" + certificates.file("client.key")))
                    .awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
            final Operator operator = new Operator(node.namespace(), directory.resolve("run"));
            operator.awaitWell(peer);
            etcd.kill();
            certificates.issueAhead("server");
            resources.add(startSuccessor(node, etcd, certificates));
            operator.awaitStatus("  registry  WRONG  etcd is not followed at present: ", WRONG, REMEDY);
            operator.awaitPing(0, peer, "  status     registry etcd is not followed at present: ", WRONG, REMEDY);
            operator.awaitExplanation(
                    0, peer.podAddress(), "  status     registry etcd is not followed ", WRONG, REMEDY);
        }
    }

    private static BackgroundProcess startSuccessor(
            final Topology.Node node, final EtcdServer etcd, final Certificates certificates) {
        return node.namespace()
                .start(
                        "openssl",
                        "s_server",
                        "-quiet",
                        "-accept",
                        URI.create(etcd.endpoint()).getAuthority(),
                        "-cert",
                        certificates.file("server.crt"),
                        "-key",
                        certificates.file("server.key"));
    }

    private static void put(final Topology.Node node, final EtcdServer etcd, final String key, final String value) {
        node.namespace().run(() -> etcd.ctl("put", "/coreos.com/network/" + key, value));
    }

    private static String lease(final Topology.Node of) {
        return "{\"PublicIP\":\"" + of.underlayAddress() + "\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\","
                + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + of.vtepMac() + "\"}}";
    }
}
