/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.NetworkNamespace;
import io.weft.linux.testing.RequiresRoot;
import io.weft.overlay.WeftdProcess;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
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
        final StringWriter out = new StringWriter();
        final CommandLine line = WeftCommand.commandLine();
        line.setOut(new PrintWriter(out, true));
        line.setErr(new PrintWriter(errors, true));
        final int found = line.execute("status", "--run-dir=" + directory.resolve("run"));
        return (exitCode == found ? "" : "exit code " + found + "\n") + out;
    }

    private void awaitStatus(final int exitCode, final String words) {
        Await.until(() -> words + "\nnot in\n" + status(exitCode) + errors, Await.TIMEOUT_MS, () -> {
            final String found = status(exitCode);
            return !found.startsWith("exit code ") && found.contains(words);
        });
    }

    @Test
    void shouldSayThatItWaitsForTheRegistry() {
        try (NetworkNamespace namespace = NetworkNamespace.create("start");
                BackgroundProcess weftd =
                        WeftdProcess.start(namespace, directory, "--etcd-endpoints=http://127.0.0.1:1")) {
            awaitStatus(
                    StatusCommand.WRONG,
                    "  process   WRONG  not ready yet, pods cannot be wired: it waits for the registry\n"
                            + "  registry  WRONG  etcd is waited for: ");
            assertTrue(status(StatusCommand.WRONG).startsWith("weftd: live, network namespace "), errors::toString);
            awaitStatus(StatusCommand.WRONG, "127.0.0.1:1");
            final CommandLine line = WeftCommand.commandLine();
            line.setErr(new PrintWriter(errors, true));
            assertEquals(0, line.execute("show", "ports", "--run-dir=" + directory.resolve("run")));
            assertEquals("weft: weftd: not ready yet: weft status says what it waits for\n", errors.toString());
            weftd.process().destroy();
            assertEquals(0, weftd.awaitExit(Await.TIMEOUT_MS), weftd::output);
            assertFalse(Files.exists(directory.resolve("run/weftd.status")), "a start that came to nothing");
        }
    }

    @Test
    void shouldSayWhatItTriesAgainAndHaveItsDevicesRecordThen() throws IOException {
        Files.writeString(directory.resolve("leases.json"), """
                {"config":{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan"}},
                 "leases":{"10.244.0.0-24":{"PublicIP":"192.168.100.1","BackendType":"vxlan",
                 "BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:01"}}}}
                """);
        try (NetworkNamespace namespace = NetworkNamespace.create("start");
                BackgroundProcess weftd = WeftdProcess.start(
                        namespace, directory, "--registry=file:" + directory.resolve("leases.json"))) {
            awaitStatus(
                    StatusCommand.WRONG,
                    "  process   WRONG  not ready yet, pods cannot be wired: there is no default route to tell the interface:"
                            + " name it by --iface. Tried again every second\n  registry  ok     file, has answered\n");
            namespace.ip("link", "add", "eth0", "type", "veth", "peer", "name", "wire");
            namespace.ip("link", "set", "wire", "up");
            namespace.ip("address", "add", "192.168.100.1/24", "dev", "eth0");
            namespace.ip("link", "set", "eth0", "up");
            namespace.ip("route", "add", "default", "via", "192.168.100.254");
            weftd.awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
            awaitStatus(StatusCommand.OK, "weft.1: live, network namespace ");
            assertFalse(Files.exists(directory.resolve("run/weftd.status")), "the device's record has taken its place");
        }
    }
}
