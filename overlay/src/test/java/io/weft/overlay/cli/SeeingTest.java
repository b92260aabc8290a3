/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.KernelVxlan;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.WeftdProcess;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/**
 * What the commands say of two daemons in two network namespaces that share a run directory, {@code weft.1} and {@code blue.1}, with
 * a kernel node as their peer, while they live, and when one of them does not.
 */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class SeeingTest {
    private static final String NOWHERE = "10.244.77.7";

    private static final String SECRET = "wove-in-secret";

    private final CloseAll resources = new CloseAll();
    private final StringWriter errors = new StringWriter();
    private Path runDirectory = Path.of("run");
    private final Topology topology = resources.add(Topology.builder().nodes(3).build());
    private final Topology.Node node = topology.node(0);
    private final Topology.Node blueNode = topology.node(2);
    private @Nullable BackgroundProcess blue;

    @BeforeAll
    void startTwoDaemonsAndSendPackets(@TempDir final Path directory) throws IOException {
        runDirectory = directory.resolve("run");
        final Topology.Node peer = topology.node(1);
        topology.kernelVxlan(peer);
        WeftdProcess.leases(
                directory, WeftdProcess.lease(node), WeftdProcess.lease(peer), WeftdProcess.lease(topology.node(2)));
        final BackgroundProcess weft = start(directory, node, "--etcd-password=" + SECRET);
        blue = start(directory, blueNode, "--device-name=blue.1", "--subnet-file=" + directory.resolve("blue.env"));
        assertEquals(0, ping(3, peer.podAddress()), weft::output);
        ping(2, NOWHERE);
        // The packets are seen at once, and when they came by the daemon's next look.
        Await.until(
                () -> run("show", "drops"),
                Await.TIMEOUT_MS,
                () -> run("show", "drops").matches("(?s).*2 packets[^\\n]*, first \\d[^\\n]*, last \\d.* from .*"));
    }

    private BackgroundProcess start(final Path directory, final Topology.Node on, final String... options) {
        final String[] all = new String[options.length + 2];
        all[0] = "--registry=file:" + directory.resolve("leases.json");
        all[1] = "--iface=" + on.underlayDevice();
        System.arraycopy(options, 0, all, 2, options.length);
        return resources
                .add(WeftdProcess.start(on.namespace(), directory, all))
                .awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
    }

    private int ping(final int count, final String address) {
        return node.pod()
                .tryExec("ping", "-c", String.valueOf(count), "-i", "0.2", "-W", "1", address)
                .exitCode();
    }

    @AfterAll
    void tearDown() {
        resources.close();
    }

    private int execute(final StringWriter out, final String... arguments) {
        final CommandLine line = WeftCommand.commandLine();
        line.setOut(new PrintWriter(out, true));
        line.setErr(new PrintWriter(errors, true));
        final String[] all = new String[arguments.length + 1];
        System.arraycopy(arguments, 0, all, 0, arguments.length);
        all[arguments.length] = "--run-dir=" + runDirectory;
        return line.execute(all);
    }

    private String run(final String... arguments) {
        final StringWriter out = new StringWriter();
        assertEquals(0, execute(out, arguments), () -> out + " " + errors);
        return out.toString();
    }

    /** What is another number each time is left out. */
    private static String steady(final String text) {
        return text.replaceAll("(pid\"?[ :])\\d+", "$1PID")
                .replaceAll("(process )\\d+", "$1PID")
                .replaceAll("(-QUIT |-CONT |--target )\\d+", "$1PID")
                .replaceAll("(amespace\"?[ :])\\d+", "$1NS")
                .replaceAll("(?m)^ *\\d+(?=  \\S)", "N")
                .replaceAll("last sign of life \\d+ ms", "last sign of life N ms")
                .replaceAll("(\"heartbeatAgeMs\":)\\d+", "$1N")
                .replaceAll("(\"(?:[a-z][a-z0-9 -]*|[A-Z_]+)\":)\\d+(?=[,}])(?=.*\"meanings\")", "$1N")
                .replaceAll("(ageMs|longestCycleNs|cycles|busyPercent|packetsInMinute)(\":)\\d+", "$1$2N")
                .replaceAll("(perSecond)(\":)[\\d.]+", "$1$2N")
                .replaceAll("\\d{4}-\\d\\d-\\d\\dT[\\d:]+Z", "TIME")
                .replaceAll("(weft (?=unknown)|weft (?=\\d))\\S+", "weft VERSION")
                .replaceAll("(operations(?: |\":))[1-9]\\d*", "$1N") // two packets may go in one
                .replaceAll("heap's \\d+ MiB", "heap's N MiB")
                .replaceAll(
                        "(none|2 IP_OUTNOROUTES( \\(the last [^)]*\\))?) in the last minute", "N in the last minute")
                .replaceAll("busy \\d+ %", "busy N %")
                .replaceAll(
                        "\\d+ packets in the last minute, longest stall since its start \\d+ \\w+",
                        "N packets, stall N")
                .replaceAll("[\\d.]+ per second", "N per second")
                .replaceAll("(for|from|stopped by a signal|told to stop) \\d+ \\w+( ago|;)", "$1 AGE$2");
    }

    private static String golden(final String name) throws IOException {
        return Files.readString(Path.of("src/test/golden").resolve(name));
    }

    /** A busy machine may keep a daemon, and the sight of it, for a while. */
    private void assertGolden(final String name, final String... arguments) throws IOException {
        final String golden = golden(name);
        final String[] found = {""};
        Await.until(() -> name + ": " + found[0], Await.TIMEOUT_MS, () -> {
            final StringWriter out = new StringWriter();
            final int exitCode = execute(out, arguments);
            found[0] = exitCode + " " + steady(out.toString());
            return found[0].equals("0 " + golden);
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"ports", "routes", "neighbours", "fdb", "peers", "drops", "agents"})
    void shouldShowEachPartAsTextAndJson(final String what) throws IOException {
        assertGolden("show-" + what + ".txt", "show", what);
        assertGolden("show-" + what + ".json", "show", what, "-o", "json");
    }

    @Test
    void shouldTellTwoDaemonsOfTwoNamespacesApart() throws IOException {
        assertGolden("status.txt");
        assertGolden("status.json", "status", "--output=json");
        assertGolden("status-blue.txt", "status", "--device=blue.1");
        assertFalse(run("show", "fdb", "--device=weft.1").contains("blue.1"));
        final StringWriter out = new StringWriter();
        execute(out);
        final String[] namespaces = out.toString()
                .replaceAll("(?s)\\D*?namespace (\\d+).*?namespace (\\d+).*", "$1 $2")
                .split(" ", -1);
        assertNotEquals(namespaces[0], namespaces[1]);
    }

    /** Each look is a whole answer; what is in it, {@code TopScreenTest} holds. */
    @Test
    void shouldShowWhatGoesOnAsOftenAsItIsAsked() {
        final String screens = run("top", "--count=2", "--interval=1", "--device=weft.1");
        assertEquals(2, screens.split("weft.1 {2}live\n", -1).length - 1, screens);
        assertTrue(screens.contains("\n192.168.100.2 "), screens);
        assertTrue(
                run("top", "--count=1", "--interval=1", "-o", "json").contains("{\"device\":\"blue.1\",\"seconds\":"));
        assertEquals(2, execute(new StringWriter(), "top", "--interval=0"));
        assertTrue(errors.toString().contains("--interval=0: must be a whole number from 1 to 3600"), errors::toString);
    }

    @Test
    void shouldEndWellWhenItIsToldTo() {
        final List<String> command = WeftdProcess.java(WeftMain.class);
        command.addAll(List.of("top", "--interval=1", "--device=weft.1", "--run-dir=" + runDirectory));
        try (BackgroundProcess top = node.namespace().start(command.toArray(String[]::new))) {
            top.awaitOutput("weft.1  live", Await.TIMEOUT_MS);
            top.process().destroy();
            assertEquals(0, top.awaitExit(Await.TIMEOUT_MS), top::output);
        }
    }

    @Test
    void shouldGoOnAndSaySoWhileThereIsNoDaemon(@TempDir final Path directory) throws Exception {
        final Path link = Files.createSymbolicLink(directory.resolve("run"), runDirectory);
        final StringWriter out = new StringWriter();
        final CommandLine line = WeftCommand.commandLine();
        line.setOut(new PrintWriter(out, true));
        final Thread thread =
                new Thread(() -> line.execute("top", "--interval=1", "--device=weft.1", "--run-dir=" + link));
        thread.start();
        Await.until("a screen", Await.TIMEOUT_MS, () -> out.toString().contains("weft.1  live\n"));
        Files.delete(link);
        Await.until(
                out::toString,
                Await.TIMEOUT_MS,
                () -> out.toString().contains("no weftd of device weft.1 has left anything in " + link));
        final int length = out.getBuffer().length();
        Files.createSymbolicLink(link, runDirectory);
        Await.until(
                out::toString,
                Await.TIMEOUT_MS,
                () -> out.toString().substring(length).contains("weft.1  live\n"));
        thread.interrupt();
        thread.join(Await.TIMEOUT_MS);
        assertFalse(thread.isAlive());
    }

    private void assertStatus(final int exitCode, final String... texts) {
        final StringWriter out = new StringWriter();
        assertEquals(exitCode, execute(out, "status", "--device=blue.1"), out::toString);
        for (final String text : texts) {
            assertTrue(steady(out.toString()).contains(text), out::toString);
        }
    }

    /** The losses are counted by the task that shows the sign of life last: until then it is a hung one that has lost them. */
    private void awaitStatus(final int exitCode, final String text) {
        final String[] found = {""};
        Await.until(() -> text + " and " + exitCode + " not in\n" + found[0], Await.TIMEOUT_MS, () -> {
            final StringWriter out = new StringWriter();
            final int code = execute(out, "status", "--device=blue.1");
            found[0] = code + "\n" + out;
            return exitCode == code && found[0].contains(text);
        });
    }

    @Test
    void shouldShowOnAnotherMachineWhatAReportHolds(@TempDir final Path directory) throws IOException {
        final Path archive = directory.resolve("report.zip");
        assertEquals(
                golden("report.txt"), run("report", "-w", archive.toString()).replace(archive.toString(), "FILE"));
        assertEquals(
                golden("report.json"),
                run("report", "-w", archive.toString(), "-o", "json").replace(archive.toString(), "FILE"));
        final String from = "--from=" + archive;
        for (final String what : List.of("ports", "routes", "neighbours", "fdb", "peers", "drops", "agents")) {
            assertGolden("show-" + what + ".txt", "show", what, from);
        }
        errors.getBuffer().setLength(0);
        assertEquals(
                golden("status.txt").replace("(another one)", "(not that of weft report)"),
                steady(run("status", from)));
        final String origin = errors.toString();
        assertTrue(
                steady(origin)
                        .startsWith("weft: " + archive + ": as it was at TIME on host " + hostName()
                                + ", written by weft VERSION\n"),
                origin);
        final StringWriter out = new StringWriter();
        for (final String command : List.of("clear", "report", "top", "ping")) {
            assertEquals(2, execute(out, command, from), "an archive stays as it is");
            final StringWriter help = new StringWriter();
            execute(help, command, "--help");
            assertFalse(help.toString().contains("--from"), help::toString);
        }
    }

    private static String hostName() throws IOException {
        return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
    }

    @Test
    void shouldSayWhatIsWrongWithAnArchive(@TempDir final Path directory) throws IOException {
        final Path archive = directory.resolve("report.zip");
        run("report", "-w", archive.toString());
        final byte[] whole = Files.readAllBytes(archive);
        assertRefuses(
                runDirectory.resolve("weft.1.status"), " is no archive of weft report: it is no zip file at all\n");
        assertRefuses(directory.resolve("nowhere"), " is not there: name an archive that weft report wrote\n");
        assertRefuses(Files.createFile(directory.resolve("empty")), " is no archive of weft report: it is empty\n");
        assertRefuses(
                Files.write(directory.resolve("short"), Arrays.copyOf(whole, whole.length / 8)),
                " is cut short: have it sent or copied once more\n");
    }

    private void assertRefuses(final Path archive, final String words) {
        errors.getBuffer().setLength(0);
        assertEquals(1, execute(new StringWriter(), "show", "routes", "--from=" + archive));
        assertEquals("weft: " + archive + words, errors.toString());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "0 | 10.244.1.2 | fdb        02:00:00:00:00:02 dst 192.168.100.2 port 8472",
                "1 | 10.244.77.7 | route      none: dropped",
                "0 | 10.244.0.2 | own        of this node's subnet 10.244.0.0/24: the host brings it to the pod",
                "0 | 192.0.2.1 | outside    of the cluster's network 10.244.0.0/16: the host routes it",
                "0 | 10.244.1.2 --from=10.244.0.2 | fdb        02:00:00:00:00:02 dst 192.168.100.2 port 8472",
                "0 | 10.244.1.2 --from=192.0.2.1 | source     192.0.2.1 is not of this node's subnet: a weft node",
                "0 | 10.244.0.2 --from=10.244.1.2 | from       192.168.100.2, of whose subnet 10.244.1.2 is",
                "0 | 10.244.0.2 --from=10.244.1.2 | delivered  to weft.1: the host brings it to the pod by its bridge",
                "1 | 10.244.0.2 --from=10.244.77.7 | from       no lease has 10.244.77.7"
            })
    void shouldTellWhatBecomesOfAPacketByWordsAndExitCode(
            final int exitCode, final String arguments, final String words) {
        final StringWriter out = new StringWriter();
        final String[] all = ("explain " + arguments + " --device=weft.1").split(" ", -1);
        assertEquals(exitCode, execute(out, all), () -> out + " " + errors);
        assertTrue(out.toString().startsWith(all[1]), out::toString);
        assertTrue(out.toString().contains("  " + words), out::toString);
    }

    /** The record of a process that runs, and has shown no sign of life: as one that hangs leaves it. */
    @Test
    void shouldTellADaemonThatHangsAndAnswerAllTheSame(@TempDir final Path directory) throws IOException {
        for (final String suffix : List.of(".status", ".tables")) {
            Files.copy(runDirectory.resolve("weft.1" + suffix), directory.resolve("weft.1" + suffix));
        }
        Files.setLastModifiedTime(
                directory.resolve("weft.1.status"), FileTime.fromMillis(System.currentTimeMillis() - 60_000));
        final StringWriter out = new StringWriter();
        final CommandLine line = WeftCommand.commandLine();
        line.setOut(new PrintWriter(out, true));
        line.setErr(new PrintWriter(errors, true));
        assertEquals(StatusCommand.SILENT, line.execute("status", "--run-dir=" + directory), out::toString);
        assertTrue(
                steady(out.toString())
                        .contains(
                                "  process   WRONG  hung: the control thread of process PID has shown no sign of life for AGE;"
                                        + " what it forwards by is from then. Have it tell what it waits for (kill -QUIT PID), then"
                                        + " restart it\n"),
                out::toString);
        assertEquals(0, line.execute("show", "routes", "--run-dir=" + directory));
        assertTrue(out.toString().endsWith(run("show", "routes", "--device=weft.1")), out::toString);
        assertTrue(errors.toString().contains("weft: weft.1: hung: the control thread of process"), errors::toString);
    }

    @ParameterizedTest
    @ValueSource(strings = {"explain 10.244.1.2", "trace -n 1", "capture -w -", "counters"})
    void shouldNotChooseAmongSeveralDaemons(final String line) {
        final StringWriter out = new StringWriter();
        assertEquals(2, execute(out, line.split(" ", -1)), out::toString);
        assertTrue(errors.toString().contains(": name one by --device, of blue.1 and weft.1"), errors::toString);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "status",
                "show ports",
                "clear",
                "report",
                "top",
                "ping all",
                "explain 10.244.1.2",
                "trace",
                "capture -w -",
                "counters"
            })
    void shouldRefuseADeviceThatNoDaemonHas(final String line) {
        final StringWriter out = new StringWriter();
        errors.getBuffer().setLength(0);
        assertEquals(2, execute(out, (line + " --device=nix").split(" ", -1)), out::toString);
        assertTrue(
                errors.toString()
                        .startsWith(
                                "--device=nix: no daemon on record has it, there is blue.1 and weft.1\nUsage: weft "),
                errors::toString);
        assertEquals("", out.toString());
    }

    @Test
    void shouldExplainAsTextAndJson() throws IOException {
        assertGolden("explain.txt", "explain", "10.244.1.2", "--from=10.244.0.2", "--device=weft.1");
        assertGolden("explain.json", "explain", "10.244.1.2", "--from=10.244.0.2", "--device=weft.1", "-o", "json");
    }

    /** All that is counted by name; how much is another thing each time. */
    @Test
    void shouldShowEachCounterAsTextAndJson() throws IOException {
        assertGolden("counters.txt", "counters", "--all", "--device=weft.1");
        assertGolden("counters.json", "counters", "--all", "--device=weft.1", "-o", "json");
    }

    @Test
    void shouldLeaveSecretsOutOfAReport(@TempDir final Path directory) throws IOException {
        final Path archive = directory.resolve("report.zip");
        run("report", "-w", archive.toString());
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(archive)));
        final StringBuilder names = new StringBuilder();
        try (ZipFile zip = new ZipFile(archive.toFile())) {
            for (final ZipEntry entry : Collections.list(zip.entries())) {
                names.append(entry.getName()).append(' ');
                final String content = new String(zip.getInputStream(entry).readAllBytes(), ISO_8859_1);
                assertFalse(content.contains(SECRET), entry::getName);
            }
        }
        assertTrue(names.toString().contains("weft.1.counters status.txt host/uname -srm.txt"), names::toString);
    }

    @Test
    @Order(Integer.MAX_VALUE - 1)
    void shouldBeginToCountAnewAndLeaveTheCountersAlone() throws IOException {
        assertEquals(golden("clear.txt"), run("clear", "--device=weft.1"));
        assertEquals(golden("clear.json"), steady(run("clear", "--device=weft.1", "-o", "json")));
        assertEquals("", run("show", "drops"));
        ping(1, NOWHERE);
        final String again =
                "IP_OUTNOROUTES: 1 packets, N per second, first before they were cleared, last TIME from 10.244.0.2 > ";
        Await.until(
                () -> run("show", "drops"),
                Await.TIMEOUT_MS,
                () -> steady(run("show", "drops")).contains(again));
        final String counters = run("counters", "--device=weft.1");
        assertTrue(counters.contains(" 3  IP_OUTNOROUTES"), counters);
        assertTrue(
                run("show", "ports", "--device=weft.1").contains("to underlay: packets 0 "),
                () -> run("show", "ports"));
        assertTrue(
                run("show", "peers")
                        .contains("weft.1 192.168.100.2 10.244.1.0/24: sent 0 packets 0 bytes, received 0 "),
                () -> run("show", "peers"));
    }

    /** The last one: what was killed is not started again. */
    @Test
    @Order(Integer.MAX_VALUE)
    void shouldTellStoppedFromHungFromDeadAndAnswerAllTheSame() throws Exception {
        final ProcessHandle process = Objects.requireNonNull(blue).process().toHandle();
        final String routes = run("show", "routes", "--device=blue.1");
        Command.run(List.of("kill", "-STOP", String.valueOf(process.pid())));
        Await.until("stopped", Await.TIMEOUT_MS, () -> StatusCommand.SILENT == execute(new StringWriter(), "status"));
        assertStatus(
                StatusCommand.SILENT, "stopped: process PID was stopped by a signal", "Let it go on: kill -CONT PID");
        assertEquals(routes, run("show", "routes", "--device=blue.1"));
        assertTrue(errors.toString().contains("weft: blue.1: stopped: process"), errors::toString);
        assertExplainsByRecord("stopped: process PID was stopped by a signal AGE ago;", "stopped");
        assertTellsThatItIsStopped("trace");
        flood(blueNode.underlayAddress());
        Command.run(List.of("kill", "-CONT", String.valueOf(process.pid())));
        Await.until(
                () -> run("show", "ports"),
                Await.TIMEOUT_MS,
                () -> run("show", "ports", "-o", "json")
                        .matches("(?s).*blue.1\",\"port\":\"from underlay\"[^}]*losses\":[1-9].*"));
        awaitStatus(StatusCommand.WRONG, "WRONG  in the last minute the host lost 0 frames from pods and");
        node.namespace().ip("address", "add", "192.168.100.99/24", "dev", node.underlayDevice());
        // The receive buffer may still be full.
        Await.until(() -> run("show", "drops"), Await.TIMEOUT_MS, () -> {
            sendAsAStranger();
            return run("show", "drops").matches("(?s).*UNKNOWN_SENDER: \\d+ packets[^\\n]* from 192.168.100.99: .*");
        });
        process.destroyForcibly();
        Await.until("dead", Await.TIMEOUT_MS, () -> StatusCommand.GONE == execute(new StringWriter(), "status"));
        assertStatus(
                StatusCommand.GONE, "dead: process PID is gone, all is from AGE ago. Its log says why; start it again");
        assertEquals(routes, run("show", "routes", "--device=blue.1"));
        assertExplainsByRecord("dead: process PID is gone, all is from AGE ago.", "dead");
        assertTellsThatItIsGone("trace");
        assertTrue(run("show", "drops", "--device=blue.1").contains("PKT_TOO_SMALL"));
        final String aged = ",\"liveness\":\"dead\",\"ageMs\":";
        assertTrue(run("show", "fdb", "--device=blue.1", "-o", "json").contains(aged), "for programs");
        assertTrue(
                run("top", "--count=1", "--interval=1", "--device=blue.1", "-o", "json")
                        .contains(aged),
                "for programs");
        // A node without a daemon: its kernel says so.
        Await.until(() -> run("show", "peers"), Await.TIMEOUT_MS, () -> {
            ping(1, topology.node(2).podAddress());
            return steady(run("show", "peers"))
                    .matches("(?s).*weft.1 192.168.100.3 10.244.2.0/24: sent [1-9]\\d* packets [^\\n]*"
                            + "last error port unreachable from 192.168.100.3 TIME, check unchecked\n.*");
        });
    }

    /** The way by its tables, that nothing goes there now, and how old that is. */
    private void assertExplainsByRecord(final String process, final String liveness) {
        final StringWriter out = new StringWriter();
        assertEquals(1, execute(out, "explain", "10.244.1.2", "--device=blue.1"), errors::toString);
        final String told = steady(out.toString());
        assertTrue(
                told.matches(
                        "(?s)10\\.244\\.1\\.2\\R  route      10\\.244\\.1\\.0/24 via 10\\.244\\.1\\.0\\R"
                                + "  neighbour  10\\.244\\.1\\.0 is at 02:00:00:00:00:02\\R"
                                + "  fdb        02:00:00:00:00:02 dst 192\\.168\\.100\\.2 port 8472 vni 1\\R"
                                + "  record     by what weftd left on disk, \\d+ \\w+ old: it does not answer, and forwards nothing\\R.*"),
                told);
        assertTrue(told.contains("  status     process " + process), told);
        final StringWriter in = new StringWriter();
        assertEquals(
                1,
                execute(in, "explain", "--from=10.244.1.2", blueNode.podAddress(), "--device=blue.1"),
                errors::toString);
        assertTrue(in.toString().contains("\n  policy "), in::toString);
        assertFalse(in.toString().contains("\n  own "), in::toString);
        final StringWriter json = new StringWriter();
        execute(json, "explain", "10.244.1.2", "--device=blue.1", "-o", "json");
        assertTrue(json.toString().contains("\"arrives\":false,\"lines\":[\"10.244.1.2\","), json::toString);
        assertTrue(json.toString().contains(",\"liveness\":\"" + liveness + "\",\"ageMs\":"), json::toString);
    }

    /** It is not asked for what it was given. */
    private void assertTellsThatItIsGone(final String command) {
        errors.getBuffer().setLength(0);
        assertEquals(1, execute(new StringWriter(), command, "--device=blue.1"), errors::toString);
        assertTrue(
                steady(errors.toString()).contains("). weft status: process dead: process PID is"), errors::toString);
    }

    /** By what is on record, and not by its silence. */
    private void assertTellsThatItIsStopped(final String... command) {
        errors.getBuffer().setLength(0);
        final String[] all = Arrays.copyOf(command, command.length + 1);
        all[command.length] = "--device=blue.1";
        assertEquals(1, execute(new StringWriter(), all), errors::toString);
        assertTrue(
                steady(errors.toString())
                        .startsWith(
                                "weft: blue.1 cannot answer. weft status: process stopped: process PID was stopped by a"),
                errors::toString);
    }

    /** More than a receive buffer of 16 MB holds, of which a small datagram takes 768 bytes. */
    private void flood(final String address) throws IOException {
        try (DatagramSocket socket =
                node.namespace().call(() -> new DatagramSocket(new InetSocketAddress(node.underlayAddress(), 0)))) {
            for (int i = 0; i < 60_000; i++) {
                socket.send(new DatagramPacket(new byte[1], 1, InetAddress.getByName(address), KernelVxlan.PORT));
            }
        }
    }

    private void sendAsAStranger() {
        try (DatagramSocket socket =
                node.namespace().call(() -> new DatagramSocket(new InetSocketAddress("192.168.100.99", 0)))) {
            final InetAddress address = InetAddress.getByName(blueNode.underlayAddress());
            socket.send(new DatagramPacket(new byte[1], 1, address, KernelVxlan.PORT));
        } catch (final IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
