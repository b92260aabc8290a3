/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.dataplane.counters.CountersFile;
import io.weft.dataplane.counters.DataPlaneCounter;
import io.weft.dataplane.counters.DropReason;
import io.weft.dataplane.counters.ThreadCounter;
import io.weft.linux.Descriptors;
import io.weft.linux.UnixSocket;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.ops.ControlSocket;
import io.weft.overlay.options.WeftdCommandLine;
import io.weft.overlay.record.CountersRecord;
import io.weft.overlay.record.DaemonRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A weftd takes the place of one that runs, and pods notice nothing; or it does not, and nothing has happened. */
@RequiresRoot
class HandoverTest {
    private static final String MAC = "02:00:00:00:00:0a";
    /** Datagrams, more than the queue of a TUN holds. */
    private static final int BURST = 10_000;

    private static final String READY = "ready: weft.1 forwards";
    private static final String OWN_LEASE = "INFO own lease";
    private static final int ROUNDS = 3;
    private static final Path OTHER_JAVA = Path.of("/usr/lib/jvm/temurin-25-jdk-amd64/bin/java");

    @TempDir
    private Path directory = Path.of(".");

    private final CloseAll resources = new CloseAll();
    private final Topology topology = Topology.twoNodes();
    private final Topology.Node node = topology.node(0);
    private final Topology.Node peer = topology.node(1);

    @BeforeEach
    void setUp() throws IOException {
        resources.add(topology);
        topology.kernelVxlan(peer);
        writeLeases(8472);
        KernelVxlan.of(peer).addPeer(node.subnet(), node.subnetBase(), MAC, node.underlayAddress());
    }

    @AfterEach
    void tearDown() {
        resources.close();
    }

    private void writeLeases(final int port) throws IOException {
        writeLeases("\"Port\":" + port);
    }

    /** @param settings members of the configuration's backend. */
    private void writeLeases(final String settings) throws IOException {
        final String peerMac = peer.namespace()
                .exec("cat", "/sys/class/net/" + KernelVxlan.DEVICE + "/address")
                .trim();
        final Path fresh = Files.writeString(
                directory.resolve("fresh"),
                "{\"config\":{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"," + settings
                        + "}},\"leases\":{" + WeftdProcess.lease(node, MAC) + "," + WeftdProcess.lease(peer, peerMac)
                        + "}}");
        Files.move(fresh, directory.resolve("leases.json"), StandardCopyOption.ATOMIC_MOVE);
    }

    private BackgroundProcess start(final String... options) {
        return resources.add(WeftdProcess.start(node, directory, options));
    }

    private BackgroundProcess startReady(final String... options) {
        return start(options).awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
    }

    /** Starts it with a word before its command line, such as {@code env}. */
    private BackgroundProcess startBehind(final List<String> words, final String... options) {
        final String[] weftd = WeftdProcess.command(
                directory,
                Stream.concat(
                                Stream.of(
                                        "--registry=file:" + directory.resolve("leases.json"),
                                        "--iface=" + node.underlayDevice()),
                                Stream.of(options))
                        .toArray(String[]::new));
        return resources.add(node.namespace()
                .start(Stream.concat(words.stream(), Stream.of(weftd)).toArray(String[]::new)));
    }

    private BackgroundProcess startPod(final String name) {
        return startBehind(List.of("env", "POD_NAME=" + name, "POD_NAMESPACE=net"));
    }

    private static void awaitHandedOver(final BackgroundProcess former) {
        assertEquals(WeftdCommandLine.EXIT_HANDED_OVER, former.awaitExit(Await.TIMEOUT_MS), former::output);
    }

    private void assertRefused(final BackgroundProcess newcomer, final String words) {
        assertEquals(WeftdCommandLine.EXIT_FAILURE, newcomer.awaitExit(Await.TIMEOUT_MS), newcomer::output);
        assertTrue(newcomer.output().contains(words), newcomer::output);
    }

    private long counted(final DataPlaneCounter counter) {
        try (CountersFile file = CountersFile.open(directory.resolve("run/weft.1.counters"))) {
            final long[] sum = {0};
            file.reader().forEach((id, typeId, key, label) -> {
                if (typeId == counter.id()) {
                    sum[0] += file.reader().getCounterValue(id);
                }
            });
            return sum[0];
        }
    }

