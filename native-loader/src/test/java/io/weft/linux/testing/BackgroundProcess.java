/* SPDX-License-Identifier: Apache-2.0 */
package io.weft.linux.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A process that runs beside the test; {@link #close()} ends it with all its children. */
public final class BackgroundProcess implements AutoCloseable {
    private static final long STOP_TIMEOUT_MS = Await.TIMEOUT_MS;

    private final List<String> command;
    private final Path outputFile;
    private final Process process;

    /**
     * Starts the process.
     *
     * @param command and its arguments.
     */
    BackgroundProcess(final List<String> command) {
        this.command = List.copyOf(command);
        try {
            outputFile = Files.createTempFile("weft-test-", ".log");
            try {
                process = new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(outputFile.toFile())
                        .start();
            } catch (final IOException e) {
                Files.deleteIfExists(outputFile);
                throw e;
            }
        } catch (final IOException e) {
            throw new UncheckedIOException("start " + String.join(" ", command), e);
        }
    }

    /** The process, to ask for its end, exit code or id, or to signal it. */
    public Process process() {
        return process;
    }

    /** What it has written to standard output and standard error so far. */
    public String output() {
        try {
            return Files.exists(outputFile) ? Files.readString(outputFile) : "";
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Waits until the output contains a text.
     *
     * @param text to wait for.
     * @param timeoutMs after which the wait fails.
     * @return this.
     * @throws AssertionError with the output so far if the text does not come in time or the process ends without it.
     */
    public BackgroundProcess awaitOutput(final String text, final long timeoutMs) {
        Await.until(
                () -> "'" + text + "' in the output of " + String.join(" ", command) + ":\n" + output(),
                timeoutMs,
                () -> {
                    final boolean alive = process.isAlive();
                    if (output().contains(text)) {
                        return true;
                    }
                    if (!alive) {
                        throw new AssertionError(String.join(" ", command) + " ended with " + process.exitValue()
                                + " before '" + text + "':\n" + output());
                    }
                    return false;
                });
        return this;
    }

    /**
     * Waits for the process's end.
     *
     * @param timeoutMs after which the wait fails.
     * @return its exit code.
     * @throws AssertionError with the output so far if it does not end in time.
     */
    public int awaitExit(final long timeoutMs) {
        Await.until(
                () -> "end of " + String.join(" ", command) + ":\n" + output(), timeoutMs, () -> !process.isAlive());
        return process.exitValue();
    }

    /** Ends the process and its children: SIGTERM, and SIGKILL to what is left after two minutes. */
    @Override
    public void close() {
        final List<ProcessHandle> children = process.descendants().toList();
        process.destroy();
        boolean interrupted = Thread.interrupted();
        try {
            process.waitFor(STOP_TIMEOUT_MS, TimeUnit.MILLISECONDS);
        } catch (final InterruptedException e) {
            interrupted = true;
        }
        process.destroyForcibly();
        children.forEach(ProcessHandle::destroyForcibly);
        try {
            Files.deleteIfExists(outputFile);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
