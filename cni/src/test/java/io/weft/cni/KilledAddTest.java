/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.cni;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.cni.PluginProcess.Outcome;
import io.weft.linux.testing.Await;
import io.weft.linux.testing.Command;
import io.weft.linux.testing.RequiresRoot;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A runtime that gives up kills the plugin at any point of ADD, and calls DEL at once. Nothing may stay behind. */
@RequiresRoot
class KilledAddTest {
    private static final String POD = "pod-1";
    private static final int SIGKILL_EXIT_CODE = 128 + 9;
    private static final int MANY = 40;

    @TempDir
    Path directory;

    private Node node;

    @BeforeEach
    void createNode() {
        node = new Node(directory, "1.0.0");
    }

    @AfterEach
    void close() {
        node.close();
    }

    /** Every step of an ADD that the outside can see begins with one of these calls. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "mkdir",
                "fsync",
                "pipe2,pipe",
                "vfork,clone,clone3",
                "write",
                "wait4,waitid",
                "link,linkat",
                "unlink,unlinkat"
            })
    void shouldLeaveNothingWhenKilledAtSystemCall(final String calls) throws IOException {
        Assumptions.assumeTrue(
                0 == Command.tryRun(List.of("sh", "-c", "command -v strace")).exitCode(),
                "needs Debian's strace, which kills at a system call");
        int kills = 0;
        for (int n = 1; n <= MANY; n++) {
            final Outcome outcome = addKilledAt(calls, n);
            final String when = "killed at call " + n + " of " + calls;
            node.network().weftCni("DEL", POD, node.pod()).succeeded();
            node.assertNothingLeft(when);
            if (0 == outcome.exitCode()) {
                break;
            }
            assertEquals(SIGKILL_EXIT_CODE, outcome.exitCode(), when + ": " + outcome);
            kills++;
        }
        assertTrue(kills > 0 && kills < MANY, calls + ": killed " + kills + " times");
    }

    private Outcome addKilledAt(final String calls, final int n) throws IOException {
        final List<String> command =
                new ArrayList<>(PluginProcess.inNamespace(node.namespace().name(), "strace"));
        // Threads are followed; the delegate, a program of its own, is let go.
        command.addAll(List.of("-f", "-q", "-b", "execve", "-o", "/dev/null"));
        command.addAll(List.of("-e", "trace=" + calls, "-e", "inject=" + calls + ":signal=SIGKILL:when=" + n));
        command.add(runtime().resolve("bin/java").toString());
        command.addAll(PluginRuntime.FLAGS);
        command.add(WeftCni.class.getName());
        final Map<String, String> variables = node.network().variables("ADD", POD, node.pod());
        // As the launcher does, which is not traced.
        variables.put(UnfinishedAdd.OPERATION, UnfinishedAdd.operation(io.weft.cni.Command.ADD, POD, "eth0"));
        return PluginProcess.run(command, variables, node.network().stdin());
    }

    private static Path runtime() throws IOException {
        try (DirectoryStream<Path> runtimes =
                Files.newDirectoryStream(InstalledPlugin.binDir().resolve("weft-cni.d"), "[0-9]*")) {
            return runtimes.iterator().next();
        }
    }

    @Test
    void shouldLeaveNothingWhenKilledAtAnyTime() throws IOException, InterruptedException {
        boolean hasFinished = false;
        // Steps that grow, since an ADD may take long.
        for (int delayMs = 0; !hasFinished; delayMs += 3 + delayMs / 50) {
            final Process add = start();
            hasFinished = add.waitFor(delayMs, TimeUnit.MILLISECONDS);
            add.destroyForcibly().waitFor();
            node.network().weftCni("DEL", POD, node.pod()).succeeded();
            node.assertNothingLeft("killed after " + delayMs + " ms");
        }
    }

    @Test
    void shouldWaitForDelegateWhenItOutlivesItsPlugin() throws IOException, InterruptedException {
        final Path started = directory.resolve("started");
        final Path gate = directory.resolve("gate");
        Command.run(List.of("mkfifo", gate.toString()));
        node.replacePlugin(
                "bridge",
                "[ ADD = $CNI_COMMAND ] || exec $REAL\ntouch " + started + "\nread -r _ <" + gate + "\nexec $REAL");
        final Process add = start();
        Await.until("the delegate's start", Await.TIMEOUT_MS, () -> Files.exists(started));
        add.destroyForcibly().waitFor();

        final CompletableFuture<Outcome> delete =
                CompletableFuture.supplyAsync(() -> node.network().weftCni("DEL", POD, node.pod()));
        assertThrows(TimeoutException.class, () -> delete.get(1, TimeUnit.SECONDS));
        Files.writeString(gate, "\n");
        delete.join().succeeded();
        Await.until("the delegate's end", Await.TIMEOUT_MS, () -> !isRunning("ADD"));
        node.assertNothingLeft("after the delegate's end");
    }

    @Test
    void shouldKillDelegateWhenItHangs() throws IOException, InterruptedException {
        final Path started = directory.resolve("started");
        final Path gate = directory.resolve("gate");
        Command.run(List.of("mkfifo", gate.toString()));
        node.replacePlugin(
                "bridge", "[ ADD = $CNI_COMMAND ] || exec $REAL\n$REAL\ntouch " + started + "\nread -r _ <" + gate);
        final Process add = start();
        Await.until("the delegate's work", Await.TIMEOUT_MS, () -> Files.exists(started));
        add.destroyForcibly().waitFor();
        final Outcome deleted = node.network().weftCni("DEL", POD, node.pod()).succeeded();
        assertTrue(deleted.errors().contains("has not ended"), deleted.errors());
        assertFalse(isRunning("ADD"));
        node.assertNothingLeft("after DEL");
    }

    private Process start() throws IOException {
        final ProcessBuilder builder = new ProcessBuilder(PluginProcess.inNamespace(
                        node.namespace().name(),
                        InstalledPlugin.binDir().resolve("weft-cni").toString()))
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD);
        builder.environment().putAll(node.network().variables("ADD", POD, node.pod()));
        final Process process = builder.start();
        try (OutputStream stdin = process.getOutputStream()) {
            stdin.write(node.network().stdin().getBytes(StandardCharsets.UTF_8));
        }
        return process;
    }

    /** Whether a process has an operation of this test's network in its environment. */
    private boolean isRunning(final String command) {
        final String mark = "CNI_NETNS=" + node.pod().path();
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (final Path process : processes) {
                final String environment = environment(process);
                if (environment.contains(mark) && environment.contains("CNI_COMMAND=" + command)) {
                    return true;
                }
            }
            return false;
        } catch (final IOException e) {
            throw new AssertionError(e);
        }
    }

    private static String environment(final Path process) {
        try {
            return new String(Files.readAllBytes(process.resolve("environ")), StandardCharsets.ISO_8859_1);
        } catch (final IOException e) {
            return ""; // It has ended.
        }
    }
}