    @ParameterizedTest
    @CsvSource({"TUN,UDP,1", "PACKET,UDP,1", "TUN,PACKET,1", "TUN,UDP,2", "PACKET,PACKET,2"})
    void shouldLoseNothingWhenItIsStartedAgain(final String podPort, final String underlayPort, final String workers)
            throws Exception {
        final String[] options = {
            "--pod-port=" + podPort,
            "--underlay-port=" + underlayPort,
            "--workers=" + workers,
            "--healthz-port=18081",
            WeftdProcess.REHEARSED,
            "--status-page=18082"
        };
        BackgroundProcess weftd = startReady(options);
        final String before = HostState.of(node.namespace(), directory);
        try (DatagramStream to = new DatagramStream(node, peer);
                DatagramStream from = new DatagramStream(peer, node);
                TcpStream tcp = new TcpStream(node, peer)) {
            long counted = counted(DataPlaneCounter.EGRESS_RECEIVED_PACKETS);
            for (int i = 0; i < ROUNDS; i++) {
                final BackgroundProcess former = weftd;
                weftd = startReady(options);
                awaitHandedOver(former);
                assertEquals(before, HostState.of(node.namespace(), directory), weftd::output);
                final long now = counted(DataPlaneCounter.EGRESS_RECEIVED_PACKETS);
                assertTrue(now > counted, now + " after " + counted);
                counted = now;
                tcp.awaitProgress(Await.TIMEOUT_MS);
            }
            assertTrue(ControlSocket.ask(directory.resolve("run/weft.1.sock"), "explain " + peer.podAddress())
                    .contains(peer.underlayAddress()));
            tcp.finish(Await.TIMEOUT_MS);
            assertEquals(0, to.finish(), to + "\n" + weftd.output());
            assertEquals(0, from.finish(), from + "\n" + weftd.output());
            final BackgroundProcess last = weftd;
            awaitAnswer("18081/readyz", "is ready", last);
            awaitAnswer("18082/api/status", "\"pid\":" + last.process().pid(), last);
        }
    }

    /** By the ports that the former daemon had. */
    private void awaitAnswer(final String question, final String words, final BackgroundProcess weftd) {
        Await.until(
                () -> words + ": " + weftd.output(),
                Await.TIMEOUT_MS,
                () -> node.namespace()
                        .tryExec("curl", "-s", "http://127.0.0.1:" + question)
                        .output()
                        .contains(words));
    }

    @Test
    void shouldLoseNothingWhenTheUnderlayHasGotAnotherMtu() throws Exception {
        final BackgroundProcess weftd = startReady();
        node.namespace().ip("link", "set", node.underlayDevice(), "mtu", "1400");
        Await.until(
                () -> "MTU 1350: " + weftd.output(),
                Await.TIMEOUT_MS,
                () -> node.namespace().ip("link", "show", "weft.1").contains("mtu 1350"));
        try (DatagramStream to = new DatagramStream(node, peer);
                DatagramStream from = new DatagramStream(peer, node)) {
            final BackgroundProcess newcomer = startReady();
            awaitHandedOver(weftd);
            assertEquals(0, to.finish(), to + "\n" + newcomer.output());
            assertEquals(0, from.finish(), from + "\n" + newcomer.output());
            assertFalse(newcomer.output().contains("of no use"), newcomer::output);
        }
    }

    @Test
    void shouldGoOnWhenTheNewOneEndsInTheMiddle() throws Exception {
        final BackgroundProcess weftd = startReady();
        try (DatagramStream to = new DatagramStream(node, peer);
                DatagramStream from = new DatagramStream(peer, node)) {
            for (final List<String> messages :
                    List.of(List.of("give"), List.of("give", "pause"), List.of("pause", "nonsense"), List.of("go"))) {
                askAndEnd(messages);
                to.awaitArrivalAfter(System.nanoTime(), Await.TIMEOUT_MS);
                from.awaitArrivalAfter(System.nanoTime(), Await.TIMEOUT_MS);
            }
            assertEquals(0, to.finish(), to + "\n" + weftd.output());
            assertEquals(0, from.finish(), from + "\n" + weftd.output());
        }
        assertTrue(weftd.process().isAlive(), weftd::output);
    }

    /** A starting weftd that dies after some messages. */
    private void askAndEnd(final List<String> messages) {
        try (UnixSocket newcomer = UnixSocket.connect(directory.resolve("run/weft.1.handover"));
                Descriptors taken = new Descriptors()) {
            newcomer.send("weft-handover 1\npid=1", List.of());
            assertTrue(receive(newcomer).text().startsWith("ok\n"));
            for (final String message : messages) {
                newcomer.send(message, List.of());
                UnixSocket.Message answer = receive(newcomer);
                while (answer.text().startsWith("names")) {
                    answer.descriptors().forEach(fd -> taken.add("fd " + fd, fd));
                    answer = receive(newcomer);
                }
            }
        }
    }

