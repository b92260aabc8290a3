/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What weftd keeps right for the whole life of a node, and not only at its start. */
@RequiresRoot
class NodeLifeTest {
    private static final String READY = "ready: weft.1 forwards";

    @TempDir
    private Path directory = Path.of(".");

    private Topology topology = Topology.twoNodes();
    private Topology.Node node = topology.node(0);
    private Path subnetFile = Path.of("subnet.env");

    @BeforeEach
    void setUp() throws IOException {
        subnetFile = directory.resolve("subnet.env");
        write(node.subnet());
    }

    @AfterEach
    void tearDown() {
        topology.close();
    }

    private void write(final String subnet) throws IOException {
        write(subnet, 1);
    }

    private void write(final String subnet, final int vni) throws IOException {
        final Path fresh = Files.writeString(
                directory.resolve("fresh"),
                "{\"config\":{\"Network\":\"" + Topology.CLUSTER_NETWORK
                        + "\",\"Backend\":{\"Type\":\"vxlan\",\"VNI\":" + vni + "}},\"leases\":{\""
                        + subnet.replace('/', '-') + "\":{\"PublicIP\":\"" + node.underlayAddress()
                        + "\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":" + vni + ","
                        + "\"VtepMAC\":\"02:00:00:00:00:0a\"}}}}");
        Files.move(fresh, directory.resolve("leases.json"), StandardCopyOption.ATOMIC_MOVE);
    }

    private BackgroundProcess startReady(final String... options) {
        return WeftdProcess.start(node, directory, options).awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
    }

    private String addresses() {
        return node.namespace().ip("-4", "-oneline", "address", "show", "dev", "cni0");
    }

    @Test
    void shouldWriteSubnetEnvAgainWhenSomebodyRemovesOrChangesIt() throws IOException {
        try (BackgroundProcess weftd = startReady()) {
            final String text = Files.readString(subnetFile);
            final Path lock = Path.of(subnetFile + ".weftd");
            Files.delete(subnetFile);
            awaitText(text, weftd);
            Files.writeString(subnetFile, "FLANNEL_NETWORK=10.0.0.0/8\n");
            awaitText(text, weftd);
            Files.delete(subnetFile);
            Files.delete(lock);
            awaitText(text, weftd);
            Await.until(
                    () -> "no lock file: " + weftd.output(), WeftdProcess.START_TIMEOUT_MS, () -> Files.exists(lock));
            assertTrue(weftd.process().isAlive(), weftd::output);
        }
    }

    /** A successor finds locks and sockets, and weft all that it shows; both do by the names that are there again. */
    @Test
    void shouldPutBackWhatItHasInItsRunDirectory() throws IOException {
        final Path run = directory.resolve("run");
        try (BackgroundProcess weftd = startReady()) {
            awaitFiles(run, weftd);
            // Away at once: what the daemon writes meanwhile is not to keep the directory from being removed.
            Files.move(run, directory.resolve("gone"));
            node.namespace().exec("rm", "-r", directory.resolve("gone").toString());
            awaitFiles(run, weftd);
            assertTrue(
                    node.namespace()
                            .exec("cat", "/proc/locks")
                            .contains(":" + Files.getAttribute(run.resolve("weft.1.lock"), "unix:ino") + " "),
                    "the lock is held");
            assertTrue(
                    CommandOutput.of(directory, "explain", node.podAddress()).contains(node.podAddress()),
                    weftd::output);
            final long before = packetsOfPods();
            Await.until(() -> "counters stand still: " + weftd.output(), WeftdProcess.START_TIMEOUT_MS, () -> {
                node.pod().tryExec("ping", "-c", "1", "-W", "1", "10.244.77.7");
                return packetsOfPods() > before;
            });
            try (BackgroundProcess successor = startReady()) {
                Await.until(
                        successor::output,
                        WeftdProcess.START_TIMEOUT_MS,
                        () -> !weftd.process().isAlive());
            }
        }
    }

    private long packetsOfPods() {
        try (CountersFile file = CountersFile.open(directory.resolve("run/weft.1.counters"))) {
            final long[] sum = {0};
            file.reader().forEach((value, id, label) -> {
                if (DataPlaneCounter.EGRESS_RECEIVED_PACKETS.label().equals(label)) {
                    sum[0] += value;
                }
            });
            return sum[0];
        }
    }

