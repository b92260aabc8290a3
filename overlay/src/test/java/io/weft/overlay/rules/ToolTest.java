/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.weft.linux.testing.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tools that behave as badly as a shell can have them. */
class ToolTest {
    private static final long SHORT_TIMEOUT_MS = 300;
    private static final long PATIENCE_MS = 60_000;
    private static final String LONG_INPUT = "x\n".repeat(1 << 20);

    @TempDir
    Path directory;

    private final List<String> lines = new ArrayList<>();

    private void run(final String script, final String input, final long timeoutMs) {
        Tool.run(List.of("bash", "-c", script, "tool", directory.toString()), input, lines::add, timeoutMs);
    }

    private String failure(final String script, final String input, final long timeoutMs) {
        return String.valueOf(assertThrows(RulesException.class, () -> run(script, input, timeoutMs))
                .getMessage());
    }

    private Optional<ProcessHandle> child() {
        try {
            final Path file = directory.resolve("child");
            return Files.exists(file)
                    ? ProcessHandle.of(Long.parseLong(Files.readString(file).strip()))
                    : Optional.empty();
        } catch (final IOException failure) {
            throw new IllegalStateException(failure);
        }
    }

    @AfterEach
    void tearDown() {
        child().ifPresent(ProcessHandle::destroyForcibly);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "sleep 1000",
                "exec sleep 1000",
                "exec sleep 1000 >&- 2>&-",
                "trap '' TERM; sleep 1000; sleep 1000",
                "yes",
                "yes >&2",
                "printf 'half a line'; sleep 1000",
            })
    void shouldGiveUpAToolThatDoesNotEnd(final String script) {
        final String message = failure(script, LONG_INPUT, SHORT_TIMEOUT_MS);
        assertTrue(message.contains("has not ended after 0 s, killed"), message);
    }

    @Test
    void shouldKillWhatTheToolHasStarted() {
        failure("sleep 1000 & echo $! > $1/new; mv $1/new $1/child; wait", "", 5_000);
        Await.until("end of the child", PATIENCE_MS, () -> child().isEmpty());
    }

    @Test
    void shouldNotWaitForAChildThatKeepsTheOutputOpen() {
        run("sleep 1000 & echo $! > $1/child; echo done", "", PATIENCE_MS);
        assertEquals(List.of("done"), lines);
        assertTrue(child().isPresent(), "it still runs");
    }

    @Test
    void shouldGiveAllLinesInTheirOrder() {
        run("seq 200000; printf end", "", PATIENCE_MS);
        final List<String> expected = new ArrayList<>(
                IntStream.rangeClosed(1, 200_000).mapToObj(String::valueOf).toList());
        expected.add("end");
        assertEquals(expected, lines);
    }

    @Test
    void shouldFeedTheTool() {
        run("wc -l", LONG_INPUT, PATIENCE_MS);
        assertEquals(List.of(String.valueOf(1 << 20)), lines);
    }

    @Test
    void shouldGiveTheToolsWordsWhenItFails() {
        final String message = failure("echo out; echo 'no rights' >&2; exit 4", LONG_INPUT, PATIENCE_MS);
        assertTrue(message.endsWith(": exit code 4: no rights"), message);
        final String flood = failure("yes | head -n 100000 >&2; exit 2", "", PATIENCE_MS);
        assertTrue(flood.contains("exit code 2: y\n") && flood.length() < 5_000, flood);
    }

    @Test
    void shouldEndWithTheToolWhenInterrupted() {
        final CompletableFuture<Thread> caller = new CompletableFuture<>();
        final CompletableFuture<Void> run = new CompletableFuture<>();
        final Thread thread = new Thread(() -> {
            caller.complete(Thread.currentThread());
            try {
                run("sleep 1000 & echo $! > $1/new; mv $1/new $1/child; wait", "", TimeUnit.MINUTES.toMillis(10));
                run.complete(null);
            } catch (final RulesException ended) {
                run.completeExceptionally(ended);
            }
        });
        thread.start();
        Await.until("start of the tool", PATIENCE_MS, () -> child().isPresent());
        caller.join().interrupt();
        assertThrows(CompletionException.class, run::join);
        Await.until("end of the child", PATIENCE_MS, () -> child().isEmpty());
    }

    @Test
    void shouldNotSayThatAToolIsMissingWhichMayNotBeRun() throws IOException {
        final String tool = Files.writeString(directory.resolve("tool"), "").toString();
        final String message =
                String.valueOf(assertThrows(RulesException.class, () -> Tool.run(List.of(tool), "", lines::add))
                        .getMessage());
        assertTrue(message.endsWith("See that weftd may run " + tool), message);
    }

    @Test
    void shouldNameTheRemedyWhenAToolIsMissing() {
        final String message = String.valueOf(assertThrows(
                        RulesException.class, () -> Tool.run(List.of("weft-no-tool", "-x"), "", lines::add))
                .getMessage());
        assertTrue(message.endsWith("Install weft-no-tool"), message);
        assertFalse(Tool.isInstalled("weft-no-tool"));
        assertTrue(Tool.isInstalled("bash"));
    }
}