    private static UnixSocket.Message receive(final UnixSocket socket) {
        return Objects.requireNonNull(socket.receive(Await.TIMEOUT_MS));
    }

    @Test
    void shouldChangeNothingWhenTheNewOneIsRefusedOrFails() throws Exception {
        node.namespace().ip("tuntap", "add", "tun9", "mode", "tun");
        node.namespace().ip("address", "add", "192.0.2.1/24", "dev", "tun9");
        node.namespace().ip("link", "set", "tun9", "up");
        final BackgroundProcess weftd = startReady("--identity=one");
        final String before = HostState.of(node.namespace(), directory);
        try (DatagramStream to = new DatagramStream(node, peer);
                DatagramStream from = new DatagramStream(peer, node)) {
            assertRefused(start("--identity=two"), "has identity 'one' and not 'two'");
            assertRefused(start("--identity=one", "--counters-file=/proc/none"), "--counters-file");
            // Of no use to one with other workers: all the same it is not told to end for one that cannot start.
            assertRefused(
                    start("--identity=one", "--workers=2", "--counters-file=/proc/none"),
                    "Choose a writable place by --counters-file");
            assertRefused(start("--identity=one", "--subnet-file=/proc/none/subnet.env"), "--subnet-file");
            assertRefused(
                    resources.add(WeftdProcess.start(
                            node.namespace(),
                            directory,
                            "--registry=file:" + directory.resolve("leases.json"),
                            "--identity=one",
                            "--iface=tun9",
                            "--public-ip=" + node.underlayAddress(),
                            "--underlay-port=packet")),
                    "is not Ethernet");
            assertEquals(before, HostState.of(node.namespace(), directory), weftd::output);
            assertEquals(0, to.finish(), to + "\n" + weftd.output());
            assertEquals(0, from.finish(), from + "\n" + weftd.output());
        }
        assertTrue(weftd.process().isAlive(), weftd::output);
    }

    @Test
    void shouldStayWhenTheOneThatReplacesItFindsItsPortTaken() throws Exception {
        Files.copy(directory.resolve("leases.json"), directory.resolve("first.json"));
        final BackgroundProcess weftd = startReady("--registry=file:" + directory.resolve("first.json"));
        writeLeases(8473);
        node.namespace().ip("link", "add", "vx0", "type", "vxlan", "id", "9", "dstport", "8473");
        node.namespace().ip("link", "set", "vx0", "up");
        try (DatagramStream to = new DatagramStream(node, peer)) {
            assertRefused(start("--replace"), "belongs to the kernel VXLAN device vx0");
            assertEquals(0, to.finish(), to + "\n" + weftd.output());
        }
        assertTrue(weftd.process().isAlive(), weftd::output);
    }

    @ParameterizedTest
    @ValueSource(strings = {"-TERM", "-KILL"})
    void shouldTakeThePlaceOfOneThatEndsMeanwhile(final String signal) throws Exception {
        BackgroundProcess newcomer = startReady();
        int exitCode = WeftdCommandLine.EXIT_HANDED_OVER;
        while (WeftdCommandLine.EXIT_HANDED_OVER == exitCode) { // again where the newcomer was the quicker one
            final BackgroundProcess weftd = newcomer;
            newcomer = start(WeftdProcess.REHEARSED).awaitOutput(OWN_LEASE, WeftdProcess.START_TIMEOUT_MS);
            signal("-STOP", newcomer);
            signal(signal, weftd);
            exitCode = weftd.awaitExit(WeftdProcess.START_TIMEOUT_MS);
            signal("-CONT", newcomer);
        }
        newcomer.awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
        try (DatagramStream to = new DatagramStream(node, peer)) {
            to.awaitArrivalAfter(System.nanoTime(), Await.TIMEOUT_MS);
        }
        assertTrue(newcomer.process().isAlive(), newcomer::output);
    }

    @Test
    void shouldWaitForOneThatIsStartingItself() throws Exception {
        final BackgroundProcess weftd = startSlowly();
        final BackgroundProcess newcomer = start().awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
        assertEquals(WeftdCommandLine.EXIT_HANDED_OVER, weftd.awaitExit(WeftdProcess.START_TIMEOUT_MS), weftd::output);
        try (DatagramStream to = new DatagramStream(node, peer)) {
            to.awaitArrivalAfter(System.nanoTime(), Await.TIMEOUT_MS);
        }
        assertTrue(newcomer.process().isAlive(), newcomer::output);
    }

