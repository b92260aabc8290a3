/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** weftd on hosts that drop forwarded packets, or whose firewall tools fail or hang. */
@RequiresRoot
class FirewallTest {
    private static final String READY = "ready: weft.1";
    private static final long PATIENCE_MS = 120_000;
    private static final String URL = "http://127.0.0.1:18082";
    private static final String IPV4 = "\"Network\":\"" + Topology.CLUSTER_NETWORK + '"';
    private static final String DUAL_STACK =
            IPV4 + ",\"EnableIPv6\":true,\"IPv6Network\":\"" + Topology.CLUSTER_NETWORK_V6 + '"';

    @TempDir
    private Path directory = Path.of(".");

    private final Topology topology = Topology.builder().dualStack().build();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);

    @AfterEach
    void tearDown() {
        topology.close();
    }

    private static String lease(final String subnet, final String publicIp, final String mac) {
        return '"' + subnet.replace('/', '-') + "\":{\"PublicIP\":\"" + publicIp
                + "\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + mac + "\"}}";
    }

    private static String lease(final Topology.Node of) {
        return lease(of.subnet(), of.underlayAddress(), of.vtepMac());
    }

    private void write(final String config, final String... leases) throws IOException {
        final Path fresh = Files.writeString(
                directory.resolve("fresh"),
                "{\"config\":{" + config + ",\"Backend\":{\"Type\":\"vxlan\"}},\"leases\":{" + String.join(",", leases)
                        + "}}");
        Files.move(fresh, directory.resolve("leases.json"), StandardCopyOption.ATOMIC_MOVE);
    }

    /** Puts tools before the real ones that do what a file says, as long as it is there. */
    private Path behaviour(final String tool) throws IOException {
        final Path programs = Files.createDirectories(directory.resolve("bin"));
        final Path behaviour = directory.resolve(tool + ".behaviour");
        for (final String suffix : List.of("", "-save", "-restore")) {
            final String real = Command.run(List.of("sh", "-c", "command -v " + tool + suffix))
                    .strip();
            final Path program = Files.writeString(
                    programs.resolve(tool + suffix),
                    "#!/bin/bash\n[ ! -e " + behaviour + " ] || . " + behaviour + "\nexec " + real + " \"$@\"\n");
            Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
        return behaviour;
    }

    private BackgroundProcess start() {
        final String[] weftd = WeftdProcess.command(
                directory,
                "--registry=file:" + directory.resolve("leases.json"),
                "--iface=" + node.underlayDevice(),
                "--ip-masq",
                "--iptables-resync=1",
                "--healthz-ip=127.0.0.1",
                "--healthz-port=18082");
        return node.namespace()
                .start(Stream.concat(
                                Stream.of("env", "PATH=" + directory.resolve("bin") + ":" + System.getenv("PATH")),
                                Stream.of(weftd))
                        .toArray(String[]::new))
                .awaitOutput(READY, PATIENCE_MS);
    }

    private String get(final String path) {
        return node.namespace()
                .tryExec("curl", "--silent", "--max-time", "60", URL + path)
                .output();
    }

    private void awaitGet(final BackgroundProcess weftd, final String path, final String words) {
        Await.until(
                () -> words + " in " + path + ":\n" + get(path) + weftd.output(),
                PATIENCE_MS,
                () -> get(path).contains(words));
    }

    private void awaitReached(final BackgroundProcess weftd) {
        Await.until(
                () -> weftd.output() + node.namespace().exec("iptables-legacy-save"),
                PATIENCE_MS,
                () -> PodTraffic.reaches(node, peer, false));
    }

    @ParameterizedTest
    @CsvSource({"iptables-legacy, false", "iptables-legacy, true", "iptables-nft, false", "iptables-nft, true"})
    void shouldForwardWhereTheHostDropsForwardedPackets(final String tool, final boolean nftables) throws Exception {
        topology.kernelVxlan(peer);
        write(IPV4 + ",\"EnableNFTables\":" + nftables, lease(node), lease(peer));
        node.namespace().exec(tool, "-P", "FORWARD", "DROP");
        try (BackgroundProcess weftd = start()) {
            awaitReached(weftd);
            assertEquals("flanneld is ready", get("/readyz"));
            node.namespace().exec(tool, "-F", "FORWARD");
            node.namespace().exec(tool, "-A", "FORWARD", "-j", "REJECT");
            awaitReached(weftd);
        }
    }

    @Test
    void shouldForwardAndSayThatRulesCannotBeSet() throws Exception {
        topology.kernelVxlan(peer);
        write(IPV4, lease(node), lease(peer));
        final Path behaviour = behaviour("iptables");
        Files.writeString(behaviour, "echo 'no rights' >&2; exit 4");
        try (BackgroundProcess weftd = start()) {
            awaitReached(weftd);
            awaitGet(weftd, "/readyz", "rules: iptables --version: exit code 4: no rights");
            awaitGet(weftd, "/metrics", "weft_condition{condition=\"rules\"} 0.0\n");
            assertEquals("flanneld is running", get("/healthz"));
            weftd.awaitOutput("exit code 4: no rights. Tried again every 1 s", PATIENCE_MS);
            Files.delete(behaviour);
            awaitGet(weftd, "/readyz", "flanneld is ready");
            awaitGet(weftd, "/metrics", "weft_condition{condition=\"rules\"} 1.0\n");
            assertTrue(node.namespace().exec("iptables-save").contains("-j FLANNEL-POSTRTG"));
            assertFalse(weftd.output().contains("missing or changed"), () -> "never there before: " + weftd.output());
            node.namespace().exec("iptables", "-F", "FLANNEL-FWD");
            weftd.awaitOutput("firewall rules were missing or changed, repaired", PATIENCE_MS);
        }
    }

    @Test
    void shouldForwardFollowLeasesAndStopWhileAToolHangs() throws Exception {
        topology.kernelVxlan(peer);
        write(IPV4, lease(node), lease(peer));
        final Path pids = directory.resolve("pids");
        Files.writeString(behaviour("iptables"), "echo $$ >> " + pids + "; sleep 1000");
        try (BackgroundProcess weftd = start()) {
            awaitReached(weftd);
            assertTrue(get("/readyz").startsWith("rules: "), get("/readyz"));
            write(IPV4, lease(node), lease(peer), lease("10.244.5.0/24", "192.168.100.5", "02:00:00:00:00:05"));
            awaitGet(weftd, "/metrics", "weft_leases 2.0\n");
            weftd.process().destroy();
            assertEquals(0, weftd.awaitExit(PATIENCE_MS), weftd::output);
        }
        for (final String pid : Files.readAllLines(pids)) {
            Await.until("end of the tool " + pid, PATIENCE_MS, () -> !Files.exists(Path.of("/proc", pid)));
        }
    }

    @Test
    void shouldSetTheRulesOfIpv4WhenThoseOfIpv6CannotBeSet() throws Exception {
        write(DUAL_STACK, WeftdProcess.dualStackLease(node, 1), WeftdProcess.dualStackLease(peer, 1));
        Files.writeString(behaviour("ip6tables"), "echo 'no IPv6 here' >&2; exit 3");
        try (BackgroundProcess weftd = start()) {
            awaitGet(weftd, "/readyz", "rules: ip6tables --version: exit code 3: no IPv6 here");
            assertTrue(node.namespace().exec("iptables-save").contains("-j FLANNEL-POSTRTG"));
        }
    }
}
