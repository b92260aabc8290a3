/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is for pods while no weftd runs: it does not leave the node by its default route, bare, with addresses of pods. */
@RequiresRoot
class GuardRoutesTest {
    private static final String GUARD = "blackhole 10.244.0.0/16 proto 87 metric 2000001";

    @TempDir
    private Path directory = Path.of(".");

    private final CloseAll resources = new CloseAll();
    private final Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);

    @BeforeEach
    void setUp() throws IOException {
        resources.add(topology);
        node.namespace().ip("route", "add", "default", "via", peer.underlayAddress());
        WeftdProcess.leases(directory, lease(node, node.underlayAddress()), lease(peer, peer.underlayAddress()));
    }

    @AfterEach
    void tearDown() {
        resources.close();
    }

    private static String lease(final Topology.Node of, final String publicIp) {
        return "\"" + of.subnet().replace('/', '-') + "\":{\"PublicIP\":\"" + publicIp
                + "\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + of.vtepMac() + "\"}}";
    }

    private BackgroundProcess startReady(final String... options) {
        return resources
                .add(WeftdProcess.start(node, directory, options))
                .awaitOutput("ready: weft.1 forwards", WeftdProcess.START_TIMEOUT_MS);
    }

    private String guards() {
        return node.namespace()
                .ip("route", "show", "type", "blackhole")
                .lines()
                .map(String::strip)
                .sorted()
                .reduce("", (all, line) -> all.isEmpty() ? line : all + "\n" + line);
    }

    private String[] onRecord() {
        final String[] files =
                directory.resolve("run").toFile().list((run, name) -> name.matches(".*\\.(status|tables)"));
        return null == files ? new String[0] : files;
    }

    private Command.Result uninstall() {
        return node.namespace().tryExec(WeftdProcess.command(directory, "--uninstall"));
    }

    /** Packets of pods that have crossed the underlay bare; nft counts them where they leave. */
    private long leaked() {
        final String counter = node.namespace().exec("nft", "list", "counter", "ip", "leak", "bare");
        return Long.parseLong(counter.replaceAll("(?s).*packets (\\d+).*", "$1"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"KILL", "TERM"})
    void shouldKeepPodsPacketsFromTheDefaultRouteWhenTheDaemonHasEndedBy(final String signal) {
        node.namespace().exec("nft", "add", "table", "ip", "leak");
        node.namespace().exec("nft", "add", "counter", "ip", "leak", "bare");
        node.namespace()
                .exec("nft", "add", "chain", "ip", "leak", "out", "{ type filter hook postrouting priority 0; }");
        node.namespace()
                .exec(
                        "nft",
                        "add",
                        "rule",
                        "ip",
                        "leak",
                        "out",
                        "oifname",
                        node.underlayDevice(),
                        "ip",
                        "daddr",
                        Topology.CLUSTER_NETWORK,
                        "counter",
                        "name",
                        "bare");
        final BackgroundProcess weftd = startReady();
        Command.run(List.of("kill", "-" + signal, String.valueOf(weftd.process().pid())));
        weftd.awaitExit(Await.TIMEOUT_MS);
        assertEquals(GUARD, guards());
        assertEquals(1, ping(), "nobody answers");
        assertEquals(0, leaked());
        assertTrue(onRecord().length > 0);
        assertEquals(0, uninstall().exitCode());
        assertEquals("", guards());
        assertEquals(0, onRecord().length, "weft would have the daemon started again that was ended for good");
        assertEquals(1, ping(), "nobody answers");
        assertTrue(leaked() > 0, "without the guard they leave, so the counter counts them");
    }

    private int ping() {
        return node.pod()
                .tryExec("ping", "-c", "2", "-i", "0.2", "-W", "1", peer.podAddress())
                .exitCode();
    }

    @Test
    void shouldRefuseToUninstallWhileTheDaemonRuns() {
        final BackgroundProcess weftd = startReady();
        final Command.Result refused = uninstall();
        assertEquals(1, refused.exitCode());
        assertTrue(
                refused.errors()
                        .contains("weftd runs, process " + weftd.process().pid()),
                refused::errors);
        assertEquals(GUARD, guards());
    }

    @Test
    void shouldTakeAwayWhatItsNetworkHadUnderAnotherVniAndNothingOfOtherNetworks() {
        final String others = "blackhole 10.77.0.0/16 proto 87 metric 2000005";
        final String anybodys = "blackhole 10.244.99.0/24 metric 2000001";
        for (final String route : List.of("blackhole 10.244.0.0/16 proto 87 metric 2000005", others, anybodys)) {
            node.namespace().ip(("route add " + route).split(" ", -1));
        }
        startReady();
        assertEquals(String.join("\n", GUARD, anybodys, others), guards());
    }

    /** What is in the network that its subnet.env names is its own; a guard of a third network is another daemon's. */
    @Test
    void shouldTakeAwayWhatTheFormerNetworkHadWhenTheNodeStartsInAnother() throws IOException {
        final String others = "blackhole 10.77.0.0/16 proto 87 metric 2000005";
        final BackgroundProcess before = startReady("--ip-blackhole-route");
        before.process().destroyForcibly();
        before.awaitExit(Await.TIMEOUT_MS);
        node.namespace().ip(("route add " + others).split(" ", -1));
        node.namespace().ip("route", "add", "10.244.9.0/24", "via", peer.underlayAddress(), "proto", "87");
        assertTrue(guards().contains("blackhole " + node.subnet()), this::guards);
        Files.writeString(
                directory.resolve("leases.json"),
                "{\"config\":{\"Network\":\"10.99.0.0/16\",\"Backend\":{\"Type\":\"vxlan\",\"VNI\":7}},\"leases\":{"
                        + WeftdProcess.lease("10.99.1.0/24", node.underlayAddress(), node.vtepMac()) + "}}");
        resources
                .add(WeftdProcess.start(node, directory))
                .awaitOutput("ready: weft.7 forwards", WeftdProcess.START_TIMEOUT_MS);
        assertEquals(others + "\nblackhole 10.99.0.0/16 proto 87 metric 2000007", guards());
        assertEquals("", node.namespace().ip("route", "show", "root", "10.244.0.0/16"));
    }

    /** The network that a node was in may be that of another daemon, which runs. */
    @Test
    void shouldLeaveTheGuardsOfTheFormerNetworkToTheDaemonThatIsInItNow() throws IOException {
        startReady();
        final BackgroundProcess changes = resources.add(node.namespace().start("ip", "monitor", "route"));
        awaitToldOf("blackhole 10.66.0.1", changes);
        final Path second = Files.createDirectories(directory.resolve("second"));
        Files.copy(directory.resolve("subnet.env"), second.resolve("subnet.env"));
        Files.writeString(
                second.resolve("leases.json"),
                "{\"config\":{\"Network\":\"10.99.0.0/16\",\"Backend\":{\"Type\":\"vxlan\",\"VNI\":7,\"Port\":8479}},"
                        + "\"leases\":{"
                        + WeftdProcess.lease("10.99.1.0/24", node.underlayAddress(), node.vtepMac()) + "}}");
        resources
                .add(WeftdProcess.start(node, second, "--run-dir=" + directory.resolve("run")))
                .awaitOutput("ready: weft.7 forwards", WeftdProcess.START_TIMEOUT_MS);
        awaitToldOf("blackhole 10.66.0.2", changes);
        assertFalse(changes.output().contains("Deleted blackhole 10.244.0.0/16"), changes::output);
        assertTrue(guards().contains(GUARD), this::guards);
    }

    /** From then on, and until then, what changed before is in the output. */
    private void awaitToldOf(final String route, final BackgroundProcess changes) {
        Await.until(changes::output, Await.TIMEOUT_MS, () -> {
            node.namespace().ip(("route add " + route).split(" ", -1));
            node.namespace().ip(("route delete " + route).split(" ", -1)); // to add it again would be no change
            return changes.output().contains(route);
        });
    }

    @Test
    void shouldPutTheGuardBackWhenSomebodyRemovesIt() {
        final BackgroundProcess weftd = startReady();
        node.namespace().ip("route", "delete", "blackhole", "10.244.0.0/16");
        Await.until(weftd::output, Await.TIMEOUT_MS, () -> GUARD.equals(guards()));
    }

    @Test
    void shouldLeaveNoGuardWhenTheStartFails() throws IOException {
        Files.createDirectories(directory.resolve("run/weft.1.sock/in the way"));
        final BackgroundProcess weftd = resources.add(WeftdProcess.start(node, directory));
        assertEquals(1, weftd.awaitExit(WeftdProcess.START_TIMEOUT_MS), weftd::output);
        assertEquals("", guards());
    }

    @Test
    void shouldGuardAnotherNetworkWhenTheConfigurationChanges() throws IOException {
        final BackgroundProcess weftd = startReady();
        WeftdProcess.leasesOf("10.240.0.0/12", directory, lease(node, node.underlayAddress()));
        Await.until(
                weftd::output,
                Await.TIMEOUT_MS,
                () -> "blackhole 10.240.0.0/12 proto 87 metric 2000001".equals(guards()));
    }

    /** The network covers addresses that are no pods: what is not a subnet of a lease goes its old way, also without weftd. */
    @Test
    void shouldGuardTheSubnetsOfLeasesAloneWhenTheNetworkCoversOthers() throws Exception {
        final String third = "\"10.244.7.0-24\":{\"PublicIP\":\"10.200.0.7\",\"BackendType\":\"vxlan\","
                + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:07\"}}";
        final String within = "\"10.200.0.0-24\":{\"PublicIP\":\"192.168.100.9\",\"BackendType\":\"vxlan\","
                + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:09\"}}";
        final String own = lease(node, node.underlayAddress());
        WeftdProcess.leasesOf("10.0.0.0/8", directory, own, lease(peer, peer.underlayAddress()));
        final BackgroundProcess weftd = startReady();
        assertEquals("blackhole 10.0.0.0/8 proto 87 metric 2000001", guards());
        WeftdProcess.leasesOf("10.0.0.0/8", directory, own, lease(peer, peer.underlayAddress()), third);
        awaitGuards(weftd, peer.subnet(), "10.244.7.0/24");
        WeftdProcess.leasesOf("10.0.0.0/8", directory, own, third, within);
        awaitGuards(weftd, "10.244.7.0/24");
        weftd.process().destroy();
        assertEquals(0, weftd.awaitExit(Await.TIMEOUT_MS));
        awaitGuards(weftd, "10.244.7.0/24");
        WeftdProcess.leasesOf("10.0.0.0/8", directory, own, third, lease(peer, peer.underlayAddress()));
        awaitGuards(startReady(), peer.subnet(), "10.244.7.0/24");
        assertTrue(node.namespace().ip("route", "get", "10.99.0.1").contains("via " + peer.underlayAddress()));
    }

    private void awaitGuards(final BackgroundProcess weftd, final String... subnets) {
        final String expected = Stream.of(subnets)
                .map(subnet -> "blackhole " + subnet + " proto 87 metric 2000001")
                .reduce("", (all, line) -> all.isEmpty() ? line : all + "\n" + line);
        Await.until(
                () -> expected + "\nis not\n" + guards() + "\n" + weftd.output(),
                Await.TIMEOUT_MS,
                () -> expected.equals(guards()));
    }
}
