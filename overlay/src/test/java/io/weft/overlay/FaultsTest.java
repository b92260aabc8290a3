/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.WorkerCounters;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.options.WeftdCommandLine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Faults of the host below and around weftd, with a kernel VXLAN node as its peer: packets are lost only while weftd cannot run or its
 * device is gone, each is in a counter of weft's or the kernel's, and everything heals. One weftd goes through all of it, with its run
 * and state directories on a small disk of their own. Where the other faults are: docs/faults.md.
 */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class FaultsTest {
    private static final String READY = "ready: weft.1 forwards";
    private static final String MOUNT_AND_RUN = "mount -t tmpfs -o size=16m,mode=755 none \"$0\" && exec \"$@\"";
    private static final String RENAMED = "uZ";
    /** More than the device's queue holds. */
    private static final int BURST = 3_000;

    private static final int STORM_LOSSES = 50;
    private static final int MANY_LEASES = 19_000;

    private final CloseAll resources = new CloseAll();
    private final Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);
    private final NetworkNamespace host = node.namespace();
    private Path directory = Path.of(".");
    private @Nullable BackgroundProcess started;

    @BeforeAll
    void setUp(@TempDir final Path temporary) throws IOException {
        resources.add(topology);
        topology.kernelVxlan(peer);
        directory = temporary;
        Files.createDirectory(disk());
    }

    @AfterAll
    void tearDown() {
        resources.close();
    }

    @BeforeEach
    void requireWeftd() throws IOException {
        writeLeases(0);
        if (null == started || !started.process().isAlive()) {
            started = start("-Xmx64m").awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
        }
    }

    private BackgroundProcess weftd() {
        return Objects.requireNonNull(started);
    }

    /** Where weftd alone sees a disk. */
    private Path disk() {
        return directory.resolve("disk");
    }

    /** The same as others see it. */
    private Path seen(final String file) {
        final String root = "/proc/" + weftd().process().pid() + "/root";
        return Path.of(root + disk(), file);
    }

    private String[] command(final String heap) {
        final String[] command = WeftdProcess.command(
                directory,
                "--registry=file:" + directory.resolve("leases.json"),
                "--iface=" + node.underlayAddress(),
                "--pod-port=tun",
                "--underlay-port=udp",
                "--io-uring=false", // strace has calls fail, and what io_uring does is none
                "--run-dir=" + disk().resolve("run"),
                "--state-dir=" + disk().resolve("state"),
                "--subnet-file=" + disk().resolve("subnet.env"));
        return Arrays.stream(command)
                .filter(word -> !word.startsWith("-Xms"))
                .map(word -> word.startsWith("-Xmx") ? heap : word)
                .toArray(String[]::new);
    }

    private BackgroundProcess start(final String heap) {
        return resources.add(host.start(Stream.concat(
                        Stream.of("unshare", "--mount", "sh", "-c", MOUNT_AND_RUN, disk().toString()),
                        Stream.of(command(heap)))
                .toArray(String[]::new)));
    }

    private static String lease(final Topology.Node of) {
        return "\"" + of.subnet().replace('/', '-') + "\":{\"PublicIP\":\"" + of.underlayAddress()
                + "\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + of.vtepMac() + "\"}}";
    }

    /** @param more leases of nodes that are not there. */
    private void writeLeases(final int more) throws IOException {
        final StringBuilder leases = new StringBuilder(lease(node) + "," + lease(peer));
        for (int i = 0; i < more; i++) {
            leases.append(String.format(
                    ",%n\"10.%d.%d.0-24\":{\"PublicIP\":\"172.16.%d.%d\",\"BackendType\":\"vxlan\","
                            + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:01:%02x:%02x\"}}",
                    128 + i / 256, i % 256, i / 256, i % 256, i / 256, i % 256));
        }
        final Path fresh = Files.writeString(
                directory.resolve("fresh"),
                "{\"config\":{\"Network\":\"10.0.0.0/8\",\"Backend\":{\"Type\":\"vxlan\"}},\"leases\":{" + leases
                        + "}}");
        Files.move(fresh, directory.resolve("leases.json"), StandardCopyOption.ATOMIC_MOVE);
    }

    private static void awaitArrivals(final DatagramStream... streams) {
        for (final DatagramStream each : streams) {
            each.awaitArrivalAfter(System.nanoTime(), Await.TIMEOUT_MS);
        }
    }

    private long counted(final Collection<DropReason> reasons, final DataPlaneCounter... counters) {
        final Set<Integer> types = new HashSet<>();
        reasons.forEach(reason -> types.add(WorkerCounters.DROP_TYPE_ID_BASE + reason.id()));
        Arrays.stream(counters).forEach(counter -> types.add(counter.id()));
        try (CountersFile file = CountersFile.open(seen("run/weft.1.counters"))) {
            final long[] sum = {0};
            file.reader().forEach((id, typeId, key, label) -> {
                if (types.contains(typeId)) {
                    sum[0] += file.reader().getCounterValue(id);
                }
            });
            return sum[0];
        }
    }

    private long egressDrops() {
        return counted(List.of(
                DropReason.FQ_FLOW_LIMIT,
                DropReason.QDISC_CONGESTED,
                DropReason.UNDERLAY_BUSY,
                DropReason.UNDERLAY_UNREACHABLE,
                DropReason.UNDERLAY_REFUSED,
                DropReason.UNDERLAY_ERROR));
    }

    private long ingressDrops() {
        return counted(List.of(DropReason.HOST_DOWN, DropReason.HOST_REFUSED, DropReason.HOST_ERROR));
    }

    /** What weft and the kernel have counted of losses from pod to pod, on the way out of the node. */
    private long egressLosses() {
        return egressDrops()
                + counted(List.of(), DataPlaneCounter.EGRESS_HOST_LOSSES)
                + dropped(node)
                + overflowed(peer);
    }

    private long ingressLosses() {
        return ingressDrops() + counted(List.of(), DataPlaneCounter.INGRESS_HOST_LOSSES) + overflowed(node);
    }

    /** By a node's underlay device. */
    private static long dropped(final Topology.Node of) {
        return Long.parseLong(of.namespace()
                .exec("sh", "-c", "cat /sys/class/net/u?/statistics/tx_dropped")
                .strip());
    }

    /** At a socket of a node's pod that its reader did not empty in time. */
    private static long overflowed(final Topology.Node of) {
        return Long.parseLong(of.pod()
                .exec("awk", "/^Udp: [0-9]/ {print $6}", "/proc/net/snmp")
                .strip());
    }

    private void signal(final String name) {
        Command.run(List.of("kill", "-" + name, String.valueOf(weftd().process().pid())));
    }

    @Test
    void shouldCountWhatIsLostWhileTheUnderlayIsDown() throws Exception {
        try (DatagramStream to = new DatagramStream(node, peer);
                DatagramStream from = new DatagramStream(peer, node)) {
            final long before = egressLosses();
            host.ip("link", "set", node.underlayDevice(), "down");
            Await.until(
                    () -> "losses: " + to + weftd().output(),
                    Await.TIMEOUT_MS,
                    () -> egressLosses() - before > STORM_LOSSES);
            host.ip("link", "set", node.underlayDevice(), "up");
            awaitArrivals(to, from);
            final long lost = to.finishAfterLoss();
            assertTrue(
                    lost > 0 && lost <= egressLosses() - before,
                    () -> lost + " lost, counted " + (egressLosses() - before) + ": " + to + weftd().output());
        }
    }

    /** The node is set up anew on what is another interface for all that it knows. */
    @Test
    void shouldFollowAnUnderlayThatIsRenamed() throws Exception {
        try (DatagramStream to = new DatagramStream(node, peer);
                DatagramStream from = new DatagramStream(peer, node)) {
            String name = node.underlayDevice();
            for (final String other : List.of(RENAMED, name)) {
                host.ip("link", "set", name, "down");
                host.ip("link", "set", name, "name", other);
                host.ip("link", "set", other, "up");
                name = other;
                for (final int mtu : new int[] {1400, 1500}) { // which is read by the name
                    host.ip("link", "set", name, "mtu", String.valueOf(mtu));
                    awaitMtu(mtu);
                }
                awaitArrivals(to, from);
            }
        }
    }

    private void awaitMtu(final int underlayMtu) {
        final String mtu = "FLANNEL_MTU=" + (underlayMtu - Topology.VXLAN_OVERHEAD) + "\n";
        Await.until(
                () -> mtu + weftd().output(),
                Await.TIMEOUT_MS,
                () -> subnetFile().contains(mtu));
    }

    private String subnetFile() {
        try {
            return Files.readString(seen("subnet.env"));
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /** The kernel gives the error to each call of a kind, of the real daemon. */
    @ParameterizedTest
    @CsvSource({"sendmmsg,ENOBUFS", "write,ENOBUFS"})
    void shouldLoseNoMoreThanIsCountedInAStormOf(final String call, final String errno) throws Exception {
        assumeTrue(0 == host.tryExec("sh", "-c", "command -v strace").exitCode(), "needs Debian's strace");
        final boolean isEgress = "sendmmsg".equals(call);
        try (DatagramStream to = new DatagramStream(node, peer);
                DatagramStream from = new DatagramStream(peer, node)) {
            final long egressBefore = egressDrops();
            final long ingressBefore = ingressDrops();
            try (BackgroundProcess storm = storm(call, errno)) {
                Await.until(
                        () -> "losses: " + to + from + storm.output() + weftd().output(),
                        Await.TIMEOUT_MS,
                        () -> (isEgress ? egressDrops() - egressBefore : ingressDrops() - ingressBefore)
                                > STORM_LOSSES);
            }
            awaitArrivals(to, from);
            final long lostOut = to.finishAfterLoss();
            final long lostIn = from.finishAfterLoss();
            assertEquals(lostOut, egressDrops() - egressBefore, () -> to + weftd().output());
            assertEquals(lostIn, ingressDrops() - ingressBefore, () -> from + weftd().output());
            assertTrue(isEgress ? lostOut > 0 && 0 == lostIn : lostIn > 0 && 0 == lostOut, () -> to + "\n" + from);
        }
    }

    /** What waited for too long is given up, and counted; the rest arrives. */
    @Test
    void shouldKeepWhatTheUnderlayDoesNotTakeForNow() throws Exception {
        assumeTrue(0 == host.tryExec("sh", "-c", "command -v strace").exitCode(), "needs Debian's strace");
        try (DatagramStream to = new DatagramStream(node, peer)) {
            final long lossesBefore = egressLosses();
            final long notForwardedBefore = notForwarded();
            final long beganNs = System.nanoTime();
            try (BackgroundProcess storm = storm("sendmmsg", "EAGAIN")) {
                Await.until(
                        () -> "none waits: " + to + storm.output(),
                        Await.TIMEOUT_MS,
                        () -> notForwarded() - notForwardedBefore > STORM_LOSSES);
            }
            awaitArrivals(to);
            final long lastedMs = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - beganNs);
            final long lost = to.finishAfterLoss();
            Await.until(
                    () -> lost + " lost, counted " + (egressLosses() - lossesBefore) + weftd().output(),
                    Await.TIMEOUT_MS,
                    () -> egressLosses() - lossesBefore >= lost);
            assumeTrue(lastedMs < 3_000, "so long that weft gives up what waits");
            assertTrue(lost < STORM_LOSSES, to::toString);
        }
    }

    /** As kernels do that take no superframe whose last segment is short: what would be written joined is written one by one. */
    @Test
    void shouldDeliverEachPacketWhenTheKernelRefusesThemJoined() throws Exception {
        assumeTrue(0 == host.tryExec("sh", "-c", "command -v strace").exitCode(), "needs Debian's strace");
        try (DatagramStream from = new DatagramStream(peer, node)) {
            final long droppedBefore = counted(List.of(DropReason.HOST_REFUSED));
            final long lossesBefore = ingressLosses();
            final long refusedBefore = counted(List.of(), DataPlaneCounter.INGRESS_SUPERFRAME_REFUSALS);
            try (BackgroundProcess storm = storm("writev", "EINVAL")) {
                Await.until(
                        () -> "nothing is refused: " + from + storm.output() + weftd().output(),
                        Await.TIMEOUT_MS,
                        () -> {
                            from.burst(64);
                            return counted(List.of(), DataPlaneCounter.INGRESS_SUPERFRAME_REFUSALS) > refusedBefore;
                        });
            }
            awaitArrivals(from);
            final long lost = from.finishAfterLoss(); // by a reader that is slower than bursts
            Await.until(
                    () -> lost + " lost, counted " + (ingressLosses() - lossesBefore) + weftd().output(),
                    Await.TIMEOUT_MS,
                    () -> ingressLosses() - lossesBefore >= lost);
            // A call that strace leaves half way when it ends fails with ENOSYS, which counts as HOST_ERROR.
            assertEquals(droppedBefore, counted(List.of(DropReason.HOST_REFUSED)), () -> from + weftd().output());
        }
    }

    private long notForwarded() {
        return counted(List.of(), DataPlaneCounter.EGRESS_RECEIVED_PACKETS)
                - counted(List.of(), DataPlaneCounter.EGRESS_FORWARDED_PACKETS);
    }

    private BackgroundProcess storm(final String call, final String errno) {
        final List<String> command = new ArrayList<>(List.of("strace", "-f", "-o", "/dev/null"));
        command.addAll(List.of("-p", String.valueOf(weftd().process().pid())));
        command.addAll(List.of("-e", "trace=" + call, "-e", "inject=" + call + ":error=" + errno));
        if (call.startsWith("write")) {
            command.addAll(List.of("-P", "/dev/net/tun")); // and nothing else that weftd writes
        }
        return host.start(command.toArray(String[]::new));
    }

    @Test
    void shouldCountWhatIsLostWhileItIsStopped() throws Exception {
        try (DatagramStream to = new DatagramStream(node, peer);
                DatagramStream from = new DatagramStream(peer, node)) {
            final long egressBefore = egressLosses();
            final long ingressBefore = ingressLosses();
            signal("STOP");
            try {
                to.burst(BURST);
                from.burst(BURST);
            } finally {
                signal("CONT");
            }
            awaitArrivals(to, from);
            final long lostOut = to.finishAfterLoss();
            final long lostIn = from.finishAfterLoss();
            assertTrue(lostOut > 0, "the queue holds less than a burst");
            // The control thread asks the kernel once a second.
            Await.until(
                    () -> lostOut + " and " + lostIn + " lost, counted " + (egressLosses() - egressBefore) + " and "
                            + (ingressLosses() - ingressBefore) + weftd().output(),
                    Await.TIMEOUT_MS,
                    () -> egressLosses() - egressBefore >= lostOut && ingressLosses() - ingressBefore >= lostIn);
        }
    }

    private long lastSignMs() {
        return seen("run/weft.1.status").toFile().lastModified();
    }

    @Test
    void shouldForwardOnWhileTheDiskIsFullAndWriteWhatItCouldNotWhenItIsNot() throws Exception {
        final String noRoom = "No space left on device";
        try (DatagramStream to = new DatagramStream(node, peer);
                DatagramStream from = new DatagramStream(peer, node)) {
            final Path filler = seen("filler");
            host.tryExec("dd", "if=/dev/zero", "of=" + filler, "bs=4k");
            writeLeases(3);
            weftd().awaitOutput(noRoom + ". The command weft shows an older state until that", Await.TIMEOUT_MS);
            final long fullMs = lastSignMs();
            Await.until( // or weft status would call it hung
                    () -> "a sign of life after " + fullMs + weftd().output(),
                    Await.TIMEOUT_MS,
                    () -> lastSignMs() > fullMs);
            final BackgroundProcess second = startBeside();
            assertEquals(WeftdCommandLine.EXIT_FAILURE, second.awaitExit(Await.TIMEOUT_MS), second::output);
            assertTrue(
                    second.output()
                            .matches("(?s).*make counters file \\S+: " + noRoom
                                    + ": it takes \\d+ MiB, and \\d+ are free\\."
                                    + " Make room there, or choose another place by --counters-file.*"),
                    second::output);
            assertTrue(weftd().process().isAlive(), weftd()::output);

            host.ip("link", "set", node.underlayDevice(), "mtu", "1400");
            weftd().awaitOutput("write subnet file " + disk().resolve("subnet.env"), Await.TIMEOUT_MS);
            Files.delete(filler);
            awaitMtu(1400);
            Await.until(() -> shown() + weftd().output(), Await.TIMEOUT_MS, () -> shown().contains("10.128.2.0"));
            host.ip("link", "set", node.underlayDevice(), "mtu", "1500");
            awaitMtu(1500);
            assertEquals(0, to.finish(), () -> to + weftd().output());
            assertEquals(0, from.finish(), () -> from + weftd().output());
            assertEquals(0, counted(List.of(), DataPlaneCounter.AGENT_ERRORS));
        }
    }

    /** A second weftd that sees the disk of the first, whose place it is to take. */
    private BackgroundProcess startBeside() {
        return resources.add(host.start(Stream.concat(
                        Stream.of(
                                "nsenter",
                                "--mount",
                                "--target",
                                String.valueOf(weftd().process().pid()),
                                "--"),
                        Stream.of(command("-Xmx64m")))
                .toArray(String[]::new)));
    }

    /** The tables that the command weft shows. */
    private String shown() {
        try {
            return Files.readString(seen("run/weft.1.tables"));
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /** Its supervisor starts it again, and does not take it for one whose place another has taken. */
    @Test
    void shouldEndAsAFailureWhenItsHeapIsExhausted() throws Exception {
        weftd().close();
        try (BackgroundProcess small = start("-Xmx16m").awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS)) {
            writeLeases(MANY_LEASES);
            final int status = small.awaitExit(Await.TIMEOUT_MS);
            assertTrue(small.output().contains("java.lang.OutOfMemoryError"), small::output);
            assertNotEquals(0, status, small::output);
            assertNotEquals(WeftdCommandLine.EXIT_HANDED_OVER, status, small::output);
        }
        writeLeases(0);
        requireWeftd();
        try (DatagramStream to = new DatagramStream(node, peer);
                DatagramStream from = new DatagramStream(peer, node)) {
            assertEquals(0, to.finish(), () -> to + weftd().output());
            assertEquals(0, from.finish(), () -> from + weftd().output());
        }
    }
}