    @Test
    void shouldTakeThePlaceOfOneThatEndsBeforeItIsReady() throws Exception {
        final BackgroundProcess weftd = startSlowly();
        final BackgroundProcess newcomer = start().awaitOutput(OWN_LEASE, WeftdProcess.START_TIMEOUT_MS);
        signal("-TERM", weftd);
        newcomer.awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
        weftd.awaitExit(WeftdProcess.START_TIMEOUT_MS);
        try (DatagramStream to = new DatagramStream(node, peer)) {
            to.awaitArrivalAfter(System.nanoTime(), Await.TIMEOUT_MS);
        }
        assertTrue(newcomer.process().isAlive(), newcomer::output);
    }

    /** One that has a lease and is not ready for a while: less long than a successor waits for that. */
    private BackgroundProcess startSlowly() {
        return start("--rehearsal-limit=5000").awaitOutput(OWN_LEASE, WeftdProcess.START_TIMEOUT_MS);
    }

    private static void signal(final String signal, final BackgroundProcess process) {
        Command.tryRun(List.of("kill", signal, String.valueOf(process.process().pid()))); // which may be gone by now
    }

    /** The kernel goes on counting at a device that outlives its daemon, and the new daemon where the former stopped. */
    @Test
    void shouldCountOnceWhatTheHostHasLost() throws Exception {
        final BackgroundProcess weftd = startReady();
        try (DatagramStream to = new DatagramStream(node, peer)) {
            signal("-STOP", weftd);
            to.burst(BURST);
            signal("-CONT", weftd);
            to.awaitArrivalAfter(System.nanoTime(), Await.TIMEOUT_MS);
            to.finishAfterLoss();
        }
        Await.until(
                () -> "losses are counted: " + weftd.output(),
                Await.TIMEOUT_MS,
                () -> counted(DataPlaneCounter.EGRESS_HOST_LOSSES) > 0);
        awaitHeartbeats();
        final long before = counted(DataPlaneCounter.EGRESS_HOST_LOSSES);
        startReady();
        awaitHandedOver(weftd);
        awaitHeartbeats();
        assertEquals(before, counted(DataPlaneCounter.EGRESS_HOST_LOSSES));
        assertEquals(0, counters().inMinute(DataPlaneCounter.EGRESS_HOST_LOSSES), "the minute is the new daemon's");
    }

    private CountersRecord counters() {
        return DaemonRecord.readAll(directory.resolve("run"), System.currentTimeMillis())
                .get(0)
                .devices()
                .get(0)
                .counters();
    }

    /** When drops were and whose they were goes on as their number does; but they are of no minute of the new daemon's. */
    @Test
    void shouldTellOfDropsAsTheFormerSawThem() {
        final BackgroundProcess weftd = startReady();
        node.pod().tryExec("ping", "-c", "2", "-i", "0.2", "-W", "1", "10.244.77.7");
        Await.until(
                () -> "drops are timed, and no new ones come: " + counters().samples(),
                Await.TIMEOUT_MS,
                () -> counters().lastMs(DropReason.IP_OUTNOROUTES) > 0
                        && counters().heartbeatMs() > counters().lastMs(DropReason.IP_OUTNOROUTES));
        final CountersRecord before = counters();
        startReady();
        awaitHandedOver(weftd);
        awaitHeartbeats();
        final CountersRecord after = counters();
        assertEquals(before.total(DropReason.IP_OUTNOROUTES), after.total(DropReason.IP_OUTNOROUTES));
        assertEquals(0, after.inMinute(DropReason.IP_OUTNOROUTES));
        assertEquals(before.firstMs(DropReason.IP_OUTNOROUTES), after.firstMs(DropReason.IP_OUTNOROUTES));
        assertEquals(before.lastMs(DropReason.IP_OUTNOROUTES), after.lastMs(DropReason.IP_OUTNOROUTES));
        assertEquals(before.offender(DropReason.IP_OUTNOROUTES), after.offender(DropReason.IP_OUTNOROUTES));
        for (final String thread : after.threads()) {
            final long busyNs = after.ofThreadInMinute(ThreadCounter.BUSY_NS, thread);
            assertTrue(busyNs <= after.minuteNs(), thread + " busy " + busyNs + " of " + after.minuteNs() + " ns");
        }
    }

    /** Until the control thread has asked the kernel for its counts again. */
    private void awaitHeartbeats() {
        for (int i = 0; i < 2; i++) {
            final long before = heartbeatMs();
            Await.until(() -> "a heartbeat", Await.TIMEOUT_MS, () -> heartbeatMs() > before);
        }
    }

    private long heartbeatMs() {
        try (CountersFile file = CountersFile.open(directory.resolve("run/weft.1.counters"))) {
            return file.heartbeatMs();
        }
    }

