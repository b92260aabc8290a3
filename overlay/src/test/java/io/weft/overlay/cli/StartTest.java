/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.overlay.WeftdProcess;
import io.weft.overlay.registry.Certificates;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** What {@code weft status} says of a weftd that has begun and waits, before it has a device. */
@RequiresRoot
class StartTest {
    @TempDir
    private Path directory = Path.of(".");

    private final StringWriter errors = new StringWriter();

    private String status(final int exitCode) {
        return run(exitCode, "status", "--run-dir=" + directory.resolve("run"));
    }

    private String run(final int exitCode, final String... arguments) {
        final StringWriter out = new StringWriter();
        final CommandLine line = WeftCommand.commandLine();
        line.setOut(new PrintWriter(out, true));
        line.setErr(new PrintWriter(errors, true));
        final int found = line.execute(arguments);
        return (exitCode == found ? "" : "exit code " + found + "\n") + out;
    }

    private List<String> startRecords() throws IOException {
        try (Stream<Path> files = Files.list(directory.resolve("run"))) {
            return files.map(file -> String.valueOf(file.getFileName()))
                    .filter(name -> name.startsWith("weftd-") && name.endsWith(".status"))
                    .toList();
        }
    }

    private void writeLeases() throws IOException {
        Files.writeString(directory.resolve("leases.json"), """
                {"config":{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}},
                 "leases":{"10.244.0.0-24":{"PublicIP":"192.168.100.1","BackendType":"vxlan",
                 "BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:01"}}}}
                """);
    }

    private static void addUnderlay(final NetworkNamespace namespace) {
        namespace.ip("link", "add", "eth0", "type", "veth", "peer", "name", "wire");
        namespace.ip("link", "set", "wire", "up");
        namespace.ip("address", "add", "192.168.100.1/24", "dev", "eth0");
        namespace.ip("link", "set", "eth0", "up");
        namespace.ip("route", "add", "default", "via", "192.168.100.254");
    }

    private void assertFails(final NetworkNamespace namespace, final String... options) {
        try (BackgroundProcess weftd = WeftdProcess.start(namespace, directory, options)) {
            assertEquals(1, weftd.awaitExit(WeftdProcess.START_TIMEOUT_MS), weftd::output);
        }
    }

    private void awaitStatus(final int exitCode, final String words) {
        Await.until(() -> words + "\nnot in\n" + status(exitCode) + errors, Await.TIMEOUT_MS, () -> {
            final String found = status(exitCode);
            return !found.startsWith("exit code ") && found.contains(words);
        });
    }

    @Test
    void shouldSayThatItWaitsForTheRegistry() throws IOException {
        try (NetworkNamespace namespace = NetworkNamespace.create("start");
                BackgroundProcess weftd =
                        WeftdProcess.start(namespace, directory, "--etcd-endpoints=http://127.0.0.1:1")) {
            awaitStatus(
                    StatusCommand.WRONG,
                    "  process   WRONG  not ready yet, pods cannot be wired: it waits for the registry\n"
                            + "  registry  WRONG  etcd is waited for: ");
            final String who = "weftd, process " + weftd.process().pid();
            assertTrue(status(StatusCommand.WRONG).startsWith(who + ": live, network namespace "), errors::toString);
            awaitStatus(StatusCommand.WRONG, "127.0.0.1:1");
            assertTellsOfAnyDevice("registry etcd is waited for: ");
            final CommandLine line = WeftCommand.commandLine();
            line.setErr(new PrintWriter(errors, true));
            assertEquals(0, line.execute("show", "ports", "--run-dir=" + directory.resolve("run")));
            assertEquals("weft: " + who + ": not ready yet: weft status says what it waits for\n", errors.toString());
            weftd.process().destroy();
            assertEquals(0, weftd.awaitExit(Await.TIMEOUT_MS), weftd::output);
            assertEquals(List.of(), startRecords(), "a start that was told to stop");
        }
    }

    /** Which device it will have, nobody knows yet. */
    private void assertTellsOfAnyDevice(final String words) {
        final String run = "--run-dir=" + directory.resolve("run");
        assertTrue(run(StatusCommand.WRONG, "status", "--device=weft.1", run).startsWith("weftd, process "));
        errors.getBuffer().setLength(0);
        run(1, "explain", "10.244.1.2", "--device=weft.1", run);
        assertTrue(errors.toString().contains(words), errors::toString);
        errors.getBuffer().setLength(0);
    }

