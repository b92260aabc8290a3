/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.overlay.rules;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.weft.overlay.host.ProcessLimits;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One run of a firewall tool. The calling thread never waits in a read of it, so that a deadline holds for the whole run,
 * whatever the tool and its children do; what it prints goes line by line to the caller and is not kept.
 */
final class Tool {
    /** A quarter of a million rules are printed in 1.5 s; a busy machine may be many times slower. */
    static final long TIMEOUT_MS = 60_000;

    private static final long POLL_INTERVAL_MS = 1;
    private static final int ERRORS_LENGTH_MAX = 2_000;

    private static final Pattern ERROR_NUMBER = Pattern.compile("error[:=] ?([0-9]+)");

    private final List<String> command;
    private final Process process;
    private final Lines output;
    private final Lines errors;
    private final StringBuilder errorText = new StringBuilder();
    private final byte[] bytes = new byte[1 << 16];

    private Tool(final List<String> command, final Process process, final Consumer<String> lines) {
        this.command = command;
        this.process = process;
        output = new Lines(lines);
        errors = new Lines(this::keepError);
    }

    /** Whether the search path of this process has such a program. */
    static boolean isInstalled(final String name) {
        final String path = System.getenv("PATH");
        return null != path
                && Pattern.compile(File.pathSeparator, Pattern.LITERAL)
                        .splitAsStream(path)
                        .anyMatch(directory -> Files.isExecutable(Path.of(directory, name)));
    }

    /**
     * Runs a tool to its end and requires that it succeeds.
     *
     * @param input text for its standard input.
     * @param lines takes each line of its standard output, on this thread.
     * @throws RulesException when it cannot be run, fails, or has not ended after {@value #TIMEOUT_MS} ms.
     */
    static void run(final List<String> command, final String input, final Consumer<String> lines) {
        run(command, input, lines, TIMEOUT_MS);
    }

    static void run(
            final List<String> command, final String input, final Consumer<String> lines, final long timeoutMs) {
        final Process process;
        try {
            process = new ProcessBuilder(command).start();
        } catch (final IOException failure) {
            throw new RulesException(
                    String.join(" ", command) + ": " + failure.getMessage() + ". " + remedy(failure, command.get(0)));
        }
        final Tool tool = new Tool(command, process, lines);
        tool.feed(input);
        tool.runToEnd(timeoutMs);
    }

    /** By the number of the error, which the JVM tells in its message alone, in one way or another ({@code error=2, error: 2}). */
    private static String remedy(final IOException failure, final String program) {
        final Matcher error = ERROR_NUMBER.matcher(String.valueOf(failure.getMessage()));
        return switch (error.find() ? error.group(1) : "") {
            case "2" -> "Install " + program; // ENOENT
            case "11" -> "Allow weftd more " + ProcessLimits.MORE_THREADS; // EAGAIN, of fork
            case "12" -> "The machine, or weftd's control group, has no memory for it"; // ENOMEM
            default -> "See that weftd may run " + program;
        };
    }

    /** Writes the input on a thread of its own, since a tool that does not read it would stop the writer. */
    private void feed(final String input) {
        final Thread writer = new Thread(
                () -> {
                    try (OutputStream stdin = process.getOutputStream()) {
                        stdin.write(input.getBytes(UTF_8));
                    } catch (final IOException notRead) {
                        // The tool has ended without reading it; its exit code tells why.
                    }
                },
                "weft-rules-in");
        writer.setDaemon(true);
        try {
            writer.start();
        } catch (final OutOfMemoryError noThread) {
            kill();
            ProcessLimits.requireOfThreads(noThread);
            throw failed("no thread can be started to write its input: allow weftd more " + ProcessLimits.MORE_THREADS);
        }
    }

    private void runToEnd(final long timeoutMs) {
        try {
            read(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMs), timeoutMs);
        } catch (final IOException failure) {
            throw failed(failure.toString());
        } catch (final InterruptedException stop) {
            Thread.currentThread().interrupt();
            throw failed("interrupted");
        } finally {
            kill();
        }
        if (0 != process.exitValue()) {
            throw failed("exit code " + process.exitValue() + ": "
                    + errorText.toString().strip());
        }
    }

    private void read(final long deadlineNs, final long timeoutMs) throws IOException, InterruptedException {
        boolean isRunning = true;
        while (isRunning) {
            // Asked before the streams: what it wrote before its end can be read after it.
            isRunning = process.isAlive();
            boolean hasMore = true;
            while (hasMore) {
                requireTime(deadlineNs, timeoutMs);
                hasMore = take(process.getInputStream(), output);
                hasMore |= take(process.getErrorStream(), errors);
            }
            if (isRunning) {
                TimeUnit.MILLISECONDS.sleep(POLL_INTERVAL_MS);
            }
        }
        output.end();
        errors.end();
    }

    private void requireTime(final long deadlineNs, final long timeoutMs) {
        if (System.nanoTime() - deadlineNs > 0) {
            throw failed("has not ended after " + TimeUnit.MILLISECONDS.toSeconds(timeoutMs)
                    + " s, killed. Does another program keep /run/xtables.lock?");
        }
    }

    /** Takes what is there, without waiting; false when there was nothing. */
    private boolean take(final InputStream stream, final Lines lines) throws IOException {
        final int available = stream.available();
        if (0 == available) {
            return false;
        }
        lines.add(bytes, stream.read(bytes, 0, Math.min(bytes.length, available)));
        return true;
    }

    private void keepError(final String line) {
        if (errorText.length() < ERRORS_LENGTH_MAX) {
            errorText.append(line).append('\n');
        }
    }

    private RulesException failed(final String how) {
        return new RulesException(String.join(" ", command) + ": " + how);
    }

    /**
     * Ends the tool and all that it started, and does not wait for it: a process may hang in the kernel. By its handle, since
     * {@link Process#destroyForcibly} would wait for a writer of its input.
     */
    private void kill() {
        if (process.isAlive()) {
            final List<ProcessHandle> descendants = process.descendants().toList();
            process.toHandle().destroyForcibly();
            descendants.forEach(ProcessHandle::destroyForcibly);
        }
    }

    /** Cuts bytes into lines. */
    private static final class Lines {
        /** iptables' longest are around a thousand; what is longer is none of ours. */
        private static final int LENGTH_MAX = 1 << 14;

        private final Consumer<String> consumer;
        private final byte[] line = new byte[LENGTH_MAX];
        private int length;

        Lines(final Consumer<String> consumer) {
            this.consumer = consumer;
        }

        void add(final byte[] bytes, final int count) {
            for (int i = 0; i < count; i++) {
                if ('\n' == bytes[i]) {
                    consumer.accept(new String(line, 0, length, UTF_8));
                    length = 0;
                } else if (length < LENGTH_MAX) {
                    line[length++] = bytes[i];
                }
            }
        }

        void end() {
            if (length > 0) {
                consumer.accept(new String(line, 0, length, UTF_8));
            }
        }
    }
}
