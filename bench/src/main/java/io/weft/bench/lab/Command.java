/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.bench.lab;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.SECONDS;

import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A program of the host, run to its end or started. May be called from any thread. */
public final class Command {
    /** No measurement or set-up step takes this long; what does hangs. */
    private static final long LIMIT_S = 120;

    /** What a program that ended left: its exit status, and standard output and error together. */
    public record Result(int status, String output) {
        /** Whether the program says that it did its work. */
        public boolean ok() {
            return 0 == status;
        }
    }

    /** A program could not be started, or ended with a status that is not 0. Says which, and the program's own words. */
    public static final class CommandException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        public CommandException(final String message) {
            super(message);
        }
    }

    private Command() {}

    /**
     * Runs a program to its end.
     *
     * @return its output.
     * @throws CommandException if its status is not 0.
     */
    public static String run(final List<String> words) {
        final Result result = tryRun(words);
        if (!result.ok()) {
            throw new CommandException(
                    String.join(" ", words) + ": status " + result.status() + ": " + result.output.strip());
        }
        return result.output;
    }

    /** As {@link #run(List)}. */
    public static String run(final String... words) {
        return run(List.of(words));
    }

    /** Runs a program to its end, whatever that is. */
    public static Result tryRun(final List<String> words) {
        return tryRun(words, SECONDS.toMillis(LIMIT_S));
    }

    /**
     * The same.
     *
     * @param limitMs for its end, and that of all which have its output.
     */
    static Result tryRun(final List<String> words, final long limitMs) {
        final long deadlineNs = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(limitMs);
        final Process process = launch(new ProcessBuilder(words).redirectErrorStream(true));
        final CompletableFuture<String> output = new CompletableFuture<>();
        final Thread reader = new Thread(() -> read(process, output), "output of " + words.get(0));
        reader.setDaemon(true);
        reader.start();
        boolean isDone = false;
        try {
            if (!process.waitFor(limitMs, TimeUnit.MILLISECONDS)) {
                throw new CommandException(String.join(" ", words) + ": still running after " + limitMs + " ms");
            }
            final String text = output.get(Math.max(0, deadlineNs - System.nanoTime()), TimeUnit.NANOSECONDS);
            isDone = true;
            return new Result(process.exitValue(), text);
        } catch (final TimeoutException ex) {
            throw new CommandException(
                    String.join(" ", words) + ": has ended and left a process that has its output after " + limitMs
                            + " ms; run it with an output of its own");
        } catch (final ExecutionException ex) {
            throw new CommandException(String.join(" ", words) + ": read its output: " + ex.getCause());
        } catch (final InterruptedException ex) {
            Thread.currentThread().interrupt();
            throw new CommandException(String.join(" ", words) + ": interrupted");
        } finally {
            if (!isDone) {
                endAll(process);
            }
        }
    }

    /** A shell, or ip netns exec, does not take what it runs with it. */
    private static void endAll(final Process process) {
        final List<ProcessHandle> all = process.descendants().toList();
        process.destroyForcibly();
        all.forEach(ProcessHandle::destroyForcibly);
    }

    /** Starts a program whose standard output and error go to a file. */
    public static Process start(final File log, final List<String> words) {
        return launch(new ProcessBuilder(words).redirectErrorStream(true).redirectOutput(log));
    }

    /** Starts a program that is spoken to through standard input and output; its errors are shown as they come. */
    public static Process converse(final List<String> words) {
        return launch(new ProcessBuilder(words).redirectError(ProcessBuilder.Redirect.INHERIT));
    }

    /** Ends a program: politely, and by force if it does not answer. */
    public static void end(final Process process) {
        process.destroy();
        try {
            if (!process.waitFor(5, SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (final InterruptedException ex) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }

    /** Ends a program by SIGKILL, which it cannot answer. */
    public static void kill(final Process process) {
        process.destroyForcibly().onExit().join();
    }

    /** A program's words put together from a prefix and the rest. */
    public static List<String> words(final List<String> prefix, final String... rest) {
        final List<String> words = new ArrayList<>(prefix);
        words.addAll(List.of(rest));
        return words;
    }

    private static Process launch(final ProcessBuilder builder) {
        try {
            return builder.start();
        } catch (final IOException ex) {
            throw new CommandException("start " + builder.command().get(0) + ": " + ex.getMessage());
        }
    }

    private static void read(final Process process, final CompletableFuture<String> output) {
        try {
            output.complete(new String(process.getInputStream().readAllBytes(), UTF_8));
        } catch (final IOException ex) {
            output.completeExceptionally(ex);
        }
    }
}