    /** What etcd shows is valid from the day after tomorrow on: as seen by a node whose clock is behind. */
    @Test
    void shouldSayThatThisNodesClockIsWrong() {
        assumeTrue(Files.exists(Path.of("/usr/bin/faketime")), "needs Debian's faketime");
        final Certificates certificates = new Certificates(directory);
        certificates.issueAhead("server");
        try (NetworkNamespace namespace = NetworkNamespace.create("start");
                BackgroundProcess etcd = namespace.start(
                        "openssl",
                        "s_server",
                        "-quiet",
                        "-accept",
                        "127.0.0.1:2379",
                        "-cert",
                        certificates.file("server.crt"),
                        "-key",
                        certificates.file("server.key"));
                BackgroundProcess weftd = WeftdProcess.start(
                        namespace,
                        directory,
                        "--etcd-endpoints=https://127.0.0.1:2379",
                        "--etcd-cafile=" + certificates.file("ca.crt"))) {
            awaitStatus(StatusCommand.WRONG, "its certificate is not valid yet by this node's clock, which says ");
            awaitStatus(StatusCommand.WRONG, ": set the clock (timedatectl, chronyc tracking)");
            run(1, "explain", "10.244.1.2", "--run-dir=" + directory.resolve("run"));
            assertTrue(errors.toString().contains("is weftd running, and ready (weft status)?"), errors::toString);
            assertTellsTheClock();
            errors.getBuffer().setLength(0);
            run(1, "ping", "all", "--run-dir=" + directory.resolve("run"));
            assertTellsTheClock();
            assertTrue(etcd.process().isAlive() && weftd.process().isAlive(), weftd::output);
        }
    }

    private void assertTellsTheClock() {
        assertTrue(
                errors.toString()
                        .matches("(?s).*weft status: process not ready yet, .*; registry etcd is waited for: .*"
                                + "its certificate is not valid yet by this node's clock, which says .*"
                                + ": set the clock \\(timedatectl, chronyc tracking\\).*"),
                errors::toString);
    }

    @Test
    void shouldSayWhatItTriesAgainAndHaveItsDevicesRecordThen() throws IOException {
        writeLeases();
        try (NetworkNamespace namespace = NetworkNamespace.create("start");
                BackgroundProcess weftd = WeftdProcess.start(
                        namespace, directory, "--registry=file:" + directory.resolve("leases.json"))) {
            awaitStatus(
                    StatusCommand.WRONG,
                    "  process   WRONG  not ready yet, pods cannot be wired: there is no default route to tell the interface:"
                            + " name it by --iface. Tried again every second\n  registry  ok     file, has answered\n");
            addUnderlay(namespace);
            weftd.awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
            awaitStatus(StatusCommand.OK, "weft.1: live, network namespace ");
            assertEquals(List.of(), startRecords(), "the device's record has taken its place");
        }
    }

    @Test
    void shouldKeepWhyAStartFailedUntilOneSucceeds() throws IOException {
        writeLeases();
        final String registry = "--registry=file:" + directory.resolve("leases.json");
        try (NetworkNamespace namespace = NetworkNamespace.create("start")) {
            addUnderlay(namespace);
            assertFails(namespace, "--registry=leases.json");
            assertFailed("--registry=leases.json: must be file:PATH, etcd or kube");
            assertFails(namespace, registry, "--iface=eth7");
            assertFails(namespace, registry, "--iface=eth8");
            assertEquals(2, startRecords().size(), "the last one of each registry");
            assertHasNothingToShowInTop();
            try (BackgroundProcess weftd = WeftdProcess.start(namespace, directory, registry)) {
                weftd.awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
                awaitStatus(StatusCommand.OK, "weft.1: live, network namespace ");
                assertEquals(List.of(), startRecords(), "the node has become what they were to be");
                assertFails(namespace, registry, "--iface=eth7");
                assertEquals(List.of(), startRecords(), "beside a node that goes on");
            }
            assertFails(namespace, registry, "--iface=eth9");
            assertFailed("no interface matches --iface=eth9: there is ");
            final Path archive = directory.resolve("report.zip");
            run(0, "report", "--run-dir=" + directory.resolve("run"), "--write=" + archive);
            final String archived = run(StatusCommand.GONE, "status", "--from=" + archive);
            assertTrue(archived.contains(": no interface matches --iface=eth9: there is "), archived);
            namespace.exec(WeftdProcess.command(directory, "--uninstall"));
            assertEquals(List.of(), startRecords(), "uninstalled");
        }
    }

    private void assertHasNothingToShowInTop() {
        for (final String form : List.of("text", "json")) {
            errors.getBuffer().setLength(0);
            assertEquals("", run(1, "top", "--count=1", "-o", form, "--run-dir=" + directory.resolve("run")));
            assertTrue(
                    errors.toString()
                            .matches(
                                    "(?s)weft: .*weftd( of weft\\.1)?, process \\d+: failed: its start came to nothing \\d+ s ago;"
                                            + " weft status says why.*"),
                    errors::toString);
        }
    }