    private static void awaitFiles(final Path run, final BackgroundProcess weftd) {
        for (final String suffix : List.of("lock", "sock", "handover", "counters", "tables", "status")) {
            Await.until(
                    () -> "no ." + suffix + ": " + weftd.output(),
                    WeftdProcess.START_TIMEOUT_MS,
                    () -> Files.exists(run.resolve("weft.1." + suffix)));
        }
    }

    /** As on a full disk: what was there before is forwarded for, and the node is ready as soon as the file can be written. */
    @Test
    void shouldGoOnAndTryAgainWhenSubnetEnvCannotBeWrittenAtTheStart() throws IOException {
        final Path hindrance = Files.createDirectories(directory.resolve(".subnet.env.new/in the way"));
        try (BackgroundProcess weftd = WeftdProcess.start(node, directory)
                .awaitOutput(". Tried again every second", WeftdProcess.START_TIMEOUT_MS)) {
            assertTrue(node.namespace().ip("route").contains("10.244.0.0/16 dev weft.1"), weftd::output);
            Files.delete(hindrance);
            weftd.awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
            assertTrue(Files.readString(subnetFile).contains("FLANNEL_MTU=1450"));
        }
    }

    private void awaitText(final String text, final BackgroundProcess weftd) {
        Await.until(() -> "not written again: " + weftd.output(), WeftdProcess.START_TIMEOUT_MS, () -> {
            try {
                return Files.readString(subnetFile).equals(text);
            } catch (final IOException removed) {
                return false;
            }
        });
    }

    @Test
    void shouldTakeTheFormerSubnetsAddressAndBlackholeAwayWhenTheNodeHasAnotherSubnet() throws IOException {
        assertTrue(addresses().contains(node.bridgeAddress() + "/24"), addresses());
        try (BackgroundProcess weftd = startReady("--ip-blackhole-route")) {
            write("10.244.77.0/24");
            weftd.awaitOutput(READY + " for 10.244.77.0-24", WeftdProcess.START_TIMEOUT_MS);
            assertEquals("", addresses(), weftd::output);
            assertEquals("blackhole 10.244.77.0/24 metric 1000000", blackholes());
            weftd.process().destroyForcibly();
            weftd.awaitExit(WeftdProcess.START_TIMEOUT_MS);
        }
        write("10.244.78.0/24");
        try (BackgroundProcess weftd = startReady("--ip-blackhole-route")) {
            assertEquals("blackhole 10.244.78.0/24 metric 1000000", blackholes(), weftd::output);
        }
    }

    /** Of a device that another VNI has taken the place of nobody is told any more, neither by this process nor by the next. */
    @Test
    void shouldLeaveNoRecordOfADeviceWithAnotherVni() throws IOException {
        try (BackgroundProcess weftd = startReady()) {
            write(node.subnet(), 2);
            weftd.awaitOutput("ready: weft.2 forwards", WeftdProcess.START_TIMEOUT_MS);
            awaitNoRecordOf("weft.1", weftd);
            assertTrue(Files.exists(directory.resolve("run/weft.2.status")), weftd::output);
            weftd.process().destroy();
            weftd.awaitExit(WeftdProcess.START_TIMEOUT_MS);
        }
        assertTrue(Files.exists(directory.resolve("run/weft.2.status")), "it has ended");
        write(node.subnet(), 3);
        try (BackgroundProcess weftd = WeftdProcess.start(node, directory)
                .awaitOutput("ready: weft.3 forwards", WeftdProcess.START_TIMEOUT_MS)) {
            awaitNoRecordOf("weft.2", weftd);
            assertTrue(Files.exists(directory.resolve("run/weft.3.status")), weftd::output);
        }
    }

    private void awaitNoRecordOf(final String device, final BackgroundProcess weftd) {
        Await.until(
                () -> "a record of " + device + ": " + weftd.output(),
                WeftdProcess.START_TIMEOUT_MS,
                () -> !Files.exists(directory.resolve("run/" + device + ".status")));
    }

    private String blackholes() {
        return node.namespace()
                .ip("route", "show", "type", "blackhole", "proto", "boot")
                .strip();
    }
}