    @Test
    void shouldReplaceOneOfAnotherPortAndIdentityOnlyWhenTold() throws Exception {
        Files.copy(directory.resolve("leases.json"), directory.resolve("first.json"));
        final BackgroundProcess weftd =
                startReady("--identity=one", "--registry=file:" + directory.resolve("first.json"));
        writeLeases(8473);
        assertRefused(start("--identity=two"), "has identity 'one' and not 'two', port '8472' and not '8473'");
        assertTrue(weftd.process().isAlive(), weftd::output);
        startReady("--identity=two", "--replace");
        awaitHandedOver(weftd);
        assertTrue(node.namespace().exec("ss", "-Hnlu").contains(":8473"));
    }

    @Test
    void shouldReplaceOneOfAnotherVniOnlyWhenTold() throws Exception {
        Files.copy(directory.resolve("leases.json"), directory.resolve("first.json"));
        final BackgroundProcess weftd = startReady("--registry=file:" + directory.resolve("first.json"));
        writeLeases("\"VNI\":2");
        assertRefused(start(), "has VNI '1' and not '2'");
        assertTrue(weftd.process().isAlive(), weftd::output);
        start("--replace").awaitOutput("ready: weft.2 forwards", WeftdProcess.START_TIMEOUT_MS);
        awaitHandedOver(weftd);
        final String devices = node.namespace().exec("ip", "-brief", "link");
        assertTrue(devices.contains("weft.2 ") && !devices.contains("weft.1 "), devices);
        Await.until(
                "nobody is told to start weft.1 again",
                Await.TIMEOUT_MS,
                () -> !Files.exists(directory.resolve("run/weft.1.status")));
    }

    @Test
    void shouldNotTakeThePlaceBackThatItHasHandedOver() {
        final BackgroundProcess first = startPod("weft-abcde").awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
        final BackgroundProcess second = startPod("weft-fghij").awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
        awaitHandedOver(first);
        for (int i = 0; i < 2; i++) { // as a supervisor does that starts whatever ends
            assertRefused(startPod("weft-abcde"), "does not take it back");
        }
        assertTrue(second.process().isAlive(), second::output);
        startPod("weft-klmno").awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
        awaitHandedOver(second);
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '"',
            value = {
                "--workers=2, workers '1' and not '2'",
                "--pod-port=PACKET, pod port 'TUN' and not 'PACKET'",
                "--underlay-port=PACKET, underlay port 'UDP' and not 'PACKET'"
            })
    void shouldForwardOnWhenTheNewOneNeedsOtherPorts(final String option, final String said) throws Exception {
        BackgroundProcess weftd = startReady("--workers=1", "--pod-port=TUN");
        try (DatagramStream to = new DatagramStream(node, peer);
                DatagramStream from = new DatagramStream(peer, node);
                TcpStream tcp = new TcpStream(node, peer)) {
            for (final String[] options : List.of(
                    new String[] {"--workers=1", "--pod-port=TUN", option},
                    new String[] {"--workers=1", "--pod-port=TUN"})) {
                final BackgroundProcess former = weftd;
                weftd = startReady(options);
                if (options.length > 2) {
                    assertTrue(weftd.output().contains(said), weftd::output);
                }
                awaitHandedOver(former);
                to.awaitArrivalAfter(System.nanoTime(), Await.TIMEOUT_MS);
                from.awaitArrivalAfter(System.nanoTime(), Await.TIMEOUT_MS);
            }
            tcp.awaitProgress(Await.TIMEOUT_MS);
            tcp.finish(Await.TIMEOUT_MS);
        }
    }

    @Test
    void shouldLoseNothingBetweenDifferentJavas() throws Exception {
        assumeTrue(Files.isExecutable(OTHER_JAVA), "needs a second JDK");
        final BackgroundProcess weftd = startReady();
        try (DatagramStream to = new DatagramStream(node, peer);
                DatagramStream from = new DatagramStream(peer, node)) {
            final String[] command = WeftdProcess.command(
                    directory,
                    "--registry=file:" + directory.resolve("leases.json"),
                    "--iface=" + node.underlayDevice());
            command[0] = OTHER_JAVA.toString();
            final BackgroundProcess other =
                    resources.add(node.namespace().start(command)).awaitOutput(READY, WeftdProcess.START_TIMEOUT_MS);
            awaitHandedOver(weftd);
            startReady();
            awaitHandedOver(other);
            assertEquals(0, to.finish(), to + "\n" + other.output());
            assertEquals(0, from.finish(), from + "\n" + other.output());
        }
    }
}