    /** As one in a container of its own network, with the host's run directory: the device's files are another's. */
    @Test
    void shouldNoteAStartThatIsRefusedBesideADaemonThatGoesOn() throws IOException {
        writeLeases();
        final String registry = "--registry=file:" + directory.resolve("leases.json");
        try (NetworkNamespace namespace = NetworkNamespace.create("start");
                NetworkNamespace other = NetworkNamespace.create("other")) {
            addUnderlay(namespace);
            addUnderlay(other);
            try (BackgroundProcess weftd = WeftdProcess.start(namespace, directory, registry)) {
                weftd.awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
                assertFails(other, registry);
                final Path run = directory.resolve("run");
                new Operator(namespace, run).run(StatusCommand.OK, "status");
                final String missed = new Operator(other, run).run(StatusCommand.GONE, "status");
                assertTrue(
                        missed.contains("(this one)\n  process   WRONG  weftd's last start failed at ")
                                && missed.contains(": device weft.1 belongs to another weftd, "),
                        "the host's own, where a stray one has the device: " + missed);
                awaitStatus(StatusCommand.OK, "weftd of weft.1, process ");
                final String noted = status(StatusCommand.OK);
                assertTrue(
                        noted.matches(
                                "(?s).*: refused, network namespace \\d+ \\(another one\\)\n"
                                        + "  process   ok     nothing is missing, weft\\.1 has its weftd; another one's start was refused at"
                                        + " \\S+Z: device weft\\.1 belongs to another weftd, .*\\. weft clear --failed-starts forgets it\n"),
                        noted);
                weftd.process().destroyForcibly();
                awaitStatus(StatusCommand.GONE, "  process   WRONG  weftd's last start failed at ");
            }
            run(0, "clear", "--run-dir=" + directory.resolve("run"));
            assertEquals(1, startRecords().size(), "counters are cleared, and no cause is lost");
            final String name = startRecords().get(0).replace(".status", "");
            final String forgotten =
                    run(0, "clear", "--failed-starts", "-o", "json", "--run-dir=" + directory.resolve("run"));
            assertTrue(forgotten.startsWith("[{\"start\":\"" + name + "\",\"cleared\":\""), forgotten);
            assertEquals(List.of(), startRecords(), "forgotten");
        }
    }

    /** Neither in what is said, nor in what is kept, nor in what is sent to others. */
    @Test
    void shouldKeepAPasswordInAUrlToItself() throws IOException {
        final Path archive = directory.resolve("report.zip");
        try (NetworkNamespace namespace = NetworkNamespace.create("start");
                BackgroundProcess weftd = WeftdProcess.start(
                        namespace, directory, "-v=1", "--etcd-endpoints=http://root:wove-in@127.0.0.1:1")) {
            assertEquals(1, weftd.awaitExit(WeftdProcess.START_TIMEOUT_MS), weftd::output);
            assertFalse(weftd.output().contains("wove-in"), weftd::output);
            assertFailed("--etcd-endpoints: \"http://127.0.0.1:1\" has a user, or is no URL ");
            run(0, "report", "--run-dir=" + directory.resolve("run"), "--write=" + archive);
        }
        try (ZipFile zip = new ZipFile(archive.toFile())) {
            for (final ZipEntry entry : Collections.list(zip.entries())) {
                final String content = new String(zip.getInputStream(entry).readAllBytes(), ISO_8859_1);
                assertFalse(content.contains("wove-in"), entry::getName);
            }
        }
    }

    private void assertFailed(final String cause) {
        final String found = status(StatusCommand.GONE);
        assertTrue(
                found.matches(
                        "(?s)(weft.1: ended, .*)?weftd, process \\d+: failed, network namespace \\d+ \\(another one\\)\n"
                                + "  process   WRONG  weftd's last start failed at \\S+Z: \\Q" + cause
                                + "\\E.*\\. Put that right, and start it again; weft clear --failed-starts forgets it\n"),
                found);
        final String json = run(StatusCommand.GONE, "status", "-o", "json", "--run-dir=" + directory.resolve("run"));
        assertTrue(json.contains("\"liveness\":\"failed\""), json);
    }

    @Test
    void shouldTellTwoApartThatWaitInOneDirectory() {
        try (NetworkNamespace namespace = NetworkNamespace.create("start");
                BackgroundProcess one =
                        WeftdProcess.start(namespace, directory, "--etcd-endpoints=http://127.0.0.1:1");
                BackgroundProcess two =
                        WeftdProcess.start(namespace, directory, "--etcd-endpoints=http://127.0.0.1:2")) {
            for (final String words : List.of("127.0.0.1:1", "127.0.0.1:2")) {
                awaitStatus(StatusCommand.WRONG, words);
            }
            final String found = status(StatusCommand.WRONG);
            assertTrue(
                    found.matches("(?s).*" + waiting(one, 1) + ".*")
                            && found.matches("(?s).*" + waiting(two, 2) + ".*"),
                    found);
        }
    }

    private static String waiting(final BackgroundProcess weftd, final int port) {
        return "weftd, process " + weftd.process().pid()
                + ": live, [^\n]+\n  process [^\n]+\n  registry  WRONG  [^\n]+127.0.0.1:" + port + "\\b";
    }
}
