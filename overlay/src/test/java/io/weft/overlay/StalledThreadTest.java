/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import io.weft.linux.testing.BackgroundProcess;
import io.weft.linux.testing.CloseAll;
import io.weft.linux.testing.RequiresRoot;
import io.weft.linux.testing.Topology;
import io.weft.overlay.cli.WeftCommand;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A data thread whose calls of the kernel last for long, since strace holds each of them, and no other thread. */
@RequiresRoot
class StalledThreadTest {
    private static final String HEALTHY = "flanneld is running";

    private final CloseAll resources = new CloseAll();
    private final Topology.Node node =
            resources.add(Topology.builder().nodes(1).build()).node(0);

    @AfterEach
    void tearDown() {
        resources.close();
    }

    @Test
    void shouldBeNamedByHealthzTheLogAndStatusUntilItGoesOn(@TempDir final Path directory) throws IOException {
        Files.writeString(
                directory.resolve("leases.json"),
                "{\"config\":{\"Network\":\"10.244.0.0/16\",\"Backend\":{\"Type\":\"vxlan\"}},\"leases\":{\""
                        + node.subnet().replace('/', '-') + "\":{\"PublicIP\":\"" + node.underlayAddress()
                        + "\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"" + node.vtepMac()
                        + "\"}}}}");
        final BackgroundProcess weftd = resources
                .add(WeftdProcess.start(node, directory, "--healthz-port=18081"))
                .awaitOutput("ready: ", WeftdProcess.START_TIMEOUT_MS);
        awaitHealth(HEALTHY, weftd);
        try (BackgroundProcess hindrance = node.namespace()
                .start(
                        "strace",
                        "-o/dev/null",
                        "--inject=all:delay_enter=100000000",
                        "-p" + threadId(weftd, "weft-worker-0"))) {
            awaitHealth("data thread weft-worker-0 of weft.1 stands still: kill -QUIT ", weftd);
            weftd.awaitOutput(
                    "ERROR data thread weft-worker-0 of weft.1 stands still: what it has taken in is not forwarded."
                            + " thread=\"weft-worker-0 of weft.1\"",
                    Await.TIMEOUT_MS);
            awaitStatus("  agents    WRONG  data thread weft-worker-0 of weft.1 stands still: kill -QUIT ", directory);
            awaitMetric("weft_condition{condition=\"data_threads\"} 0.0");
            await("weft.1 weft-worker-0: stands still for ", directory, "show", "agents");
            await("busy      weft-worker-0 stands still for ", directory, "top", "--count=1", "--interval=1");
            assertTrue(hindrance.process().isAlive(), hindrance::output);
        }
        awaitHealth(HEALTHY, weftd);
        weftd.awaitOutput("data thread weft-worker-0 of weft.1 goes on again.", Await.TIMEOUT_MS);
        awaitStatus("  agents    ok ", directory);
        awaitMetric("weft_condition{condition=\"data_threads\"} 1.0");
    }

    private static void awaitStatus(final String words, final Path directory) {
        await(words, directory, "status");
    }

    private static void await(final String words, final Path directory, final String... command) {
        final String[] arguments = Arrays.copyOf(command, command.length + 1);
        arguments[command.length] = "--run-dir=" + directory.resolve("run");
        final String[] last = {""};
        Await.until(() -> words + " in\n" + last[0], Await.TIMEOUT_MS, () -> {
            final StringWriter out = new StringWriter();
            WeftCommand.commandLine().setOut(new PrintWriter(out, true)).execute(arguments);
            last[0] = out.toString();
            return last[0].contains(words);
        });
    }

    private void awaitMetric(final String line) {
        Await.until(
                line,
                Await.TIMEOUT_MS,
                () -> node.namespace()
                        .tryExec("curl", "-s", "http://127.0.0.1:18081/metrics")
                        .output()
                        .contains('\n' + line + '\n'));
    }

    private void awaitHealth(final String words, final BackgroundProcess weftd) {
        Await.until(
                () -> words + ": " + weftd.output(),
                Await.TIMEOUT_MS,
                () -> node.namespace()
                        .tryExec("curl", "-s", "http://127.0.0.1:18081/healthz")
                        .output()
                        .startsWith(words));
    }

    private static String threadId(final BackgroundProcess process, final String name) throws IOException {
        final Path tasks = Path.of("/proc", String.valueOf(process.process().pid()), "task");
        try (DirectoryStream<Path> threads = Files.newDirectoryStream(tasks)) {
            for (final Path thread : threads) {
                if (Files.readString(thread.resolve("comm")).strip().equals(name)) {
                    return thread.getFileName().toString();
                }
            }
        }
        throw new AssertionError("no thread " + name + ":\n" + process.output());
    }
}
